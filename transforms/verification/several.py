"""One statement from several statistics of the same draw: several metrics, or a fixed list of checkpoints."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.verification.alignment import Contributions
from transforms.verification.redraws import Redrawn, RedrawRule, counted, enumerated_sums, monte_carlo

_ROUNDING = 1e-9
"""Standardised statistics that differ by less are ties."""


@dataclass(frozen=True)
class Maximum:
    """Several statistics of one draw.

    Attributes:
        standardised: float64[statistics]; -inf for one that no draw can change.
        redrawn: their maximum against that of the redraws.
        adjusted_p: float64[statistics], p-values adjusted for their number (single step).
    """

    standardised: NDArray[np.float64]
    redrawn: Redrawn
    adjusted_p: NDArray[np.float64]


def largest_standardised(
    several: Sequence[Contributions], arms: NDArray[np.int64], rule: RedrawRule, seed: bytes, threads: int = 0
) -> Maximum:
    """The maximum over several statistics of one draw, under redraws that all of them share.

    Westfall and Young, Resampling-based multiple testing, 1993, section 2.3. Each statistic is standardised by its
    exact mean and variance over draws; one that no draw can change is left out.

    Args:
        several: contributions to each statistic, of the same units.
        arms: int64[units], the draw.
        rule: how many redraws.
        seed: of the redraws, 12 bytes or more.
        threads: 0: all cores.
    """
    values = np.stack([one.values for one in several])
    means = values.mean(axis=2).sum(axis=1)
    deviations = np.sqrt(values.var(axis=2).sum(axis=1))
    moving = deviations > 0
    if not moving.any():
        return Maximum(np.full(len(several), -np.inf), Redrawn(1, 0, 1, 1, True), np.ones(len(several)))
    scale = np.where(moving, deviations, 1.0)

    def standardise(sums: NDArray[np.int64]) -> NDArray[np.float64]:
        return np.where(moving[:, None], (sums - means[:, None]) / scale[:, None], -np.inf)

    def greatest(sums: NDArray[np.int64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = standardise(sums).max(axis=0)
        return found

    units, candidates = values.shape[1:]
    enumerated = rule.enumerates(units, candidates)
    null: NDArray[Any]
    if enumerated:
        null = greatest(enumerated_sums(values))
    else:
        null = monte_carlo(values, rule.count(units), seed, greatest, threads)
    drawn = standardise(np.array([[one.sum(arms)] for one in several]))[:, 0]
    best = float(standardise(values.max(axis=2).sum(axis=1)[:, None]).max())
    slack = _ROUNDING + max(one.slack / wide for one, wide, moves in zip(several, scale, moving, strict=True) if moves)
    each = [counted(null, float(one), best, slack, enumerated) for one in (*drawn, drawn.max())]
    return Maximum(drawn, each[-1], np.array([one.p_value for one in each[:-1]]))


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values adjusted for their number without regard to how they depend on each other (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    count = len(order)
    stepped = [(count - step) * p_values[at] for step, at in enumerate(order)]
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.maximum.accumulate(np.asarray(stepped, float)), 1.0)
    return [float(one) for one in adjusted]
