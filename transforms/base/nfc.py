"""Unicode normalisation form C (NFC) of the texts of an Arrow array, for those that are not in it already.

Nearly all text is in NFC. Which texts may not be is told by one pass over their bytes (the quick check of Unicode
Standard Annex 15, with a second look at the character before one that may be composed); those are normalised by Polars.
The table is data of this package; `tests/base/unicode_nfc_generator.py` wrote it.
"""

import functools
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.texts import buffers_of

_FILE = Path(__file__).with_name("unicode_nfc.tsv")
_CODE_POINTS = 0x110000
_CLASS, _SECOND, _FIRST, _NEVER = 255, 256, 512, 1024  # as the generator writes them


def nfc(texts: pa.Array) -> pa.Array:
    """The texts (string or large_string, UTF-8) in NFC, as large_string."""
    # Arrow's own `utf8_normalize` (25.0) gives NFD whatever the form asked for.
    return pl.Series(values=texts, dtype=pl.String).str.normalize("NFC").to_arrow().cast(pa.large_string())


def may_change(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Texts that NFC may change, bool[n]: all that it does, and few others. A text that is not UTF-8 may be any."""
    data, offsets = buffers_of(texts)
    return _may_change(data, offsets, _table())


@functools.cache
def _table() -> npt.NDArray[np.uint16]:
    """The flags of each of the 0x110000 code points; read-only."""
    lines = (line for line in _FILE.read_text("ascii").splitlines() if not line.startswith("#"))
    first, last, flags = np.fromstring(" ".join(lines), dtype=np.int64, sep=" ").reshape(-1, 3).T
    table = np.zeros(_CODE_POINTS, np.uint16)
    for low, high, value in zip(first.tolist(), last.tolist(), flags.tolist(), strict=True):
        table[low : high + 1] = value
    table.flags.writeable = False
    return table


@inline_kernel
def _integer(value: Any) -> Any:
    return np.int64(value)


@inline_kernel
def _code_point(data: npt.NDArray[np.uint8], at: int, stop: int) -> tuple[int, int]:
    """The code point that begins at byte `at`, at or above 0x80, and its bytes; (0, 1) for what is not UTF-8."""
    lead = _integer(data[at])
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC2 or lead > 0xF4 or at + size > stop:
        return 0, 1
    point = lead & (0x7F >> size)
    for i in range(1, size):
        point = point << 6 | _integer(data[at + i]) & 0x3F
    return (point, size) if point < _CODE_POINTS else (0, 1)


@kernel
def _may_change(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], table: npt.NDArray[np.uint16]
) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(offsets) - 1, np.bool_)
    for text in range(len(offsets) - 1):
        at, stop = offsets[text], offsets[text + 1]
        before, starter = 0, 0  # combining class of the last character, flags of the last starter
        while at < stop:
            if data[at] < 0x80:
                while at < stop and data[at] < 0x80:
                    at += 1
                before, starter = 0, _integer(table[data[at - 1]])
                continue
            point, size = _code_point(data, at, stop)
            at += size
            flags = _integer(table[point])
            combining = flags & _CLASS
            if flags & _NEVER or (combining and before > combining) or (flags & _SECOND and starter & _FIRST):
                found[text] = True
                break
            before = combining
            if combining == 0:
                starter = flags
    return found
