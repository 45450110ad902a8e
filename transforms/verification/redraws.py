"""The exact test: how often a redraw, which knows nothing of the model, does as well as the draw.

Under the null hypothesis the table of scores is independent of the draw, whose arms are independent and uniform
(conditional on the table, the draw is one of (m + 1)^N equally likely ones). With the statistic T of the draw and T*
of B redraws, p = (1 + #{T* >= T}) / (B + 1) is at most alpha with probability at most alpha (Phipson and Smyth,
Permutation p-values should never be zero, 2010); with all draws enumerated p is the share of those with T* >= T.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.verification.alignment import Contributions
from transforms.verification.redraws_kernel import redraw_sums

BLOCK = 8_192
"""Redraws that are summed at once: their sums and a table stay in a core's own cache."""

_WORTH_A_THREAD = 2_000_000
"""Units times redraws below which starting threads costs more than they save."""

Seed = NDArray[np.uint64]
Reduce = Callable[[NDArray[np.int64]], NDArray[Any]]


@dataclass(frozen=True)
class RedrawRule:
    """How many redraws are made, as the plan binds it.

    Attributes:
        redraws: Monte Carlo redraws (B).
        redraws_many: the same above `many_units` units.
        many_units: see there.
        enumerate_up_to: draws up to which all are enumerated.
    """

    redraws: int = 999_999
    redraws_many: int = 99_999
    many_units: int = 10_000
    enumerate_up_to: int = 1_000_000

    def enumerates(self, units: int, candidates: int) -> bool:
        """Whether all draws are gone through."""
        return bool(candidates**units <= self.enumerate_up_to)

    def count(self, units: int) -> int:
        """Monte Carlo redraws for so many units."""
        return self.redraws_many if units > self.many_units else self.redraws


@dataclass(frozen=True)
class Redrawn:
    """Counts of redraws against one value of the statistic.

    Attributes:
        draws: what a p-value is a share of: all draws, or redraws and the draw itself.
        above: redraws whose statistic is greater.
        tied: redraws whose statistic is equal, within the slack; the draw itself is one of them.
        least: the smallest number that `above + tied` can be, whatever the draw.
        enumerated: whether all draws were gone through.
    """

    draws: int
    above: int
    tied: int
    least: int
    enumerated: bool

    @property
    def p_value(self) -> float:
        """Ties count against us."""
        return (self.above + self.tied) / self.draws

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that these scores could have given."""
        return self.least / self.draws

    def randomised_p(self, uniform: float) -> float:
        """Exactly uniform under the null hypothesis if `uniform` is (0 to 1): for checking the test, not for use."""
        return (self.above + uniform * self.tied) / self.draws


def seed_words(seed: bytes) -> Seed:
    """The first three words (32 bits each, big-endian) of a seed of 12 bytes or more; uint64[3]."""
    if len(seed) < 12:
        raise ValueError(f"a seed of {len(seed)} bytes: give 12 or more")
    return np.frombuffer(seed[:12], ">u4").astype(np.uint64)


def enumerated_sums(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sums of all draws, int64[statistics, (m + 1)^N]; arm of unit i of draw d: digit i of d in base m + 1.

    Args:
        values: int64[statistics, units, candidates].
    """
    sums = np.zeros((len(values), 1), np.int64)
    for unit in range(values.shape[1]):
        sums = (values[:, unit, :, None] + sums[:, None, :]).reshape(len(values), -1)
    return sums


def monte_carlo(
    values: NDArray[np.int64], count: int, seed: bytes, reduce: Reduce | None = None, threads: int = 0
) -> NDArray[Any]:
    """The sums of redraws 0 .. count - 1, in order: int64[statistics, count], or what `reduce` makes of each block.

    Args:
        values: int64[statistics, units, candidates].
        count: redraws.
        seed: 12 bytes or more.
        reduce: maps int64[statistics, n] to an array whose last axis has length n.
        threads: 0: all cores. The result does not depend on it.
    """
    words = seed_words(seed)

    def block(first: int) -> NDArray[Any]:
        sums = redraw_sums(values, words, first, min(BLOCK, count - first))
        return sums if reduce is None else reduce(sums)

    firsts = range(0, count, BLOCK)
    workers = min(threads or os.cpu_count() or 1, len(firsts))
    if workers < 2 or values.shape[0] * values.shape[1] * count < _WORTH_A_THREAD:
        return np.concatenate([block(first) for first in firsts], axis=-1)
    with ThreadPoolExecutor(workers) as pool:
        return np.concatenate(list(pool.map(block, firsts)), axis=-1)


def redraw_test(
    contributions: Contributions, arms: NDArray[np.int64], rule: RedrawRule, seed: bytes, threads: int = 0
) -> Redrawn:
    """Hold the draw against its redraws.

    Args:
        contributions: of each candidate.
        arms: int64[units], the draw.
        rule: how many redraws.
        seed: of the Monte Carlo redraws, 12 bytes or more.
        threads: 0: all cores.
    """
    sums, enumerated = null_sums(contributions, rule, seed, threads)
    best = int(contributions.values.max(axis=1).sum()) if len(arms) else 0
    return counted(sums, contributions.sum(arms), best, contributions.slack, enumerated)


def null_sums(
    contributions: Contributions, rule: RedrawRule, seed: bytes, threads: int = 0
) -> tuple[NDArray[np.int64], bool]:
    """The statistic of all draws, or of the Monte Carlo redraws (int64), and whether they are all."""
    units, candidates = contributions.values.shape
    values = contributions.values[None]
    if rule.enumerates(units, candidates):
        return enumerated_sums(values)[0], True
    sums: NDArray[np.int64] = monte_carlo(values, rule.count(units), seed, threads=threads)[0]
    return sums, False


def fresh_p_values(
    contributions: Contributions, sums: tuple[NDArray[np.int64], bool], count: int, seed: bytes
) -> NDArray[np.float64]:
    """p-values of `count` fresh draws, as if each were the real one: float64[count].

    What they should look like: uniform or, with ties, to the right of it. The real draw's p stands among them like
    any other where the model saw nothing.

    Args:
        contributions: of each candidate.
        sums: of `null_sums`.
        count: fresh draws.
        seed: of these, another than that of the redraws.
    """
    fresh = monte_carlo(contributions.values[None], count, seed)[0]
    ordered = np.sort(sums[0])
    reached = len(ordered) - np.searchsorted(ordered, fresh - contributions.slack, side="left")
    return np.asarray(reached / len(ordered) if sums[1] else (1 + reached) / (1 + len(ordered)))


def counted(sums: NDArray[Any], observed: float, best: float, slack: float, enumerated: bool) -> Redrawn:
    """Hold an observed statistic against those of all draws (`enumerated`), or of redraws to which it is added.

    Args:
        sums: the statistics.
        observed: that of the draw.
        best: the greatest that any draw can have.
        slack: differences up to this are ties.
        enumerated: whether `sums` has all draws.
    """
    one_more = 0 if enumerated else 1
    reached = int((sums >= observed - slack).sum()) + one_more
    above = int((sums > observed + slack).sum())
    least = int((sums >= best - slack).sum()) + one_more
    return Redrawn(len(sums) + one_more, above, reached - above, least, enumerated)
