"""Which documents stand at some places, or hold some tokens, of an ordered corpus."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.public.ordered import ORDERED
from transforms.base.folders import Folder
from transforms.corpus.input.addresses import MAX_POSITION, POSITION_BITS


@dataclass(frozen=True)
class OrderedShard:
    """A shard of an ordered corpus: its files, its rows, and its tokens (0 where there are none)."""

    data: str
    documents: str
    rows: int
    tokens: int


def documents_at(folder: Folder, shards: Sequence[OrderedShard], files: Sequence[str], lo: int, hi: int) -> pa.Table:
    """The documents at the places `lo` <= p < `hi` of the training order.

    Args:
        folder: the ordered corpus.
        shards: of it, in their order.
        files: files that were ordered, by ordinal.
        lo: first place, from 0.
        hi: place behind the last.

    Returns:
        A row per document: position, shard, row, id (text; null where there is no column of that name), file and
        file_row in the input, first_token (among the tokens of all shards) and tokens, both null without tokens.
    """
    starts = _starts([shard.rows for shard in shards])
    parts = []
    for number in _touched(starts, lo, hi):
        table = _read(folder, shards[number])
        parts.append(_slice(folder, shards, number, table, lo - int(starts[number]), hi - int(starts[number])))
    return _named(parts, shards, files)


def documents_of_tokens(
    folder: Folder, shards: Sequence[OrderedShard], files: Sequence[str], lo: int, hi: int
) -> pa.Table:
    """The documents that hold one of the tokens `lo` <= t < `hi`, counted over all shards; as `documents_at`."""
    starts = _starts([shard.tokens for shard in shards])
    parts = []
    for number in _touched(starts, lo, hi):
        table = _read(folder, shards[number])
        first, tokens = (table[name].to_numpy() for name in ("first_token", "tokens"))
        begin, end = lo - int(starts[number]), hi - int(starts[number])
        held = np.flatnonzero((first < end) & (first + tokens > begin))
        if len(held):
            parts.append(_slice(folder, shards, number, table, int(held[0]), int(held[-1]) + 1))
    return _named(parts, shards, files)


def _starts(sizes: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def _touched(starts: npt.NDArray[np.int64], lo: int, hi: int) -> list[int]:
    return np.flatnonzero((starts[:-1] < hi) & (starts[1:] > lo)).tolist()


def _read(folder: Folder, shard: OrderedShard) -> pa.Table:
    with folder.open(shard.documents) as stream:
        table = pq.read_table(stream, partitioning=None)
    check(table.schema, ORDERED, folder.at(shard.documents))
    return table


def _slice(
    folder: Folder, shards: Sequence[OrderedShard], number: int, table: pa.Table, lo: int, hi: int
) -> tuple[int, int, pa.Table, list[str | None]]:
    """Number of the shard, first row, and the table's rows `lo` <= r < `hi` with their ids."""
    lo, hi = max(lo, 0), min(hi, table.num_rows)
    return number, lo, table.slice(lo, hi - lo), _ids(folder, shards[number].data, lo, hi)


def _ids(folder: Folder, data: str, lo: int, hi: int) -> list[str | None]:
    found: list[str | None] = []
    with folder.open(data) as stream:
        file = pq.ParquetFile(stream)
        if "id" not in file.schema_arrow.names:
            return [None] * (hi - lo)
        start = 0
        for group in range(file.metadata.num_row_groups):
            end = start + file.metadata.row_group(group).num_rows
            if start < hi and end > lo:
                own = file.read_row_group(group, ["id"])["id"].slice(max(lo - start, 0), min(hi, end) - max(lo, start))
                found += [None if one is None else str(one) for one in own.to_pylist()]
            start = end
    return found


def _named(
    parts: Sequence[tuple[int, int, pa.Table, list[str | None]]],
    shards: Sequence[OrderedShard],
    files: Sequence[str],
) -> pa.Table:
    rows, tokens = (_starts([getattr(shard, name) for shard in shards]) for name in ("rows", "tokens"))
    found: list[list[object]] = [[] for _ in _COLUMNS]
    for number, first, table, ids in parts:
        at = np.arange(first, first + table.num_rows)
        addresses = table["address"].to_numpy()
        starts = [None if one is None else int(tokens[number]) + one for one in table["first_token"].to_pylist()]
        columns = (
            (rows[number] + at).tolist(),
            [number] * len(at),
            at.tolist(),
            ids,
            [files[one] for one in (addresses >> np.uint64(POSITION_BITS)).tolist()],
            (addresses & np.uint64(MAX_POSITION)).tolist(),
            starts,
            table["tokens"].to_pylist(),
        )
        for column, values in zip(found, columns, strict=True):
            column.extend(values)
    return pa.table(found, schema=pa.schema(_COLUMNS))


_COLUMNS = (
    ("position", pa.int64()),
    ("shard", pa.int32()),
    ("row", pa.int64()),
    ("id", pa.string()),
    ("file", pa.string()),
    ("file_row", pa.int64()),
    ("first_token", pa.int64()),
    ("tokens", pa.int64()),
)
