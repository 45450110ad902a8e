"""Compiled kernels of words: words of UTF-8 texts as hashes, those of code, their n-grams, and a hash set.

A word is what `transforms.base.words` says. Its hash is a polynomial in the folded code points, mixed; that of an
n-gram is a polynomial in the hashes of its words. A byte that is not UTF-8 parts words. Positions are int64, hashes
uint64: Numba turns a mixture of the two into float64.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import GOLDEN, mix

_U64 = npt.NDArray[np.uint64]
_I64 = npt.NDArray[np.int64]
_U32 = npt.NDArray[np.uint32]
_Bytes = npt.NDArray[np.uint8]

_BLOCK = 8192  # words after which the n-grams found are looked up
_ONE, _NOTHING = np.uint64(1), np.uint64(0)
# Multipliers: odd constants without structure.
_LETTER = GOLDEN
_WORD = np.uint64(0xF1357AEA2E62A9C5)
_SPREAD = np.uint64(0xD6E8FEB86659FD93)


@inline_kernel
def _integer(value: Any) -> Any:
    return np.int64(value)


@inline_kernel
def _code_point(data: _Bytes, at: int, stop: int) -> tuple[int, int]:
    """The code point that begins at byte `at`, at or above 0x80, and its bytes; (0, 1) for what is not UTF-8."""
    lead = _integer(data[at])
    size = 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    if lead < 0xC2 or lead > 0xF4 or at + size > stop:
        return 0, 1
    point = lead & (0x7F >> size)
    for i in range(1, size):
        following = _integer(data[at + i])
        if following & 0xC0 != 0x80:
            return 0, 1
        point = point << 6 | following & 0x3F
    if point > 0x10FFFF:
        return 0, 1
    return point, size


@kernel
def _words(
    data: _Bytes, at: int, stop: int, table: _U32, state: np.uint64, hashes: _U64, count: int
) -> tuple[int, np.uint64, int]:
    """Hash words from byte `at` on until the text ends or `_BLOCK` words stand in `hashes`.

    `state` is that of a word begun before, 0 if there is none; it is written out with the text's end.

    Returns:
        New position, state and count.
    """
    while at < stop and count < _BLOCK:
        byte = data[at]
        if byte < 0x80:
            # Without branches: the state is written at each step and kept where a word ends.
            entry = np.uint64(table[byte])
            inside = entry & _ONE
            hashes[count] = state
            count += _integer((state != _NOTHING) & (inside == _NOTHING))
            state = (state * _LETTER + (entry >> np.uint64(2)) + _ONE) & (_NOTHING - inside)
            at += 1
            continue
        point, size = _code_point(data, at, stop)
        entry = np.uint64(table[point])
        kind = entry & np.uint64(3)
        letter = (entry >> np.uint64(2)) + _ONE
        at += size
        if kind == _ONE:
            state = state * _LETTER + letter
            continue
        if state != _NOTHING:
            hashes[count] = state
            count += 1
            state = _NOTHING
        if kind != _NOTHING:
            hashes[count] = letter
            count += 1
    if at >= stop and state != _NOTHING:
        hashes[count] = state
        count += 1
        state = _NOTHING
    return at, state, count


@kernel
def hash_words(data: _Bytes, offsets: _I64, table: _U32, out: _U64, out_offsets: _I64) -> None:
    """Word hashes of n texts into `out` (a word takes a byte at least), their borders into `out_offsets` (n + 1)."""
    hashes = np.empty(_BLOCK + 4, np.uint64)
    total = 0
    out_offsets[0] = 0
    for text in range(len(offsets) - 1):
        at, stop, state = offsets[text], offsets[text + 1], _NOTHING
        while at < stop:
            at, state, count = _words(data, at, stop, table, state, hashes, 0)
            for i in range(count):
                out[total + i] = mix(hashes[i])
            total += count
        out_offsets[text + 1] = total


@inline_kernel
def _is_blank(point: int) -> bool:
    """White space (Unicode's White_Space), control characters of ASCII, and the byte order mark."""
    return (
        point <= 0x20
        or 0x7F <= point <= 0xA0
        or point == 0x1680
        or 0x2000 <= point <= 0x200A
        or point in (0x2028, 0x2029, 0x202F, 0x205F, 0x3000, 0xFEFF)
    )


@kernel
def hash_code(data: _Bytes, offsets: _I64, table: _U32, out: _U32, out_offsets: _I64) -> None:
    """Hashes of the words and signs of n texts into `out` (each takes a byte at least), their borders (n + 1).

    A word is a run of letters, marks, digits and underscores, as it stands; every other character that is no white
    space is by itself, as is one of a script without spaces. A byte that is not UTF-8 parts words.
    """
    total = 0
    out_offsets[0] = 0
    for text in range(len(offsets) - 1):
        at, stop, state = offsets[text], offsets[text + 1], _NOTHING
        while at < stop:
            point, size = _integer(data[at]), 1
            if point >= 0x80:
                point, size = _code_point(data, at, stop)
            at += size
            letter = np.uint64(point) + _ONE
            inside = table[point] & 3 == 1
            if inside:
                state = state * _LETTER + letter
            if state != _NOTHING and (not inside or at >= stop):
                out[total] = np.uint32(mix(state) >> np.uint64(32))
                total += 1
                state = _NOTHING
            if not inside and not _is_blank(point):
                out[total] = np.uint32(mix(letter) >> np.uint64(32))
                total += 1
        out_offsets[text + 1] = total


@inline_kernel
def _gram(hashes: _U64, first: int, n: int) -> np.uint64:
    value: np.uint64 = hashes[first]
    for k in range(1, n):
        value = value * _WORD + hashes[first + k]
    return value


@kernel
def hash_grams(hashes: _U64, offsets: _I64, n: int, out: _U64, owners: _I64) -> int:
    """Hashes of all n-grams of the texts whose words' hashes are given, with the text of each; returns their number."""
    total = 0
    for text in range(len(offsets) - 1):
        for first in range(offsets[text], offsets[text + 1] - n + 1):
            out[total] = max(_gram(hashes, first, n), _ONE)
            owners[total] = text
            total += 1
    return total


@kernel
def fill_set(members: _U64, slots: _U64, bits: _U64) -> None:
    """Put hashes, none of them 0, into a hash set (power of two of slots, 0 where empty) and its bitmap."""
    last = np.uint64(len(slots) - 1)
    last_bit = np.uint64(64 * len(bits) - 1)
    for member in members:
        spread = member * _SPREAD
        bit = (spread >> np.uint64(24)) & last_bit
        bits[np.int64(bit >> np.uint64(6))] |= _ONE << (bit & np.uint64(63))
        at = spread & last
        while slots[np.int64(at)] != _NOTHING and slots[np.int64(at)] != member:
            at = (at + _ONE) & last
        slots[np.int64(at)] = member


@kernel
def _look_up(hashes: _U64, count: int, n: int, slots: _U64, bits: _U64, found: _Bytes) -> None:
    """Mark the members of the set among the n-grams of `count` mixed word hashes."""
    last = np.uint64(len(slots) - 1)
    last_bit = np.uint64(64 * len(bits) - 1)
    oldest = _ONE
    for _ in range(n):
        oldest *= _WORD
    value = _gram(hashes, 0, n)
    for first in range(count - n + 1):
        member = max(value, _ONE)
        spread = member * _SPREAD
        bit = (spread >> np.uint64(24)) & last_bit
        if bits[np.int64(bit >> np.uint64(6))] >> (bit & np.uint64(63)) & _ONE != _NOTHING:
            at = spread & last
            while slots[np.int64(at)] != _NOTHING and slots[np.int64(at)] != member:
                at = (at + _ONE) & last
            if slots[np.int64(at)] == member:
                found[np.int64(at)] = 1
        value = value * _WORD + hashes[min(first + n, count - 1)] - hashes[first] * oldest


@kernel
def scan_texts(data: _Bytes, offsets: _I64, table: _U32, n: int, slots: _U64, bits: _U64, found: _Bytes) -> int:
    """Mark in `found` (uint8, one a slot) the members of a hash set that are n-grams of the texts; returns the words.

    Args:
        data: the texts' bytes.
        offsets: int64, one more than there are texts.
        table: `word_table()`.
        n: words in an n-gram.
        slots: the set, from `fill_set`.
        bits: its bitmap.
        found: where to mark.
    """
    hashes = np.empty(_BLOCK + n + 4, np.uint64)
    fresh = np.empty(_BLOCK + 4, np.uint64)
    words = 0
    for text in range(len(offsets) - 1):
        at, stop, state, carried = offsets[text], offsets[text + 1], _NOTHING, 0
        while at < stop:
            at, state, count = _words(data, at, stop, table, state, fresh, 0)
            words += count
            for i in range(count):
                hashes[carried + i] = mix(fresh[i])
            carried += count
            if carried >= n:
                _look_up(hashes, carried, n, slots, bits, found)
                for i in range(n - 1):
                    hashes[i] = hashes[carried - n + 1 + i]
                carried = n - 1
    return words
