"""LiMem and its parts, with bootstrap intervals over whole units: how far right answers hang on the very wording.

After Xie et al., 'On Memorization of Large Language Models in Logical Reasoning' (2024), section 2: with accuracy Acc
and consistency ratio CR, the share of solved puzzles that are still solved after a change that must be followed,

    LiMem = Acc (1 - CR) = mean over puzzles i of  right_i (1 - mean_k still_right_ik).

All three are over the same puzzles: those that have a perturbation. LiMem alone is no evidence of memorisation: who
answers each puzzle right with probability a, whatever was learnt, gets a (1 - a). What counts is its difference
between planted and held-out puzzles.

Four puzzles with two perturbations each; three are solved, and of their six perturbations three are solved as well:

    >>> still_right = np.array([[1.0, 0], [0, 0], [1, 1], [1, 0]])
    >>> right = np.array([True, True, True, False])
    >>> scores = PuzzleScores(np.arange(4), right, still_right, np.zeros((4, 2)))
    >>> found = memorisation(scores, resamples=100)
    >>> found["accuracy"].value, found["consistency"].value, found["limem"].value
    (0.75, 0.5, 0.375)
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_F64 = npt.NDArray[np.float64]
_DRAWN_AT_ONCE = 1 << 20  # weights, 8 MB


@dataclass(frozen=True)
class PuzzleScores:
    """How a model did on puzzles and on their perturbations.

    Attributes:
        unit: int64[size] or any integers, the unit of each puzzle: what is drawn as a whole.
        right: bool[size], whether the puzzle was solved.
        still_right: float64[size, k], 1 where perturbation k was solved, 0 where not, NaN where there is none.
        gave_original: float64[size, k], 1 where the original's solution was given to perturbation k, else 0, or NaN.
            For a perturbation that keeps the solution (a control) it equals `still_right`.
    """

    unit: npt.NDArray[np.integer]
    right: npt.NDArray[np.bool_]
    still_right: _F64
    gave_original: _F64

    def __post_init__(self) -> None:
        size = len(self.unit)
        if self.right.shape != (size,) or self.still_right.ndim != 2 or len(self.still_right) != size:
            raise ValueError(
                f"unit, right and still_right have shapes {self.unit.shape}, {self.right.shape}, "
                f"{self.still_right.shape}: give (size,), (size,) and (size, perturbations)"
            )
        if self.gave_original.shape != self.still_right.shape:
            raise ValueError(
                f"gave_original has shape {self.gave_original.shape}, still_right {self.still_right.shape}"
            )
        if not np.array_equal(np.isnan(self.gave_original), np.isnan(self.still_right)):
            raise ValueError(
                "gave_original and still_right must be NaN in the same places: where there is no perturbation"
            )


@dataclass(frozen=True)
class Estimate:
    """A value with the bounds of its bootstrap interval."""

    value: float
    low: float
    high: float


MEASURES = ("accuracy", "consistency", "limem", "gave_original")
"""What `memorisation` returns. `gave_original`: how often a perturbation got the original's solution."""


def memorisation(
    scores: PuzzleScores, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> dict[str, Estimate]:
    """Each of `MEASURES` over the puzzles that have a perturbation, with a percentile bootstrap over units.

    Consistency is 0 where no puzzle is solved; LiMem is 0 there, too.

    Args:
        scores: of one model on one set of puzzles.
        level: of the intervals.
        resamples: of units, with replacement.
        seed: of the resampling.

    Raises:
        ValueError: if no puzzle has a perturbation.
    """
    _, sums = _unit_sums(scores)
    values, drawn = _measures(sums.sum(0)), _measures(_resampled(sums, resamples, seed))
    return {name: _estimate(values[name], drawn[name], level) for name in MEASURES}


def difference(
    planted: PuzzleScores, held_out: PuzzleScores, level: float = 0.95, resamples: int = 10_000, seed: int = 0
) -> dict[str, Estimate]:
    """Each of `MEASURES` of planted puzzles less that of held-out ones, with a percentile bootstrap over units.

    A unit's planted and held-out puzzles, which are alike, are drawn together.

    Raises:
        ValueError: if one arm has no puzzle with a perturbation.
    """
    arms = [_unit_sums(scores) for scores in (planted, held_out)]
    every = np.union1d(arms[0][0], arms[1][0])
    values, spread = [], np.zeros((len(every), 2, len(MEASURES)))
    for arm, (units, sums) in enumerate(arms):
        spread[np.searchsorted(every, units), arm] = sums
        values.append(_measures(sums.sum(0)))
    both = _resampled(spread.reshape(len(every), -1), resamples, seed).reshape(resamples, 2, -1)
    drawn = [_measures(both[:, arm]) for arm in range(2)]
    return {
        name: _estimate(values[0][name] - values[1][name], drawn[0][name] - drawn[1][name], level) for name in MEASURES
    }


def _unit_sums(scores: PuzzleScores) -> tuple[npt.NDArray[np.integer], _F64]:
    """The units, sorted, and float64[units, 4] of sums over a unit's puzzles that have a perturbation.

    The sums are of: puzzles, solved ones, solved ones times the share of perturbations still solved, and
    the share of perturbations that got the original's solution.
    """
    there = ~np.isnan(scores.still_right)
    changed = there.any(1)
    if not changed.any():
        raise ValueError("no puzzle has a perturbation: LiMem needs one or more")
    counts = there[changed].sum(1)
    still = np.nansum(scores.still_right[changed], 1) / counts
    right = scores.right[changed].astype(np.float64)
    given = np.nansum(scores.gave_original[changed], 1) / counts
    each = np.column_stack([np.ones(len(right)), right, right * still, given])
    units, place = np.unique(scores.unit[changed], return_inverse=True)
    sums = np.zeros((len(units), each.shape[1]))
    np.add.at(sums, place, each)
    return units, sums


def _resampled(sums: _F64, resamples: int, seed: int) -> _F64:
    """float64[resamples, k], the totals of `sums`, float64[units, k], over units drawn with replacement."""
    if resamples < 1:
        raise ValueError(f"{resamples} resamples: take 1 or more, 10,000 for an interval to quote")
    units = len(sums)
    random = np.random.default_rng(seed)
    totals = np.empty((resamples, sums.shape[1]))
    at_once = max(1, _DRAWN_AT_ONCE // units)
    for begin in range(0, resamples, at_once):
        rows = slice(begin, min(resamples, begin + at_once))
        weights = random.multinomial(units, np.full(units, 1 / units), rows.stop - begin)
        totals[rows] = weights @ sums
    return totals


def _measures(sums: _F64) -> Mapping[str, _F64]:
    """`MEASURES` from sums, float64[..., 4]; 0 where a share is of nothing."""
    puzzles, right, both, given = np.moveaxis(sums, -1, 0)

    def share(part: _F64, whole: _F64) -> _F64:
        return np.divide(part, whole, out=np.zeros_like(np.asarray(part, np.float64)), where=whole > 0)

    return {
        "accuracy": share(right, puzzles),
        "consistency": share(both, right),
        "limem": share(right - both, puzzles),
        "gave_original": share(given, puzzles),
    }


def _estimate(value: _F64, drawn: _F64, level: float) -> Estimate:
    if not 0 < level < 1:
        raise ValueError(f"level {level}: give one between 0 and 1, such as 0.95")
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(value), float(low), float(high))
