"""Where the output's shards begin and end, decided on byte counts before the text is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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


def cut_shards(
    addresses: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.uint32],
    shard_bytes: int,
    compressed_files: Sequence[int] = (),
) -> list[Shard]:
    """Cut the address space into shards of about `shard_bytes` of surviving text, the shards even in size.

    A compressed file can only be read from its beginning, so a shard border stands at the start and the end of
    each one that is larger than a shard, and never inside one that is smaller: then no two shards that different
    tasks may write need the same compressed file, save the shards within one large file.

    Args:
        addresses: uint64[n], ascending, of the surviving documents.
        sizes: uint32[n], UTF-8 bytes of their texts.
        shard_bytes: wanted size; a single larger document makes a larger shard.
        compressed_files: ordinals of the compressed files.

    Returns:
        At least one shard, possibly empty; together they cover every address.
    """
    starts: list[int] = []
    for stretch in _stretches(addresses, sizes, shard_bytes, compressed_files):
        starts.append(stretch.border)
        if stretch.splittable:
            inside = slice(stretch.first, stretch.end)
            starts += _cut_stretch(addresses[inside], sizes[inside], shard_bytes)
    starts = sorted({0, *starts[1:]})
    edges = np.searchsorted(addresses, np.array(starts, np.uint64))
    ends = np.append(edges[1:], len(addresses))
    totals = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    return [
        Shard(ordinal, start, after, int(last - first), int(totals[last] - totals[first]))
        for ordinal, (start, after, first, last) in enumerate(zip(starts, [*starts[1:], END], edges, ends, strict=True))
    ]


def output_rows(kept: npt.NDArray[np.bool_], shards: Sequence[Shard]) -> npt.NDArray[np.uint64]:
    """Where the kept documents stand in the output.

    Args:
        kept: bool[n], of the documents in address order.
        shards: of the output.

    Returns:
        uint64[n]: number of the shard << 40 | row in it; without meaning for a document that is not kept.
    """
    ranks = np.cumsum(kept, dtype=np.int64) - kept
    starts = np.concatenate([[0], np.cumsum([shard.rows for shard in shards], dtype=np.int64)])[:-1]
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


def _stretches(
    addresses: npt.NDArray[np.uint64],
    sizes: npt.NDArray[np.uint32],
    shard_bytes: int,
    compressed_files: Sequence[int],
) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    begin, border = 0, 0
    for file in sorted(compressed_files):
        start, after = file << POSITION_BITS, (file + 1) << POSITION_BITS
        first, end = np.searchsorted(addresses, np.array([start, after], np.uint64)).tolist()
        if first == end:
            continue
        if begin < first:
            stretches.append(_Stretch(begin, first, border, True))
        last = stretches[-1] if stretches else None
        if last and not last.splittable and int(sizes[last.first : end].sum(dtype=np.int64)) <= shard_bytes:
            stretches[-1] = _Stretch(last.first, end, last.border, False)
        else:
            large = int(sizes[first:end].sum(dtype=np.int64)) > shard_bytes
            stretches.append(_Stretch(first, end, start, large))
        begin, border = end, after
    if begin < len(addresses) or not stretches:
        stretches.append(_Stretch(begin, len(addresses), border, True))
    return stretches


def _cut_stretch(addresses: npt.NDArray[np.uint64], sizes: npt.NDArray[np.uint32], shard_bytes: int) -> list[int]:
    totals = np.cumsum(sizes, dtype=np.int64)
    total = int(totals[-1]) if len(totals) else 0
    count = max(1, -(-total // shard_bytes))
    wanted = np.arange(1, count, dtype=np.int64) * total // count
    return np.unique(addresses[np.searchsorted(totals, wanted, side="right")]).tolist() if count > 1 else []


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
