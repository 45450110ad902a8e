"""What is known of a finished deduplication: `metrics.json`, and what its report shows."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.corpus.summaries import Clusters, Comparisons, Similarity
from pipelines.running.progress import StageTime
from transforms.corpus.output.manifest import Counts


@dataclass(frozen=True)
class Timing:
    """How long a run took, and on what."""

    seconds: float
    """From start to finish."""
    compile_seconds: float
    """Of these, how long the run waited for kernels to be compiled: 0 on a machine that has run the command before."""
    resumed: bool
    """An earlier, interrupted run had done a part of the work: the time is not that of all of it."""
    threads: int
    stages: tuple[StageTime, ...]
    peak_rss_bytes: int


@dataclass(frozen=True)
class Example:
    """The texts of a removed document and of the kept one that covers it."""

    removed: str
    kept: str
    similarity: float
    removed_id: str
    kept_id: str


@dataclass(frozen=True)
class DedupFacts:
    """A finished deduplication in numbers; no text is among them."""

    counts: Counts
    clusters: Clusters
    similarity: Similarity
    comparisons: Comparisons
    timing: Timing
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    input: tuple[str, ...]
    output: str
    left_out: tuple[str, ...] = ()
    """Files in the folders of the input that were not read."""
    not_utf8: Mapping[str, int] = field(default_factory=dict)
    """Columns other than the text with text that is not UTF-8, and in how many documents."""
    planned: str = "one"
    """How it was decided which documents stay: by one task ("one"), or by many ("partitioned")."""
    command: str = "dedup"

    @property
    def mb_per_second(self) -> float | None:
        """Text read per second of the whole run but for compiling kernels; None for one that was resumed."""
        timing = self.timing
        return None if timing.resumed else self.counts.bytes_in / 1e6 / (timing.seconds - timing.compile_seconds)

    def to_json(self) -> dict[str, Any]:
        """The content of `metrics.json`."""
        found = asdict(self)
        found |= found.pop("timing")
        found["clusters"]["sizes"] = {str(size): number for size, number in self.clusters.sizes.items()}
        speed = self.mb_per_second
        return found if speed is None else {**found, "mb_per_second": speed}
