"""Arrow columns of puzzles: claims, solutions, classes, and columns that only some rows have."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.probes.puzzles.logic.claims import Puzzles


def spread(column: pa.Array, there: npt.NDArray[np.bool_]) -> pa.Array:
    """The values of `column` in the rows that are `there`, bool[size], and null in the others.

    Of texts and lists nothing but offsets is copied: a null row has no bytes.

    Args:
        column: as many values as rows are there.
        there: which rows get one, in order.
    """
    before = np.concatenate([[0], np.cumsum(there)])
    if pa.types.is_primitive(column.type):
        return column.take(pa.array(np.maximum(before[1:] - 1, 0), mask=~there))
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_list(column.type)
    ends = np.frombuffer(column.buffers()[1], np.int64 if wide else np.int32)[column.offset :]
    valid = there.copy()
    valid[there] = column.is_valid().to_numpy(zero_copy_only=False)
    buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(ends[before])]
    if pa.types.is_nested(column.type):
        return pa.Array.from_buffers(column.type, len(there), buffers, children=[column.values])
    return pa.Array.from_buffers(column.type, len(there), [*buffers, column.buffers()[2]])


_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def hexadecimal(classes: npt.NDArray[np.uint64]) -> pa.StringArray:
    """Each class, uint64[size, 2], as 32 hexadecimal digits."""
    octets = np.ascontiguousarray(classes).astype(">u8").view(np.uint8).reshape(len(classes), 16)
    digits = np.empty((len(classes), 16, 2), np.uint8)
    digits[:, :, 0], digits[:, :, 1] = _DIGITS[octets >> 4], _DIGITS[octets & 15]
    offsets = np.arange(len(classes) + 1, dtype=np.int32) * np.int32(32)
    return pa.StringArray.from_buffers(len(classes), pa.py_buffer(offsets), pa.py_buffer(digits))


def claim_lists(puzzles: Puzzles) -> pa.ListArray:
    """list<int16>[size], the tokens of all claims of each puzzle."""
    starts = puzzles.offsets[:: puzzles.people].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(puzzles.tokens))


def solution_lists(solution: npt.NDArray[np.bool_]) -> pa.ListArray:
    """list<bool>[size] of bool[size, n]."""
    return pa.ListArray.from_arrays(_every(*solution.shape), pa.array(solution.ravel()))


def _every(size: int, people: int) -> pa.Array:
    return pa.array(np.arange(size + 1, dtype=np.int32) * np.int32(people))
