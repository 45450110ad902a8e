"""Reductions over the rows of a ragged array, each row by itself and in order: no row's result depends on another."""

import numpy as np

from transforms.base.kernels import kernel
from transforms.scoring.metrics.inputs import AnyFloats, Bools, Floats, Ints


@kernel
def row_sums(values: AnyFloats, offsets: Ints) -> Floats:
    """The sum of each row, float64[n], added up in float64; 0 for an empty row."""
    sums = np.zeros(len(offsets) - 1, np.float64)
    for row in range(len(sums)):
        total = 0.0
        for at in range(offsets[row], offsets[row + 1]):
            total += np.float64(values[at])
        sums[row] = total
    return sums


@kernel
def row_counts(flags: Bools, offsets: Ints) -> Ints:
    """The true flags of each row, int64[n]."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        for at in range(offsets[row], offsets[row + 1]):
            counts[row] += np.int64(flags[at])
    return counts


@kernel
def trailing_counts(flags: Bools, offsets: Ints) -> Ints:
    """How many flags at the end of each row are true without a gap, int64[n]."""
    counts = np.zeros(len(offsets) - 1, np.int64)
    for row in range(len(counts)):
        at = offsets[row + 1]
        while at > offsets[row] and flags[at - 1]:
            at -= 1
        counts[row] = offsets[row + 1] - at
    return counts


@kernel
def lowest_means(values: Floats, offsets: Ints, share: float) -> Floats:
    """The mean of the lowest `max(1, floor(share * T))` values of each row of T, float64[n].

    NaN for an empty row and for a row with a NaN, which sorting would hide at its end.
    """
    means = np.empty(len(offsets) - 1, np.float64)
    for row in range(len(means)):
        length = offsets[row + 1] - offsets[row]
        ordered = np.sort(values[offsets[row] : offsets[row + 1]])
        if length == 0 or np.isnan(ordered[length - 1]):
            means[row] = np.nan
            continue
        # A product such as .29 * 100 = 28.999999999999996 is meant to be 29.
        lowest = max(1, int(np.floor(share * length + 1e-9)))
        total = 0.0
        for at in range(lowest):
            total += ordered[at]
        means[row] = total / lowest
    return means
