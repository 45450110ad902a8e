"""What each candidate contributes to the statistic: aligned ranks or centred scores, as integers.

Ranks tie where the scores do in exact arithmetic (`transforms.verification.exact`). With integers, sums do not depend
on their order and equal sums are equal: whether a redraw ties with the draw is never a matter of rounding.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from transforms.verification.exact import centred, order_of, whole_scores
from transforms.verification.table import ScoreTable

Statistic = Literal["aligned_rank", "mean"]
_MOST = 1 << 61
"""No sum of contributions passes this: twice of it still fits into an int64."""


@dataclass(frozen=True, repr=False)
class Contributions:
    """Integers that are proportional to the contributions.

    Attributes:
        values: int64[units, candidates].
        slack: sums that differ by this much or less count as equal. 0 where the integers are exact; otherwise a bound
            on what rounding them can have done to the difference of two sums, so that no tie is missed.
        unit: what 1 stands for, in the units of the statistic.
    """

    values: NDArray[np.int64]
    slack: int
    unit: float

    def __post_init__(self) -> None:
        """Check that sums fit."""
        if self.values.size and int(np.abs(self.values).max()) * len(self.values) > 2 * _MOST:
            raise ValueError("contributions are too large to be added up as 64-bit integers")

    def sum(self, arms: NDArray[np.int64]) -> int:
        """The statistic of a draw, in integers."""
        return int(self.values[np.arange(len(arms)), arms].sum())


def doubled_midranks(scores: NDArray[np.float64], strata: NDArray[np.int64]) -> NDArray[np.int64]:
    """Twice the midrank of each score less its unit's mean among all of its stratum, ties as in exact arithmetic.

    Args:
        scores: float64[units, candidates], finite, below 1e150.
        strata: int64[units].

    Returns:
        int64, 2 or more, of the shape of `scores`.
    """
    ranks = np.empty(scores.shape, np.int64)
    for stratum in _distinct(strata):
        rows = strata == stratum
        places = order_of(scores[rows])
        counts = np.bincount(places.ravel())
        ranks[rows] = (2 * np.cumsum(counts) - counts + 1)[places]
    return ranks


def contributions(
    scores: NDArray[np.float64],
    strata: NDArray[np.int64],
    weights: NDArray[np.float64],
    statistic: Statistic = "aligned_rank",
) -> Contributions:
    """What each candidate contributes if it is the drawn one.

    Aligned ranks (Hodges and Lehmann, Rank methods for combination of independent experiments in analysis of
    variance, 1962): w_g (R_ij / (n_g (m + 1) + 1) - 1/2), with R_ij the midrank of s_ij - mean_j s_ij among the
    n_g (m + 1) values of the stratum. `mean`: w_g (s_ij - mean_j s_ij).

    Args:
        scores: float64[units, candidates], finite, below 1e150.
        strata: int64[units], numbers into `weights`.
        weights: float64[strata], finite, not negative.
        statistic: which of the two.
    """
    if not len(scores):
        return Contributions(np.zeros(scores.shape, np.int64), 0, 1.0)
    if statistic == "mean":
        exact = _exact_means(scores, strata, weights)
        if exact is not None:
            return exact
        real = centred(scores) / scores.shape[1] * weights[strata][:, None]
        # Of each centred score, m + 2 additions and two multiplications of numbers up to (m + 1) max |s|.
        largest = float(np.abs(scores).max()) * scores.shape[1]
        error = (scores.shape[1] + 3) * largest * float(weights.max()) * np.finfo(float).eps
        return _rounded(real, error)
    sizes = np.bincount(strata, minlength=len(weights)) * scores.shape[1] + 1
    doubled = doubled_midranks(scores, strata) - sizes[strata][:, None]
    exact = _weighted(doubled, strata, [Fraction(1, 2 * int(size)) for size in sizes], weights)
    if exact is not None:
        return exact
    real = doubled * (weights / (2.0 * sizes))[strata][:, None]
    return _rounded(np.asarray(real, float), 4 * float(np.abs(real).max()) * np.finfo(float).eps)


def parts_of(table: ScoreTable, statistic: Statistic) -> Contributions:
    """What each candidate of a table contributes; all of its units are complete."""
    return contributions(table.scores, table.strata, table.weights, statistic)


def _exact_means(
    scores: NDArray[np.float64], strata: NDArray[np.int64], weights: NDArray[np.float64]
) -> Contributions | None:
    """Weighted scores less their unit's mean as integers; None where the scores have no common denominator."""
    whole = whole_scores(scores)
    if whole is None:
        return None
    numbers, denominator = whole
    spread = np.asarray(numbers * scores.shape[1] - numbers.sum(axis=1, keepdims=True))
    common = int(np.gcd.reduce(spread, axis=None)) or 1
    unit = Fraction(common, denominator * scores.shape[1])
    return _weighted(spread // common, strata, [unit] * len(weights), weights)


def _weighted(
    numbers: NDArray[np.int64], strata: NDArray[np.int64], units: Sequence[Fraction], weights: NDArray[np.float64]
) -> Contributions | None:
    """`numbers` times the weight and the unit of their stratum, as integers; None if their sums do not fit.

    A weight is taken as the decimal number that the plan shows: .1 is a tenth.
    """
    factors = {one: Fraction(repr(float(weights[one]))) * units[one] for one in _distinct(strata)}
    if not any(factors.values()):
        return Contributions(np.zeros_like(numbers), 0, 1.0)
    unit = _common(list(factors.values()))
    whole = {one: int(factor / unit) for one, factor in factors.items()}
    # In a stratum the largest number can meet a factor no larger than the largest: what is refused then is rounded.
    if int(np.abs(numbers).max()) * max(whole.values()) * len(numbers) > _MOST:
        largest = max(int(np.abs(numbers[strata == one]).max()) * factor for one, factor in whole.items())
        if largest * len(numbers) > _MOST:
            return None
    by_stratum = np.zeros(len(weights), np.int64)
    by_stratum[list(whole)] = list(whole.values())
    return Contributions(numbers * by_stratum[strata][:, None], 0, float(unit))


def _common(fractions: Sequence[Fraction]) -> Fraction:
    """The largest fraction of which all of these are whole multiples."""
    denominator = math.lcm(*(one.denominator for one in fractions))
    return Fraction(math.gcd(*(int(one * denominator) for one in fractions)), denominator)


def _rounded(real: NDArray[np.float64], error: float) -> Contributions:
    """Integers on the finest grid on which their sums fit; `error` bounds what is wrong with each real number."""
    largest = float(np.abs(real).max())
    if largest == 0:
        return Contributions(np.zeros(real.shape, np.int64), 0, 1.0)
    # A power of two, so that scaling rounds nothing.
    grid = 2.0 ** (math.floor(math.log2(largest * len(real) / _MOST)) + 1)
    # Half a step and the error for each unit, in each of two sums.
    slack = math.ceil(len(real) * (1 + 2 * error / grid))
    return Contributions(np.rint(real / grid).astype(np.int64), min(slack, _MOST), grid)


def _distinct(strata: NDArray[np.int64]) -> list[int]:
    """The strata that occur, ascending."""
    return [int(one) for one in np.flatnonzero(np.bincount(strata))]
