"""Find phrases in texts at memory speed: some bytes at a word's beginning, a Bloom filter, then the whole phrase."""

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.vectors import STEP, blanks, letters, load8, load64, trailing_zeros

SHORT, LONG = 16, 32
"""Bytes of a phrase that are looked up before it is compared: its head. Two words or three are common in any corpus, so
that of phrases that are long enough more is looked up."""

FEWEST_WORDS, WORDS_A_HEAD = 1 << 14, 0.5
"""Words of 64 bits in the filter, a power of two: at least so many, and so many for each head."""

_BLANK = 32
_AT_ONCE = 512


@inline_kernel
def _may_be_head(word: np.uint64, head: np.uint64) -> np.uint64:
    """1 if both bits of a head are set in its word of the filter, else 0."""
    return (
        word >> (head >> np.uint64(20) & np.uint64(63)) & word >> (head >> np.uint64(26) & np.uint64(63)) & np.uint64(1)
    )


@inline_kernel
def _mixed(first: np.uint64, second: np.uint64) -> np.uint64:
    """A hash of sixteen bytes: Fibonacci hashing (Knuth, volume 3, section 6.4) of both halves."""
    return (first * np.uint64(0x9E3779B97F4A7C15) ^ second) * np.uint64(0xD6E8FEB86659FD93)


@inline_kernel
def _head_at(address: int, head: int) -> np.uint64:
    """A hash of the `SHORT` or `LONG` bytes at an address."""
    found = _mixed(load64(address), load64(address + 8))
    if head == LONG:
        found = _mixed(_mixed(found ^ (found >> np.uint64(32)), load64(address + 16)), load64(address + 24))
    return found


@kernel
def heads_of(begins: NDArray[np.int64], head: int) -> NDArray[np.uint64]:
    """uint64[k]: a hash of the first `head` bytes of each phrase (int64[k], the addresses where they begin)."""
    found = np.empty(len(begins), np.uint64)
    for phrase in range(len(found)):
        found[phrase] = _head_at(begins[phrase], head)
    return found


@kernel
def filter_of(heads: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A Bloom filter of heads, uint64[2**n]: two bits for each, in one word (Putze, Sanders & Singler 2007)."""
    size = FEWEST_WORDS
    while size < WORDS_A_HEAD * len(heads):
        size *= 2
    bits = np.zeros(size, np.uint64)
    for head in heads:
        word = (head >> np.uint64(32)) & np.uint64(size - 1)
        bits[word] |= np.uint64(1) << (head >> np.uint64(20) & np.uint64(63))
        bits[word] |= np.uint64(1) << (head >> np.uint64(26) & np.uint64(63))
    return bits


@inline_kernel
def _first_at_least(values: NDArray[np.uint64], wanted: np.uint64) -> int:
    """Index of the first of ascending values that is not below `wanted`."""
    lo, hi = 0, len(values)
    while lo < hi:
        middle = (lo + hi) >> 1
        if values[middle] < wanted:
            lo = middle + 1
        else:
            hi = middle
    return lo


@kernel
def _stands_at(
    data: NDArray[np.uint8],
    at: int,
    hi: int,
    head: np.uint64,
    heads: NDArray[np.uint64],
    phrase_begins: NDArray[np.int64],
    phrase_ends: NDArray[np.int64],
) -> bool:
    """Whether a phrase stands at `at` of a text that ends at `hi`; `head` is the hash of its first bytes."""
    phrase = _first_at_least(heads, head)
    while phrase < len(heads) and heads[phrase] == head:
        first = phrase_begins[phrase]
        size = phrase_ends[phrase] - first
        same = 0
        while same < size and at + same < hi and data[at + same] == load8(first + same):
            same += 1
        if same == size:
            return True
        phrase += 1
    return False


@kernel
def _may_begin(
    base: int, lo: int, hi: int, head: int, bits: NDArray[np.uint64], places: NDArray[np.int64], hits: NDArray[np.int64]
) -> int:
    """Places in a text at which the filter has a phrase's head: how many, the places themselves in `hits`.

    Words are collected a stretch at a time, and then looked up in a loop without branches.
    """
    last = hi - head
    mask = np.uint64(len(bits) - 1)
    count = 0
    carried = np.int64(0)
    at = lo
    while at <= last:
        found = 0
        while at <= last and found + STEP <= len(places):
            if at + STEP <= hi:
                inside = letters(base + at)
                begins = ~blanks(base + at) & ~((inside << np.int64(1)) | carried)
                carried = np.int64(inside < 0)
                while begins != 0:
                    places[found] = at + trailing_zeros(begins)
                    begins &= begins - np.int64(1)
                    found += 1
                at += STEP
            else:
                byte = load8(base + at)
                if byte > _BLANK and carried == 0:
                    places[found] = at
                    found += 1
                carried = np.int64(97 <= (byte | 32) <= 122 or 48 <= byte <= 57)
                at += 1
        for k in range(found):
            # A place near the end is looked up where the last head begins: it is compared in full later.
            hashed = _head_at(base + min(places[k], last), head)
            hits[count] = places[k]
            count += int(_may_be_head(bits[hashed >> np.uint64(32) & mask], hashed))
    return count


@kernel
def rows_with_phrase(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    valid: NDArray[np.bool_],
    head: int,
    bits: NDArray[np.uint64],
    heads: NDArray[np.uint64],
    phrase_begins: NDArray[np.int64],
    phrase_ends: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """bool[n]: which texts hold one of the phrases, beginning where no ASCII letter or digit stands before.

    Args:
        data: uint8, the texts' bytes.
        offsets: int64[n + 1].
        valid: bool[n]; others are passed over.
        head: `SHORT` or `LONG`, bytes of a head.
        bits: `filter_of(heads)`.
        heads: uint64[k], ascending, from `heads_of`.
        phrase_begins: int64[k], the address where each phrase begins, in the order of `heads`.
        phrase_ends: int64[k], where each ends.
    """
    found = np.zeros(len(offsets) - 1, np.bool_)
    base: int = data.ctypes.data
    longest = 0
    for row in range(len(found)):
        longest = max(longest, offsets[row + 1] - offsets[row])
    places, hits = np.empty(_AT_ONCE, np.int64), np.empty(longest + 1, np.int64)
    for row in range(len(found)):
        lo, hi = offsets[row], offsets[row + 1]
        if not valid[row] or hi - lo < head:
            continue
        for k in range(_may_begin(base, lo, hi, head, bits, places, hits)):
            at = hits[k]
            if at + head <= hi:
                hashed = _head_at(base + at, head)
                if _stands_at(data, at, hi, hashed, heads, phrase_begins, phrase_ends):
                    found[row] = True
                    break
    return found
