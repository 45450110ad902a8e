"""Unicode normalisation form C (NFC) of the texts of an Arrow array, for those that are not in it already.

Nearly all text is in NFC. Which texts may not be is told by one pass over their bytes (the quick check of Unicode
Standard Annex 15, with a second look at the character before one that may be composed); those are normalised by Polars.
The table is data of this package; `tests/dedup/unicode_nfc_generator.py` wrote it.
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
from transforms.base.vectors import STEP, at_least, load8, trailing_zeros

_FILE = Path(__file__).with_name("unicode_nfc.tsv")
_CODE_POINTS = 0x110000
_LOWEST_LEAD = 0xCC  # below U+0300, whose first byte this is, NFC changes nothing
_MOST_MARKS = 64  # that are looked through for the starter before them
_CLASS, _SECOND, _FIRST, _NEVER = 255, 256, 512, 1024  # as the generator writes them


def nfc(texts: pa.Array) -> pa.Array:
    """The texts (string or large_string, UTF-8) in NFC, as large_string."""
    # Arrow's own `utf8_normalize` (25.0) gives NFD whatever the form asked for.
    return pl.Series(values=texts, dtype=pl.String).str.normalize("NFC").to_arrow().cast(pa.large_string())


def may_change(texts: pa.Array) -> npt.NDArray[np.bool_]:
    """Texts that NFC may change, bool[n]: all that it does, and few others. A text that is not UTF-8 may be any."""
    data, offsets = buffers_of(texts)
    return _may_change(data, offsets, _table())


def characters_that_may_change() -> npt.NDArray[np.bool_]:
    """Which of the 0x110000 code points NFC may change or put elsewhere: a text without any is in NFC."""
    return np.asarray(_table() & (_CLASS | _SECOND | _NEVER) != 0)


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
def _flags(data: npt.NDArray[np.uint8], at: int, stop: int, table: npt.NDArray[np.uint16]) -> Any:
    """The flags of the character that begins at byte `at`; 0 for what is not UTF-8."""
    point = _integer(data[at])
    if point >= 0x80:
        size = 2 if point < 0xE0 else 3 if point < 0xF0 else 4
        if at + size > stop:
            return 0
        point &= 0x7F >> size
        for i in range(1, size):
            point = point << 6 | _integer(data[at + i]) & 0x3F
    return _integer(table[point]) if point < _CODE_POINTS else 0


@kernel
def _changes(data: npt.NDArray[np.uint8], start: int, at: int, stop: int, table: npt.NDArray[np.uint16]) -> bool:
    """Whether the character at byte `at` of the text data[start:stop] may change, or change place, by those before."""
    flags = _flags(data, at, stop, table)
    if not flags & (_CLASS | _SECOND | _NEVER):
        return False
    if flags & _NEVER:
        return True
    combining = flags & _CLASS
    is_neighbour = True
    for _ in range(_MOST_MARKS):
        if at == start:
            return False
        at -= 1
        while at > start and data[at] & 0xC0 == 0x80:
            at -= 1
        before = _flags(data, at, stop, table)
        if is_neighbour and combining and before & _CLASS > combining:
            return True
        is_neighbour = False
        if before & _CLASS == 0:
            return bool(flags & _SECOND and before & _FIRST)
        if not flags & _SECOND:
            return False
    return True


@inline_kernel
def _may_matter(address: int, table: npt.NDArray[np.uint16]) -> Any:
    """Whether the character at an address, at or above U+0300, is one that NFC may change; four bytes are read."""
    lead, second, third = load8(address), load8(address + 1), load8(address + 2)
    if lead < 0xE0:
        point = (lead & 0x1F) << 6 | second & 0x3F
    elif lead < 0xF0:
        point = (lead & 0xF) << 12 | (second & 0x3F) << 6 | third & 0x3F
    else:
        point = (lead & 7) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | load8(address + 3) & 0x3F
    return point >= _CODE_POINTS or _integer(table[point]) & (_CLASS | _SECOND | _NEVER) != 0


@kernel
def _may_change(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], table: npt.NDArray[np.uint16]
) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(offsets) - 1, np.bool_)
    address = _integer(data.ctypes.data)
    for text in range(len(offsets) - 1):
        start, stop = offsets[text], offsets[text + 1]
        at = start
        changes = False
        while at < stop and not changes:
            size = min(stop - at, _integer(STEP))
            if at + STEP + 4 <= len(data):
                leads = at_least(address + at, _LOWEST_LEAD)
                if size < STEP:
                    leads &= (1 << size) - 1
                while leads != 0:
                    one = at + trailing_zeros(leads)
                    leads &= leads - 1
                    if _may_matter(address + one, table) and _changes(data, start, one, stop, table):
                        changes = True
                        break
            else:
                for one in range(at, at + size):
                    if data[one] >= _LOWEST_LEAD and _changes(data, start, one, stop, table):
                        changes = True
                        break
            at += size
        found[text] = changes
    return found
