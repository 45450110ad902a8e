"""Where the output's shards begin and end, decided on byte counts before the text is read again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from transforms.base.texts import offsets_of
from transforms.corpus.input.addresses import POSITION_BITS

END = (1 << 64) - 1


def default_shard_bytes(text_bytes: int) -> int:
    """A 64th of the text, between 32 and 512 MB: enough shards to keep all cores busy, few enough to handle."""
    return max(32_000_000, min(512_000_000, text_bytes // 64))


@dataclass(frozen=True)
class Shard:
    """Addresses `lo` <= a < `hi` with the number of surviving documents in it and their text in bytes.

    The last shard's `hi` is the largest uint64, which is no document's address.
    """

    ordinal: int
    lo: int
    hi: int
    rows: int
    text_bytes: int


class Kept(Protocol):
    """The surviving documents in address order, wherever their numbers are."""

    rows: int

    def rank(self, addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """How many of them come before each of the ascending `addresses`."""

    def bytes_before(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Text of the first `ranks[k]` of them; `ranks` ascend."""

    def address_after(self, text_bytes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """The first of them with which there is more text than `text_bytes[k]`, which ascend and are less than all."""


class KeptArrays:
    """Surviving documents in memory.

    Args:
        addresses: uint64[n], ascending.
        sizes: uint32[n], UTF-8 bytes of their texts.
    """

    def __init__(self, addresses: npt.NDArray[np.uint64], sizes: npt.NDArray[np.uint32]) -> None:
        self.rows = len(addresses)
        self._addresses = addresses
        self._totals = offsets_of(sizes)

    def rank(self, addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """As `Kept` says."""
        return np.searchsorted(self._addresses, addresses)

    def bytes_before(self, ranks: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """As `Kept` says."""
        return self._totals[ranks]

    def address_after(self, text_bytes: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
        """As `Kept` says."""
        return self._addresses[np.searchsorted(self._totals[1:], text_bytes, side="right")]


def cut_shards(kept: Kept, shard_bytes: int, compressed_files: Sequence[int] = ()) -> list[Shard]:
    """Cut the address space into shards of about `shard_bytes` of surviving text, the shards even in size.

    A compressed file can only be read from its beginning, so a shard border stands at the start and the end of
    each one that is larger than a shard, and never inside one that is smaller: then no two shards that different
    tasks may write need the same compressed file, save the shards within one large file.

    Args:
        kept: the surviving documents.
        shard_bytes: wanted size; a single larger document makes a larger shard.
        compressed_files: ordinals of the compressed files.

    Returns:
        At least one shard, possibly empty; together they cover every address.
    """
    starts: list[int] = []
    for stretch in _stretches(kept, shard_bytes, compressed_files):
        starts.append(stretch.border)
        if stretch.splittable:
            starts += _cut_stretch(kept, stretch, shard_bytes)
    starts = sorted({0, *starts[1:]})
    edges = [*kept.rank(np.array(starts, np.uint64)).tolist(), kept.rows]
    totals = kept.bytes_before(np.array(edges)).tolist()
    return [
        Shard(at, start, after, edges[at + 1] - edges[at], totals[at + 1] - totals[at])
        for at, (start, after) in enumerate(zip(starts, [*starts[1:], END], strict=True))
    ]


def output_rows(kept: npt.NDArray[np.bool_], shards: Sequence[Shard]) -> npt.NDArray[np.uint64]:
    """Where the kept documents stand in the output.

    Args:
        kept: bool[n], of the documents in address order.
        shards: of the output.

    Returns:
        uint64[n]: number of the shard << 40 | row in it; without meaning for a document that is not kept.
    """
    return rows_of_ranks(np.cumsum(kept, dtype=np.int64) - kept, shards)


def rows_of_ranks(ranks: npt.NDArray[np.int64], shards: Sequence[Shard]) -> npt.NDArray[np.uint64]:
    """Where kept documents stand in the output, as `output_rows`, by how many kept ones come before each."""
    starts = offsets_of([shard.rows for shard in shards])[:-1]
    shard = np.searchsorted(starts, ranks, side="right") - 1
    high = shard.astype(np.uint64) << np.uint64(POSITION_BITS)
    return np.asarray(high | (ranks - starts[shard]).astype(np.uint64))


@dataclass(frozen=True)
class _Stretch:
    """Documents `first` <= i < `end`, from address `border` on, that are cut apart from all others."""

    first: int
    end: int
    border: int
    splittable: bool
    bytes_before: int


def _stretches(kept: Kept, shard_bytes: int, compressed_files: Sequence[int]) -> list[_Stretch]:
    files = sorted(compressed_files)
    borders = np.array([(start << POSITION_BITS, (start + 1) << POSITION_BITS) for start in files], np.uint64)
    ranks = kept.rank(borders.reshape(-1))
    totals = kept.bytes_before(ranks).reshape(-1, 2).tolist()
    stretches: list[_Stretch] = []
    begin, border, begin_bytes = 0, 0, 0
    for file, (first, end), (before, after_bytes) in zip(files, ranks.reshape(-1, 2).tolist(), totals, strict=True):
        start, after = file << POSITION_BITS, (file + 1) << POSITION_BITS
        if first == end:
            continue
        if begin < first:
            stretches.append(_Stretch(begin, first, border, True, begin_bytes))
        last = stretches[-1] if stretches else None
        if last and not last.splittable and after_bytes - last.bytes_before <= shard_bytes:
            stretches[-1] = _Stretch(last.first, end, last.border, False, last.bytes_before)
        else:
            large = after_bytes - before > shard_bytes
            stretches.append(_Stretch(first, end, start, large, before))
        begin, border, begin_bytes = end, after, after_bytes
    if begin < kept.rows or not stretches:
        stretches.append(_Stretch(begin, kept.rows, border, True, begin_bytes))
    return stretches


def _cut_stretch(kept: Kept, stretch: _Stretch, shard_bytes: int) -> list[int]:
    total = int(kept.bytes_before(np.array([stretch.end]))[0]) - stretch.bytes_before
    count = max(1, -(-total // shard_bytes))
    wanted = stretch.bytes_before + np.arange(1, count, dtype=np.int64) * total // count
    return np.unique(kept.address_after(wanted)).tolist() if count > 1 else []


def group_for_tasks(shards: Sequence[Shard], compressed_files: Sequence[int]) -> list[list[Shard]]:
    """Shards in the groups that one task each writes: those that share a large compressed file stay together."""
    compressed = set(compressed_files)
    groups: list[list[Shard]] = []
    for shard in shards:
        inside_file = shard.lo & ((1 << POSITION_BITS) - 1)
        if groups and inside_file and shard.lo >> POSITION_BITS in compressed:
            groups[-1].append(shard)
        else:
            groups.append([shard])
    return groups
