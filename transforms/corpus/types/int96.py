"""Times of Parquet's old type INT96, which hold more than any unit of Arrow: nanoseconds in millions of years."""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from transforms.base.errors import CorpusError
from transforms.corpus.types.footer import OPTIONS
from transforms.corpus.types.written import is_list

_ROWS = 1 << 16


def refuse_inexact_times(
    stream: pa.NativeFile, metadata: pq.FileMetaData, group: int, first: int, columns: Sequence[str], where: str
) -> None:
    """Refuse times of a row group that microseconds, in which they are kept, do not hold exactly.

    Raises:
        CorpusError: naming the column and the rows; `first` is the number of the group's first row, `where` the file.
    """
    batches = (
        pq.ParquetFile(stream, metadata=metadata, **{**OPTIONS, "coerce_int96_timestamp_unit": unit}).iter_batches(
            _ROWS, row_groups=[group], columns=list(columns), use_threads=False
        )
        for unit in ("us", "ns", "ms")
    )
    for units in zip(*batches, strict=True):
        for column in columns:
            if not _exact(*(unit[column] for unit in units)):
                last = first + units[0].num_rows - 1
                raise CorpusError(
                    f"{where}: column {column!r} has a time (INT96) in rows {first} to {last} that is finer than "
                    "microseconds, or beyond what they hold: write the column as INT64 timestamps, or leave it out"
                )
        first += units[0].num_rows


def _exact(micros: pa.Array, nanos: pa.Array, millis: pa.Array) -> bool:
    """Whether times read in microseconds are the stored ones.

    pyarrow's nanoseconds are those of the time modulo 2**64, from which the part below a microsecond can be told; its
    milliseconds hold all that INT96 can.
    """
    for us, ns, ms in zip(_times(micros), _times(nanos), _times(millis), strict=True):
        if us.type.equals(ns.type):  # a time of another type beside the INT96
            continue
        valid = us.is_valid().to_numpy(zero_copy_only=False)
        one, other, coarse = (
            pc.fill_null(part.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)[valid] for part in (us, ns, ms)
        )
        with np.errstate(over="ignore"):
            if (other != one * 1000).any() or (one // 1000 != coarse).any():
                return False
    return True


def _times(array: pa.Array) -> Iterator[pa.Array]:
    """The arrays of times that an array is made of."""
    if pt.is_timestamp(array.type):
        yield array
    elif pt.is_struct(array.type):
        for part in array.flatten():
            yield from _times(part)
    elif pt.is_map(array.type):
        yield from _times(array.keys)
        yield from _times(array.items)
    elif is_list(array.type):
        yield from _times(array.flatten())
