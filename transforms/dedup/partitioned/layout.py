"""How documents and keys are divided among the tasks of a partitioned plan."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.runs import Work
from transforms.corpus.scan_numbers import ScannedNumbers
from transforms.dedup.duplicates import ROWS
from transforms.dedup.partitioned.parts import Parts

if TYPE_CHECKING:
    from transforms.dedup.plan import PlanConfig

FOLDER = "partitioned"
"""Where a run keeps the files of its plan, in its work folder."""
PLACE_BITS = 42
"""Bits of a document in the number of a pair."""
BAND_BITS = 12
"""Bits of a band in the number of a large bucket."""
MAX_DOCUMENTS = 1 << PLACE_BITS
_PLACE = np.uint64(MAX_DOCUMENTS - 1)


@dataclass(frozen=True)
class Sizes:
    """How much a task holds; tests make everything small.

    Attributes:
        range_bits: a range has 2**range_bits documents.
        most_ranges: ranges of which a corpus has no more; larger ones have larger ranges, up to 2**22 documents.
        span: ranges that one splitting task reads.
        slice_keys: keys of one band, or hashes, that a task groups at once.
        wave: bands whose keys are on disk at once.
        pairs: candidate pairs that a task holds at once.
        rows: of a section with sketches.
        component: bytes of a group of components that one task decides on.
        dense: documents up to which one task finds all components, with 4 bytes for each.
        all_pairs: members up to which all pairs of a bucket are compared.
        shown: rows of one file of duplicates/.
    """

    range_bits: int = 20
    most_ranges: int = 1 << 10
    span: int = 2
    slice_keys: int = 8_000_000
    wave: int = 7
    pairs: int = 16_000_000
    rows: int = 1 << 18
    component: int = 160_000_000
    dense: int = 1 << 27
    all_pairs: int = 32
    shown: int = ROWS


SIZES = Sizes()
"""What a task holds, of two or three hundred bytes each: with what comes of them in between, less than 2 GB."""


@dataclass(frozen=True)
class Layout:
    """The division for one corpus: a function of its size, the bands and `sizes` alone."""

    documents: int
    bands: int
    sizes: Sizes = SIZES

    def __post_init__(self) -> None:
        if self.documents > MAX_DOCUMENTS or self.bands > 1 << BAND_BITS:
            raise CorpusError(f"{self.documents:,} documents in {self.bands} bands: more than a plan can number")

    @cached_property
    def bits(self) -> int:
        """A range has 2**bits documents."""
        bits = self.sizes.range_bits
        while bits < 22 and -(-self.documents >> bits) > self.sizes.most_ranges:
            bits += 1
        return bits

    @property
    def ranges(self) -> int:
        """Runs of documents of equal length, the last one shorter."""
        return max(1, -(-self.documents >> self.bits))

    @property
    def splits(self) -> int:
        """Tasks that split hashes or keys."""
        return -(-self.ranges // self.sizes.span)

    @property
    def slices(self) -> int:
        """Slices of the hashes, and of the keys of each band."""
        return max(1, -(-self.documents // self.sizes.slice_keys))

    @property
    def waves(self) -> list[range]:
        """Bands that are split and grouped together, so that only their keys are on disk at once."""
        step = self.sizes.wave
        return [range(first, min(self.bands, first + step)) for first in range(0, self.bands, step)]

    def bounds(self, number: int) -> tuple[int, int]:
        """The documents of a range: first and end."""
        return number << self.bits, min(self.documents, (number + 1) << self.bits)

    def of_split(self, split: int) -> range:
        """The ranges that a splitting task reads."""
        return range(split * self.sizes.span, min(self.ranges, (split + 1) * self.sizes.span))

    def first_of_split(self, split: int) -> int:
        """The first document that a splitting task reads."""
        return (split * self.sizes.span) << self.bits

    def range_of(self, documents: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
        """The range of each document, uint32[n]."""
        return (documents >> np.uint64(self.bits)).astype(np.uint32)

    def pair(self, own: npt.NDArray[np.uint64], other: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """The number of each pair, to be sent to the range of `own`: uint64[n] thrice."""
        return (own & np.uint64((1 << self.bits) - 1)) << np.uint64(PLACE_BITS) | other

    @staticmethod
    def unpair(pairs: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint64]]:
        """The place in its range of the one document, and the other document."""
        return (pairs >> np.uint64(PLACE_BITS)).astype(np.int64), pairs & _PLACE


@dataclass(frozen=True)
class Setting:
    """What every task of a plan is given."""

    work: Work
    scan: dict[str, Any]
    """Of the committed scan: what its tasks have written."""
    config: "PlanConfig"
    layout: Layout

    @classmethod
    def of(cls, scan: dict[str, Any], config: "PlanConfig", work: Work, sizes: Sizes) -> "Setting":
        """For a committed scan."""
        slim = {"tasks": [{key: task[key] for key in ("task", "rows", "source")} for task in scan["tasks"]]}
        layout = Layout(int(scan["rows"]), config.minhash.bands, sizes)
        return cls(work, {**slim, "quarantined": scan["quarantined"]}, config, layout)

    @property
    def numbers(self) -> ScannedNumbers:
        """The scan's numbers."""
        return ScannedNumbers(self.work, self.scan)

    def parts(self, stage: str, tasks: int) -> Parts:
        """The files of a stage."""
        return Parts(self.work.folder.child(FOLDER), stage, tasks)

    @property
    def exact(self) -> Parts:
        """Which documents are copies."""
        return self.parts("exact", self.layout.slices)

    @property
    def by_first(self) -> Sequence[Parts]:
        """Candidate pairs and large buckets, of each wave of bands."""
        return [self.parts(f"pairs-{wave}", self.layout.slices) for wave in range(len(self.layout.waves))]

    def of_ranges(self, stage: str) -> Parts:
        """The files of a stage with one task for each range."""
        return self.parts(stage, self.layout.ranges)


def chosen_rows(
    setting: Setting, number: int, column: str, width: int, chosen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """A fixed-width column of the `chosen` documents (bool, by place) of a range: uint8[rows, width]."""
    first, end = setting.layout.bounds(number)
    out = np.empty((int(chosen.sum()), width), np.uint8)
    at = 0
    for begin, table in setting.numbers.groups(first, end, [column], lambda lo, hi: chosen[lo - first : hi - first]):
        inside = chosen[begin - first : begin - first + table.num_rows]
        values = fixed_rows(table[column], width)[inside]
        out[at : at + len(values)] = values
        at += len(values)
    return out


def fixed_rows(column: pa.ChunkedArray, width: int) -> npt.NDArray[np.uint8]:
    """A fixed-width column as uint8[n, width]."""
    parts = [
        np.frombuffer(chunk.buffers()[1], np.uint8).reshape(-1, width)[chunk.offset : chunk.offset + len(chunk)]
        for chunk in column.chunks
    ]
    return np.concatenate(parts) if parts else np.empty((0, width), np.uint8)


def whole_column(setting: Setting, first: int, end: int, column: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """A numeric column of the documents from `first` to `end`."""
    out = np.empty(end - first, dtype)
    for begin, table in setting.numbers.groups(first, end, [column]):
        out[begin - first : begin - first + table.num_rows] = table[column].to_numpy()
    return out


def copy_flags(setting: Setting, number: int) -> npt.NDArray[np.bool_]:
    """Which documents of a range are copies that another one stands for: bool, by place."""
    from schemas.working.partitioned import copies

    first, end = setting.layout.bounds(number)
    flags = np.zeros(end - first, np.bool_)
    for (documents,) in setting.exact.chunks(copies(), number):
        flags[(documents - np.uint64(first)).astype(np.int64)] = True
    return flags


def runs(ascending: npt.NDArray[Any]) -> Iterator[tuple[int, int]]:
    """Begin and end of each run of equal values."""
    borders = np.flatnonzero(np.append(True, ascending[1:] != ascending[:-1])) if len(ascending) else np.empty(0, int)
    yield from zip(borders.tolist(), [*borders[1:].tolist(), len(ascending)], strict=True)
