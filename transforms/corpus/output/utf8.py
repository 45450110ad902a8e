"""Values of string columns that are not UTF-8: Arrow and Parquet hand them on as they are, readers may stumble."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from transforms.base.texts import buffers_of
from transforms.corpus.input.jsonl.lines import utf8_lines


def rows_not_utf8(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """The rows, ascending int64[k], whose value in a column has a string that is not UTF-8, at any depth."""
    found = [np.empty(0, np.int64)]
    begin = 0
    if _holds_text(column.type):
        for chunk in column.chunks:
            if not _is_valid(chunk):
                found.append(begin + _bad_rows(chunk))
            begin += len(chunk)
    return np.concatenate(found)


def _holds_text(dtype: pa.DataType) -> bool:
    if pt.is_dictionary(dtype):
        return _holds_text(dtype.value_type)
    if isinstance(dtype, pa.BaseExtensionType):
        return _holds_text(dtype.storage_type)
    if pt.is_map(dtype):
        return _holds_text(dtype.key_type) or _holds_text(dtype.item_type)
    if pt.is_struct(dtype):
        return any(_holds_text(field.type) for field in dtype)
    if pt.is_nested(dtype) and hasattr(dtype, "value_type"):
        return _holds_text(dtype.value_type)
    return bool(pt.is_string(dtype) or pt.is_large_string(dtype) or pt.is_string_view(dtype))


def _is_valid(array: pa.Array) -> bool:
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _bad_rows(array: pa.Array) -> npt.NDArray[np.int64]:
    if pt.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pt.is_string(array.type) or pt.is_large_string(array.type):
        data, offsets = buffers_of(array)
        good = utf8_lines(data.copy(), offsets[:-1].copy(), offsets[1:].copy())  # writable, as the kernel is compiled
        return np.flatnonzero(~good & array.is_valid().to_numpy(zero_copy_only=False))
    # A copy of one row: a slice would be judged by all values that it shares.
    return np.array([row for row in range(len(array)) if not _is_valid(array.take(pa.array([row])))], np.int64)
