"""Sums of a statistic under redraws: a keyed, counter-based generator and tables of partial sums.

Redraw number b gives each unit a uniform arm. Arms are drawn for `group_size` units at once: one number below
(m + 1)^group_size, whose digits in base m + 1 are the arms, so that one look-up in a table of partial sums serves them
all. The number is word b mod 4 of Philox4x32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3, SC 2011)
at the counter (b div 4, group, attempt, third word of the seed) under the key (first, second word of the seed); it is
brought below the bound by Lemire's multiplication with rejection (Fast random integer generation in an interval,
2019), a rejected word by that of the next attempt. So a redraw depends on seed, b and the place of the unit, never on
threads or blocks.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel

MOST_IN_TABLE = 1024
"""Arms of a group are enumerated in a table of at most this many entries, unless one unit alone needs more."""

_MASK = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
# The multipliers and Weyl increments of Philox4x32.
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)


@inline_kernel
def _philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Four words of 32 bits at a counter; all numbers are uint64 that hold 32 bits."""
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _HALF) ^ c1 ^ k0, p1 & _MASK, (p0 >> _HALF) ^ c3 ^ k1, p0 & _MASK
        k0, k1 = (k0 + _W0) & _MASK, (k1 + _W1) & _MASK
    return c0, c1, c2, c3


@kernel
def philox(counter: NDArray[np.uint64], key: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Philox4x32-10: four words at a counter (four words) under a key (two words), each a uint64 holding 32 bits."""
    return np.array(_philox(counter[0], counter[1], counter[2], counter[3], key[0], key[1]))


@kernel
def group_size(candidates: int) -> int:
    """Units whose arms are drawn together."""
    size, entries = 1, candidates
    while entries * candidates <= MOST_IN_TABLE:
        entries *= candidates
        size += 1
    return size


@kernel
def _fill_table(table: NDArray[np.int64], values: NDArray[np.int64], first: int, last: int) -> int:
    """Partial sums of the units first .. last - 1 for every combination of their arms; returns their number."""
    filled = 1
    table[0] = 0
    for unit in range(first, last):
        # From the end, so that the entries still needed are not overwritten.
        for arm in range(values.shape[1] - 1, -1, -1):
            value = values[unit, arm]
            for at in range(filled):
                table[arm * filled + at] = table[at] + value
        filled *= values.shape[1]
    return filled


@kernel
def _numbers(seed: NDArray[np.uint64], group: int, bound: np.uint64, first: int, out: NDArray[np.uint64]) -> None:
    """Uniform numbers below `bound` for the redraws first, first + 1, ...; `first` is a multiple of 4."""
    k0, k1, tail, place = seed[0], seed[1], seed[2], np.uint64(group)
    zero, least = np.uint64(0), np.uint64((1 << 32) % bound)
    blocks = len(out) // 4
    start = np.uint64(first // 4)
    for at in range(blocks):
        w0, w1, w2, w3 = _philox(start + np.uint64(at), place, zero, tail, k0, k1)
        out[4 * at] = w0 * bound
        out[4 * at + 1] = w1 * bound
        out[4 * at + 2] = w2 * bound
        out[4 * at + 3] = w3 * bound
    for at in range(len(out)):
        attempt = zero
        while (out[at] & _MASK) < least:
            attempt += np.uint64(1)
            words = _philox(start + np.uint64(at // 4), place, attempt, tail, k0, k1)
            out[at] = words[at % 4] * bound
        out[at] >>= _HALF


@kernel
def redraw_sums(values: NDArray[np.int64], seed: NDArray[np.uint64], first: int, count: int) -> NDArray[np.int64]:
    """Sums over units of what their redrawn arms contribute.

    Args:
        values: int64[statistics, units, candidates]; no sum may pass 2**63.
        seed: uint64[3], each 32 bits.
        first: number of the first redraw, a multiple of 4.
        count: redraws.

    Returns:
        int64[statistics, count].
    """
    statistics, units, candidates = values.shape
    size = group_size(candidates)
    tables = np.empty((statistics, candidates**size), np.int64)
    numbers = np.empty((count + 3) // 4 * 4, np.uint64)
    out = np.zeros((statistics, count), np.int64)
    for group in range((units + size - 1) // size):
        last = min(units, (group + 1) * size)
        entries = 0
        for k in range(statistics):
            entries = _fill_table(tables[k], values[k], group * size, last)
        _numbers(seed, group, np.uint64(entries), first, numbers)
        for k in range(statistics):
            table, sums = tables[k], out[k]
            for at in range(count):
                sums[at] += table[numbers[at]]
    return out
