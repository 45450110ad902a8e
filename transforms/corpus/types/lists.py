"""Lists of any kind (plain, large, fixed-size, views) and maps, as spans of the values that they lie over."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt


def spans(array: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the items of each list begin among all values, and how many they are: int64[n] each; none of a null."""
    if pt.is_fixed_size_list(array.type):
        size = array.type.list_size
        starts = (array.offset + np.arange(len(array), dtype=np.int64)) * size
        lengths = np.full(len(array), size, np.int64)
    elif pt.is_list_view(array.type) or pt.is_large_list_view(array.type):
        starts, lengths = (part.to_numpy().astype(np.int64) for part in (array.offsets, array.sizes))
    else:
        offsets = array.offsets.to_numpy().astype(np.int64)
        starts, lengths = offsets[:-1], np.diff(offsets)
    valid = array.is_valid().to_numpy(zero_copy_only=False)
    return starts, np.where(valid, lengths, 0)


def items(values: pa.Array, starts: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> pa.Array:
    """The items of all lists one after the other, out of the values that they lie over."""
    used = lengths > 0
    begins, counts = starts[used], lengths[used]
    total = int(counts.sum())
    if not total:
        return values.slice(0, 0)
    if (begins[1:] == begins[:-1] + counts[:-1]).all():
        return values.slice(int(begins[0]), total)
    if _has_view(values.type):  # of which Arrow cannot take
        parts = zip(begins.tolist(), counts.tolist(), strict=True)
        return pa.concat_arrays([values.slice(begin, count) for begin, count in parts])
    before = np.cumsum(counts) - counts
    return values.take(pa.array(np.repeat(begins - before, counts) + np.arange(total)))


def _has_view(dtype: pa.DataType) -> bool:
    """Whether a type is, or has inside, a view of text or bytes."""
    if pt.is_string_view(dtype) or pt.is_binary_view(dtype):
        return True
    return any(_has_view(dtype.field(at).type) for at in range(dtype.num_fields))
