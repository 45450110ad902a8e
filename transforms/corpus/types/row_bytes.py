"""How many bytes the values of each row take, whatever buffers they lie in."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from transforms.base.texts import offsets_of
from transforms.corpus.types.lists import spans
from transforms.corpus.types.written import is_list

Bytes = npt.NDArray[np.int64]


def row_bytes(column: pa.ChunkedArray) -> Bytes:
    """Bytes of each row's value, int64[rows]: a pure function of the values, of dictionaries as if written out."""
    return np.concatenate([np.zeros(0, np.int64), *(_row_bytes(chunk) for chunk in column.chunks)])


def _row_bytes(array: pa.Array) -> Bytes:
    dtype = array.type
    if isinstance(dtype, pa.BaseExtensionType):
        return _row_bytes(array.storage)
    if pt.is_dictionary(dtype):
        sizes = np.append(_row_bytes(array.dictionary), 0)
        codes = pc.fill_null(array.indices.cast(pa.int64()), len(sizes) - 1).to_numpy(zero_copy_only=False)
        return np.asarray(sizes[codes], np.int64)
    if pt.is_struct(dtype):
        parts = (_row_bytes(part) for part in array.flatten())
        return sum(parts, np.zeros(len(array), np.int64))
    if pt.is_map(dtype):
        return _of_items(array, _row_bytes(array.keys) + _row_bytes(array.items))
    if is_list(dtype):
        return _of_items(array, _row_bytes(array.values))
    if pt.is_null(dtype):
        return np.zeros(len(array), np.int64)
    if pt.is_primitive(dtype) or pt.is_decimal(dtype) or pt.is_fixed_size_binary(dtype):
        return np.full(len(array), max(1, dtype.bit_width // 8), np.int64)
    lengths = pc.fill_null(pc.binary_length(array), 0)
    return np.asarray(lengths.to_numpy(zero_copy_only=False), np.int64)


def _of_items(array: pa.Array, sizes: Bytes) -> Bytes:
    starts, lengths = spans(array)
    before = offsets_of(sizes)
    begins = np.where(lengths > 0, starts, 0)
    return np.asarray(before[begins + lengths] - before[begins], np.int64)
