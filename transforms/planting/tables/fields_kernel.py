"""Fields of many rows written behind their lengths into one buffer, and the characters at both ends of many texts."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel
from transforms.planting.copy_kernel import copy_bytes

_CONTROLS, _MARK, _BACKSLASH, _COMMA = 32, 34, 92, 44
_OPEN, _CLOSE = 91, 93
_SHORT_ESCAPES = np.zeros(_CONTROLS, np.uint8)
"""By control character: the letter behind the backslash; 0 where JSON has `\\u00XX` alone."""
for _byte, _letter in ((8, "b"), (9, "t"), (10, "n"), (12, "f"), (13, "r")):
    _SHORT_ESCAPES[_byte] = ord(_letter)
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


@inline_kernel
def _put_length(out: NDArray[np.uint8], at: int, length: int) -> int:
    """Write a length, 8 bytes, big-endian; returns where it ends."""
    for byte in range(8):
        out[at + byte] = (length >> (56 - 8 * byte)) & 255
    return at + 8


@kernel
def put_values(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    chosen: NDArray[np.int64],
    at: NDArray[np.int64],
    prefixed: bool,
    out: NDArray[np.uint8],
) -> None:
    """Write value `chosen[k]` to `out[at[k]]`, behind its length if `prefixed`; nothing where `chosen[k]` is negative.

    Args:
        data: uint8, the values' bytes.
        offsets: int64[n + 1], where each begins in them.
        chosen: int64[k].
        at: int64[k].
        prefixed: whether to write the length, too.
        out: uint8, filled.
    """
    for k in range(len(chosen)):
        if chosen[k] < 0:
            continue
        lo, hi = offsets[chosen[k]], offsets[chosen[k] + 1]
        to = at[k]
        if prefixed:
            to = _put_length(out, to, hi - lo)
        copy_bytes(data, lo, hi, out, to)


@inline_kernel
def _more_bytes(data: NDArray[np.uint8], lo: int, hi: int) -> int:
    """By how many bytes the JSON of a text is longer than the text between its quotation marks."""
    own = data[lo:hi]
    more = 0
    for at in range(len(own)):
        more += (own[at] < _CONTROLS) | (own[at] == _MARK) | (own[at] == _BACKSLASH)
    if more:
        for at in range(len(own)):
            if own[at] < _CONTROLS and _SHORT_ESCAPES[own[at]] == 0:
                more += 4
    return more


@kernel
def list_sizes(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    more: NDArray[np.int64],
    sizes: NDArray[np.int64],
) -> None:
    """Bytes of the JSON of lists of texts, without spaces; 0 for an empty list.

    Args:
        data: uint8, the texts' UTF-8.
        offsets: int64[n + 1], where each text begins in it.
        begins: int64[rows], the first text of each list.
        ends: int64[rows], the one behind its last.
        more: int64[n], filled: by how many bytes each text is longer in JSON, without its quotation marks.
        sizes: int64[rows], filled.
    """
    for row in range(len(begins)):
        size = 0
        for text in range(begins[row], ends[row]):
            more[text] = _more_bytes(data, offsets[text], offsets[text + 1])
            size += offsets[text + 1] - offsets[text] + more[text] + 3
        sizes[row] = size + 1 if size else 0


@inline_kernel
def _put_escaped(out: NDArray[np.uint8], to: int, byte: np.uint8) -> int:
    """Write a byte as JSON has it within a text; returns where it ends."""
    if byte in (_MARK, _BACKSLASH):
        out[to], out[to + 1] = _BACKSLASH, byte
        return to + 2
    if byte >= _CONTROLS:
        out[to] = byte
        return to + 1
    out[to] = _BACKSLASH
    if _SHORT_ESCAPES[byte]:
        out[to + 1] = _SHORT_ESCAPES[byte]
        return to + 2
    out[to + 1], out[to + 2], out[to + 3] = 117, 48, 48
    out[to + 4], out[to + 5] = _DIGITS[byte >> 4], _DIGITS[byte & 15]
    return to + 6


@kernel
def put_lists(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    begins: NDArray[np.int64],
    ends: NDArray[np.int64],
    more: NDArray[np.int64],
    chosen: NDArray[np.int64],
    at: NDArray[np.int64],
    sizes: NDArray[np.int64],
    out: NDArray[np.uint8],
) -> None:
    """Write the JSON of list `chosen[k]` to `out[at[k]]`, behind its length; nothing for an empty one.

    Args:
        data: as for `list_sizes`, which fills `more` and `sizes`, and so are the four that follow.
        offsets: see there.
        begins: see there.
        ends: see there.
        more: see there.
        chosen: int64[k].
        at: int64[k].
        sizes: int64[rows].
        out: uint8, filled.
    """
    for k in range(len(chosen)):
        row = chosen[k]
        if begins[row] >= ends[row]:
            continue
        to = _put_length(out, at[k], sizes[row])
        for text in range(begins[row], ends[row]):
            out[to] = _OPEN if text == begins[row] else _COMMA
            out[to + 1] = _MARK
            to += 2
            lo, hi = offsets[text], offsets[text + 1]
            if more[text]:
                for byte in range(lo, hi):
                    to = _put_escaped(out, to, data[byte])
            else:
                to = copy_bytes(data, lo, hi, out, to)
            out[to] = _MARK
            to += 1
        out[to] = _CLOSE


@inline_kernel
def _point_at(data: NDArray[np.uint8], at: int, hi: int) -> int:
    """The code point of the UTF-8 character that begins at a byte; `hi` is where the text ends."""
    first: Any = np.int64(data[at])
    if first < 0x80:
        return int(first)
    size = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    point: Any = first & (0xFF >> (size + 1))
    for byte in range(at + 1, min(at + size, hi)):
        point = point << 6 | np.int64(data[byte]) & 0x3F
    return int(point)


@kernel
def ends_of(
    data: NDArray[np.uint8], offsets: NDArray[np.int64], firsts: NDArray[np.int64], lasts: NDArray[np.int64]
) -> None:
    """The code points of the first and the last character of texts in UTF-8; 0 for an empty text.

    Args:
        data: uint8, the texts' bytes.
        offsets: int64[n + 1], where each begins in them.
        firsts: int64[n], filled.
        lasts: int64[n], filled.
    """
    for text in range(len(firsts)):
        lo, hi = offsets[text], offsets[text + 1]
        firsts[text] = lasts[text] = 0
        if lo < hi:
            firsts[text] = _point_at(data, lo, hi)
            last = hi - 1
            while last > lo and data[last] & 0xC0 == 0x80:
                last -= 1
            lasts[text] = _point_at(data, last, hi)
