"""Scores as a table of units: one row per unit, one column per candidate, and the arm that was drawn."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

LARGEST = 1e150
"""A score of this magnitude or more counts as not finite: sums and squares of scores must be numbers."""


@dataclass(frozen=True, repr=False)
class ScoreTable:
    """The scores of a campaign, signed so that high means memorised.

    Attributes:
        scores: float64[units, candidates]; NaN where a score is missing.
        arms: int64[units], the drawn candidate of each.
        strata: int64[units], the number of the unit's stratum; ranks are taken within strata.
        weights: float64[strata], what a stratum's contributions are multiplied with.
        doses: int64[units].
        place: int64[units], the leaf of each unit.
    """

    scores: NDArray[np.float64]
    arms: NDArray[np.int64]
    strata: NDArray[np.int64]
    weights: NDArray[np.float64]
    doses: NDArray[np.int64]
    place: NDArray[np.int64]

    def __post_init__(self) -> None:
        """Check that the columns belong together."""
        units = self.scores.shape[0]
        if self.scores.ndim != 2 or self.scores.shape[1] < 2:
            raise ValueError(f"scores of shape {self.scores.shape}: give units x candidates, 2 or more of these")
        if any(column.shape != (units,) for column in (self.arms, self.strata, self.doses, self.place)):
            raise ValueError(f"{units} units need as many arms, strata, doses and places")
        if units and not (self.arms.min() >= 0 and self.arms.max() < self.scores.shape[1]):
            raise ValueError(f"arms must be 0 to {self.scores.shape[1] - 1}")

    def __len__(self) -> int:
        """Units."""
        return len(self.scores)

    @property
    def controls(self) -> int:
        """Held-outs of a unit (m)."""
        return int(self.scores.shape[1]) - 1

    def take(self, chosen: NDArray[np.bool_] | NDArray[np.int64]) -> "ScoreTable":
        """The table of some units."""
        columns = {name: getattr(self, name)[chosen] for name in ("scores", "arms", "strata", "doses", "place")}
        return replace(self, **columns)

    def crossed_with_doses(self) -> "ScoreTable":
        """The same units in strata by stratum and dose: with doses pooled, none is ranked against another."""
        doses, dose = np.unique(self.doses, return_inverse=True)
        strata = self.strata * len(doses) + dose
        return replace(self, strata=strata, weights=np.repeat(self.weights, len(doses)))


def complete(*scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Units of which every candidate has a finite score in every table (bool[units]); the arms are not looked at."""
    kept = np.ones(len(scores[0]), bool)
    for one in scores:
        # A NaN compares as false.
        kept &= (np.abs(one) < LARGEST).all(axis=1)
    return kept
