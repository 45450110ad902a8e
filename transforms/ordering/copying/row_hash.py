"""A hash of each row of a table, whatever its columns: their sum tells whether two tables hold the same rows.

The sum modulo 2**64 does not depend on the order of the rows and counts how often each stands there. It guards against
mistakes, not against a forger: the hash has no key.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from transforms.base.kernels import kernel
from transforms.base.streams import GOLDEN, mix
from transforms.base.texts import buffers_of, read_only
from transforms.corpus.types.lists import spans
from transforms.corpus.types.written import is_list

Hashes = npt.NDArray[np.uint64]

_NULL = np.uint64(0x6E756C6C)
_PRIME = np.uint64(0x9FB21C651E98DF25)


def row_hashes(table: pa.Table) -> Hashes:
    """uint64[rows]: of the values of each row in the order of the columns, not of the buffers that they lie in."""
    found = np.zeros(table.num_rows, np.uint64)
    for column in table.columns:
        parts = [_hashes(chunk) for chunk in column.chunks]
        _fold(found, np.concatenate([np.empty(0, np.uint64), *parts]))
    return found


def weighted_sum(hashes: Hashes, times: npt.NDArray[np.int64]) -> int:
    """The sum of the hashes, each as often as `times` says, modulo 2**64."""
    return int((hashes * times.astype(np.uint64)).sum(dtype=np.uint64))


def _hashes(array: pa.Array) -> Hashes:
    dtype = array.type
    if isinstance(dtype, pa.BaseExtensionType):
        return _hashes(array.storage)
    if pt.is_dictionary(dtype):
        own = np.append(_hashes(array.dictionary), _NULL)
        codes = pc.fill_null(array.indices.cast(pa.int64()), len(own) - 1).to_numpy(zero_copy_only=False)
        return np.asarray(own[codes], np.uint64)
    found = _of_values(array)
    if array.null_count:
        found[~array.is_valid().to_numpy(zero_copy_only=False)] = _NULL
    return found


def _of_values(array: pa.Array) -> Hashes:
    """Hashes of an array; those of nulls have no meaning."""
    dtype = array.type
    if pt.is_null(dtype):
        return np.full(len(array), _NULL, np.uint64)
    if pt.is_struct(dtype):
        found = np.ones(len(array), np.uint64)
        for part in array.flatten():
            _fold(found, _hashes(part))
        return found
    if pt.is_map(dtype):
        items = _hashes(array.keys)
        _fold(items, _hashes(array.items))
        return _of_lists(items, *spans(array))
    if is_list(dtype):
        return _of_lists(_hashes(array.values), *spans(array))
    if pt.is_boolean(dtype):
        return _of_values(array.cast(pa.uint8()))
    if pt.is_primitive(dtype) or pt.is_decimal(dtype) or pt.is_fixed_size_binary(dtype):
        width = dtype.bit_width // 8
        data = np.frombuffer(array.buffers()[1] or b"", np.uint8, len(array) * width, array.offset * width)
        return _of_bytes(read_only(data), read_only(np.arange(len(array) + 1, dtype=np.int64) * width))
    if pt.is_string_view(dtype) or pt.is_binary_view(dtype):
        array = array.cast(pa.large_binary())
    return _of_bytes(*buffers_of(array))


@kernel
def _of_bytes(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> Hashes:
    """Hash rows of bytes: 8 at a time, little-endian, multiplied and folded."""
    found = np.empty(len(offsets) - 1, np.uint64)
    for row in range(len(found)):
        at, end = np.uint64(offsets[row]), np.uint64(offsets[row + 1])
        state = (end - at) * GOLDEN
        while at + np.uint64(8) <= end:
            word = np.uint64(data[at])
            for k in range(1, 8):
                word |= np.uint64(data[at + np.uint64(k)]) << np.uint64(8 * k)
            state = (state ^ word) * _PRIME
            state ^= state >> np.uint64(32)
            at += np.uint64(8)
        word = np.uint64(0)
        while at < end:
            word = (word << np.uint64(8)) | np.uint64(data[at])
            at += np.uint64(1)
        found[row] = mix(state ^ word)
    return found


@kernel
def _of_lists(items: Hashes, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> Hashes:
    """Hash lists of hashed items, in their order."""
    found = np.empty(len(starts), np.uint64)
    for row in range(len(starts)):
        state = np.uint64(lengths[row]) * GOLDEN
        for at in range(starts[row], starts[row] + lengths[row]):
            state = mix(state * _PRIME + items[at])
        found[row] = state
    return found


@kernel
def _fold(found: Hashes, more: Hashes) -> None:
    """Fold the hashes of one more column into those of the rows."""
    for row in range(len(found)):
        found[row] = mix(found[row] * _PRIME + more[row])
