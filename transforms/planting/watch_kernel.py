"""Find phrases in texts at memory speed: sixteen bytes at a word's beginning, a bitmap, then the whole phrase."""

import numpy as np
from numpy.typing import NDArray

from transforms.corpus.instructions import STEP, blanks, load64, trailing_zeros
from transforms.corpus.jit import inline_kernel, kernel

HEAD = 16
"""Bytes of a phrase that are looked up before it is compared."""

BITS = 20
"""The bitmap has 2**BITS bits."""

_BLANK = 32


@inline_kernel
def _slot(head: np.uint64) -> np.uint64:
    return head >> np.uint64(64 - BITS)


@inline_kernel
def _mixed(first: np.uint64, second: np.uint64) -> np.uint64:
    """A hash of sixteen bytes: Fibonacci hashing (Knuth, volume 3, section 6.4) of both halves."""
    return (first * np.uint64(0x9E3779B97F4A7C15) ^ second) * np.uint64(0xD6E8FEB86659FD93)


@kernel
def heads_of(phrases: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint64]:
    """uint64[k]: a hash of the first `HEAD` bytes of each phrase (uint8 bytes, int64[k + 1] offsets)."""
    found = np.empty(len(offsets) - 1, np.uint64)
    for phrase in range(len(found)):
        halves = np.zeros(2, np.uint64)
        for at in range(HEAD):
            byte = np.uint64(phrases[offsets[phrase] + at])
            halves[at // 8] |= byte << np.uint64(8 * (at % 8))
        found[phrase] = _mixed(halves[0], halves[1])
    return found


@kernel
def bitmap_of(heads: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """uint8[2**BITS / 8]: a bit for each head."""
    bits = np.zeros(1 << (BITS - 3), np.uint8)
    for head in heads:
        slot = _slot(head)
        bits[slot >> np.uint64(3)] |= np.uint8(1) << np.uint8(slot & np.uint64(7))
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
def _holds(
    data: NDArray[np.uint8],
    at: int,
    hi: int,
    bits: NDArray[np.uint8],
    heads: NDArray[np.uint64],
    phrases: NDArray[np.uint8],
    phrase_offsets: NDArray[np.int64],
) -> bool:
    """Whether a phrase stands at `at`, where at least `HEAD` bytes of a text that ends at `hi` are left."""
    address = np.int64(data.ctypes.data) + at
    head = _mixed(load64(address), load64(address + HEAD // 2))
    slot = _slot(head)
    if not bits[slot >> np.uint64(3)] >> np.uint8(slot & np.uint64(7)) & np.uint8(1):
        return False
    phrase = _first_at_least(heads, head)
    while phrase < len(heads) and heads[phrase] == head:
        first = phrase_offsets[phrase]
        size = phrase_offsets[phrase + 1] - first
        same = 0
        while same < size and at + same < hi and data[at + same] == phrases[first + same]:
            same += 1
        if same == size:
            return True
        phrase += 1
    return False


@kernel
def rows_with_phrase(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    valid: NDArray[np.bool_],
    bits: NDArray[np.uint8],
    heads: NDArray[np.uint64],
    phrases: NDArray[np.uint8],
    phrase_offsets: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """bool[n]: which texts hold one of the phrases, beginning at the text's start or behind an ASCII blank.

    Args:
        data: uint8, the texts' bytes.
        offsets: int64[n + 1].
        valid: bool[n]; others are passed over.
        bits: `bitmap_of(heads)`.
        heads: uint64[k], ascending, from `heads_of`.
        phrases: uint8, the phrases' bytes, in the order of `heads`.
        phrase_offsets: int64[k + 1].
    """
    found = np.zeros(len(offsets) - 1, np.bool_)
    base = np.int64(data.ctypes.data)
    for row in range(len(offsets) - 1):
        lo, hi = offsets[row], offsets[row + 1]
        last = hi - HEAD
        if not valid[row] or last < lo:
            continue
        carried = np.int64(1)
        at = lo
        while at + STEP <= hi and not found[row]:
            white = blanks(base + at)
            begins = ~white & ((white << np.int64(1)) | carried)
            carried = np.int64(white < 0)
            while begins != 0:
                here = at + trailing_zeros(begins)
                begins &= begins - np.int64(1)
                if here <= last and _holds(data, here, hi, bits, heads, phrases, phrase_offsets):
                    found[row] = True
                    break
            at += STEP
        while at <= last and not found[row]:
            blank = data[at] <= _BLANK
            if not blank and carried != 0:
                found[row] = _holds(data, at, hi, bits, heads, phrases, phrase_offsets)
            carried = np.int64(blank)
            at += 1
    return found
