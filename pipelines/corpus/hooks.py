"""The points at which a corpus run lets something be planted: `Planting`, and `NothingPlanted`, which does nothing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.corpus.input import Input
from pipelines.corpus.summaries import PlanSummary, ScanSummary
from transforms.base.runs import Work
from transforms.corpus.input.sources import Source

if TYPE_CHECKING:
    from transforms.corpus.output.rewrite import Editor
    from transforms.dedup.scan import Watch


@dataclass(frozen=True)
class Added:
    """Documents that are added to a corpus, by the kept documents that they follow.

    Attributes:
        in_input: uint64[k], ascending: file << 40 | row number of these.
        in_output: uint64[k], ascending: shard << 40 | row of these, nothing being added.
    """

    in_input: npt.NDArray[np.uint64]
    in_output: npt.NDArray[np.uint64]


class Planting(Protocol):
    """What is planted while a corpus is deduplicated. A run calls the methods in the order in which they stand here."""

    def describe(self) -> list[str]:
        """What would be planted, one line each, for a dry run; nothing else is called then."""

    def identity(self) -> Mapping[str, Any]:
        """What the output depends on beside the settings of the deduplication; it goes into the run's public name."""

    def begin(self, work: Work, found: Input) -> None:
        """Bind to a run and check the input; nothing is written yet.

        Raises:
            CorpusError: if this input cannot be planted, or not by this run.
        """

    def enter(self) -> None:
        """Make a work folder of its own; it is called before the output folder is touched."""

    def watch(self) -> "Watch | None":
        """What the scan looks for in the texts; None for nothing."""

    def refuse(self, scan: ScanSummary, sources: Sequence[Source]) -> None:
        """Check what `watch` has found.

        Raises:
            RunError: if this input must not be planted.
        """

    def plan(self, work: Work, scan: ScanSummary, plan: PlanSummary) -> Added:
        """Decide what is planted where.

        Raises:
            CorpusError: if the corpus cannot hold what is to be planted.
        """

    def editor(self) -> "Editor | None":
        """What changes the documents while they are rewritten; None for nothing."""

    def covered_bytes(self, duplicates: Iterable[pa.Table]) -> Mapping[str, int]:
        """Once the output is written: bytes to count for removed documents beside their own, by reason.

        `duplicates` are the published tables of removed documents.
        """

    def finish(self, manifest: bytes) -> None:
        """Record what was planted, once the output is written and before its manifest is."""

    def close(self) -> None:
        """Remove the work folder: the run is finished, or was refused."""

    def results(self) -> list[str]:
        """What to tell the person at the end, one line each."""


@dataclass(frozen=True)
class NothingPlanted:
    """The planting of a run that only deduplicates."""

    def describe(self) -> list[str]:
        """Nothing."""
        return []

    def identity(self) -> Mapping[str, Any]:
        """Nothing."""
        return {}

    def begin(self, work: Work, found: Input) -> None:
        """Accept every input."""

    def enter(self) -> None:
        """No work folder is needed."""

    def watch(self) -> "Watch | None":
        """Nothing."""
        return None

    def refuse(self, scan: ScanSummary, sources: Sequence[Source]) -> None:
        """Accept every input."""

    def plan(self, work: Work, scan: ScanSummary, plan: PlanSummary) -> Added:  # noqa: ARG002
        """No document is added."""
        return Added(np.empty(0, np.uint64), np.empty(0, np.uint64))

    def editor(self) -> "Editor | None":
        """Nothing."""
        return None

    def covered_bytes(self, duplicates: Iterable[pa.Table]) -> Mapping[str, int]:  # noqa: ARG002
        """Nothing."""
        return {}

    def finish(self, manifest: bytes) -> None:
        """Nothing to record."""

    def close(self) -> None:
        """Nothing to remove."""

    def results(self) -> list[str]:
        """Nothing."""
        return []
