"""Rows in another order, each value of a text copied once, into memory that is used again.

Arrow would first put chunks together and then take from the whole: two copies, each into fresh memory, which costs
more to get from the system than to fill.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from transforms.base.kernels import kernel
from transforms.base.texts import buffers_of, offsets_of

_Ints = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]

_LARGEST = np.iinfo(np.int32).max
_SPARE = 1.25
"""A buffer that is too small is replaced by one so many times as large as what is asked for."""


class Scratch:
    """Memory for the texts of one rearranged table, kept until the next; for one thread."""

    def __init__(self) -> None:
        self._held: dict[int, _Bytes] = {}

    def bytes(self, column: int, size: int) -> _Bytes:
        """uint8[size] for a column, not cleared; what it held before is overwritten."""
        held = self._held.get(column)
        if held is None or len(held) < size:
            self._held.pop(column, None)  # before the larger one is there
            held = self._held[column] = np.empty(int(size * _SPARE), np.uint8)
        return held[:size]


class _PerThread(threading.local):
    def __init__(self) -> None:
        self.scratch = Scratch()


_per_thread = _PerThread()


def thread_scratch() -> Scratch:
    """The scratch that the tasks of this thread share: memory that each took anew would be the larger cost."""
    return _per_thread.scratch


@dataclass(frozen=True)
class Arranged:
    """Rows that are to be put in order: row `order[i]` of the tables, laid one after the other, is row i.

    Attributes:
        tables: with the same columns.
        order: int64[n].
    """

    tables: tuple[pa.Table, ...]
    order: _Ints

    def slice(self, offset: int, length: int) -> "Arranged":
        """`length` rows from row `offset` on."""
        return Arranged(self.tables, self.order[offset : offset + length])

    def table(self, scratch: Scratch) -> pa.Table:
        """The rows as a table of one chunk a column; its texts lie in `scratch`, until that is used again."""
        return together([self], scratch)


def together(parts: Sequence[Arranged], scratch: Scratch) -> pa.Table:
    """The rows of all parts, one after the other; otherwise as `Arranged.table`."""
    tables: list[pa.Table] = []
    orders: list[_Ints] = []
    before = 0
    for part in parts:
        orders.append(part.order + before)
        tables += part.tables
        before += sum(table.num_rows for table in part.tables)
    order = orders[0] if len(orders) == 1 else np.concatenate(orders)
    whole = pa.concat_tables(tables)
    columns = [_column(column, order, scratch, at) for at, column in enumerate(whole.columns)]
    return pa.Table.from_arrays(columns, schema=whole.schema)


def _column(column: pa.ChunkedArray, order: _Ints, scratch: Scratch, at: int) -> pa.ChunkedArray:
    found = None
    if _has_offsets(column.type) and not column.null_count:
        found = _texts(column, order, scratch, at)
    if found is None:
        whole = pa.chunked_array([column.combine_chunks()] if column.num_chunks else [], column.type)
        return whole.take(pa.array(order)).combine_chunks() if len(order) else column.slice(0, 0)
    return pa.chunked_array([found], column.type)


def _has_offsets(dtype: pa.DataType) -> bool:
    kinds = (pt.is_string, pt.is_large_string, pt.is_binary, pt.is_large_binary)
    return any(kind(dtype) for kind in kinds)


def _texts(column: pa.ChunkedArray, order: _Ints, scratch: Scratch, at: int) -> pa.Array | None:
    """The texts in order; None if they do not fit the type's offsets."""
    chunks = [buffers_of(chunk) for chunk in column.chunks]
    lengths = np.concatenate([np.empty(0, np.int64), *(np.diff(places) for _, places in chunks)])
    starts = offsets_of(lengths[order])
    large = pt.is_large_string(column.type) or pt.is_large_binary(column.type)
    if not large and starts[-1] > _LARGEST:
        return None
    out = scratch.bytes(at, int(starts[-1]))
    # Each chunk is read from its beginning to its end; a row may go to several places.
    places = np.argsort(order, kind="stable")
    rows = order[places]
    edges = np.searchsorted(rows, offsets_of([len(own) - 1 for _, own in chunks]))
    before = 0
    for (data, own), lo, hi in zip(chunks, edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        _copy(data, own, rows[lo:hi] - before, starts[places[lo:hi]], out)
        before += len(own) - 1
    offsets = starts if large else starts.astype(np.int32)
    return pa.Array.from_buffers(column.type, len(order), [None, pa.py_buffer(offsets), pa.py_buffer(out)])


@kernel
def _copy(data: _Bytes, offsets: _Ints, rows: _Ints, starts: _Ints, out: _Bytes) -> None:
    """Copy rows of bytes to where each begins in `out`."""
    for at in range(len(rows)):
        # Unsigned, so that no index can count from the end: only then is the loop compiled to wide moves.
        begin, start = np.uint64(offsets[rows[at]]), np.uint64(starts[at])
        for byte in range(np.uint64(offsets[rows[at] + 1]) - begin):
            out[start + byte] = data[begin + byte]
