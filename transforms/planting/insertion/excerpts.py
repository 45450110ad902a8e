"""Short pieces of texts around the places of insertions, as arrays."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import Texts, offsets_of
from transforms.planting.insertion.excerpts_kernel import around, copy_stretches

_I64 = npt.NDArray[np.int64]


def neighbours(texts: Texts, rows: _I64, at: _I64, characters: int) -> tuple[pa.Array, pa.Array]:
    """What stands before and behind byte `at[k]` of text `rows[k]`, at most so many characters: large_string[k]."""
    begins, ends = texts.offsets[rows], texts.offsets[rows + 1]
    places = begins + at
    firsts, lasts = np.empty_like(places), np.empty_like(places)
    around(texts.data, begins, ends, places, characters, firsts, lasts)
    return _excerpts(texts.data, firsts, places), _excerpts(texts.data, places, lasts)


def before(texts: Texts, rows: _I64, at: _I64, most: int) -> pa.Array:
    """What stands before byte `at[k]` of text `rows[k]`: whole characters of at most `most` bytes: large_string[k]."""
    begins = texts.offsets[rows]
    places = begins + at
    begins = np.maximum(begins, places - most)
    for _ in range(3):  # a character has three bytes at most behind its first
        inside = np.flatnonzero(begins < places)
        begins[inside] += texts.data[begins[inside]] & 0xC0 == 0x80
    return _excerpts(texts.data, begins, places)


def _excerpts(data: npt.NDArray[np.uint8], begins: _I64, ends: _I64) -> pa.Array:
    """Stretches of UTF-8 (int64[k] each) as large_string[k]."""
    offsets = offsets_of(ends - begins)
    out = np.empty(int(offsets[-1]), np.uint8)
    copy_stretches(data, begins, ends, out)
    return pa.LargeStringArray.from_buffers(len(begins), pa.py_buffer(offsets), pa.py_buffer(out))
