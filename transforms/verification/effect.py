"""How strong the effect is: what is said beside the test, and proves nothing without it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 9_999
FALSE_POSITIVE_RATES = (0.1, 0.01, 0.001)
LEAST_EXPECTED = 10
"""A rate f is read off only where at least this many held-outs are expected above the threshold: n f >= 10."""


@dataclass(frozen=True)
class Auc:
    """Share of held-outs that the planted candidate of the same unit beats, with an interval over units."""

    value: float
    low: float
    high: float
    units: int


def unit_p_values(scores: NDArray[np.float64], arms: NDArray[np.int64]) -> NDArray[np.float64]:
    """Unit p-values: (1 + #{held-outs that score as high or higher}) / (m + 1); float64[units]."""
    drawn = scores[np.arange(len(arms)), arms][:, None]
    # The drawn candidate is one of those that reach its score: that is the 1.
    return np.asarray((scores >= drawn).sum(axis=1) / scores.shape[1])


def exposure(unit_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bits: -log2 p (Carlini et al., The secret sharer, 2019, with the held-outs in place of the whole space)."""
    return np.asarray(-np.log2(unit_p))


def beaten(scores: NDArray[np.float64], arms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Twice the held-outs of its unit that the drawn candidate beats, ties counting half; int64[units], 0 to 2 m."""
    drawn = scores[np.arange(len(arms)), arms][:, None]
    # The drawn candidate ties with itself.
    return np.asarray(2 * (scores < drawn).sum(axis=1) + (scores == drawn).sum(axis=1) - 1)


def auc(scores: NDArray[np.float64], arms: NDArray[np.int64], seed: bytes, level: float = 0.95) -> Auc:
    """Area under the ROC curve within units, and a percentile bootstrap interval over units.

    Args:
        scores: float64[units, candidates], finite.
        arms: int64[units].
        seed: of the bootstrap.
        level: of the interval.
    """
    if not len(arms):
        return Auc(float("nan"), float("nan"), float("nan"), 0)
    counts = np.bincount(beaten(scores, arms), minlength=2 * scores.shape[1] - 1)
    values = np.arange(len(counts)) / (2 * (scores.shape[1] - 1))
    # Resampling units is drawing how often each of the few values occurs.
    generator = np.random.Generator(np.random.Philox(int.from_bytes(seed[:16], "big")))
    means = generator.multinomial(len(arms), counts / len(arms), size=RESAMPLES) @ values / len(arms)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Auc(float(counts @ values / len(arms)), float(low), float(high), len(arms))


@dataclass(frozen=True)
class Roc:
    """Planted candidates against all held-outs, units mixed: descriptive.

    Attributes:
        false_positive_rate: float64[points], ascending from 0 to 1.
        true_positive_rate: float64[points].
        area: under the curve.
        at: true positive rate by false positive rate, where there are enough held-outs.
    """

    false_positive_rate: NDArray[np.float64]
    true_positive_rate: NDArray[np.float64]
    area: float
    at: dict[float, float]


def pooled_roc(
    scores: NDArray[np.float64], arms: NDArray[np.int64], rates: Sequence[float] = FALSE_POSITIVE_RATES
) -> Roc:
    """The ROC curve of planted candidates against all held-outs together.

    The true positive rate at a rate f is that at the lowest threshold which at most f of the held-outs reach; it is
    given only with 10 / f held-outs or more.
    """
    is_drawn = np.zeros(scores.shape, bool)
    is_drawn[np.arange(len(arms)), arms] = True
    values, labels = scores.ravel(), is_drawn.ravel()
    order = np.argsort(-values, kind="stable")
    values, labels = values[order], labels[order]
    # One point for each distinct score: equal scores are on the same side of every threshold.
    last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
    planted, held_out = np.cumsum(labels)[last], np.cumsum(~labels)[last]
    true = np.append(0.0, planted / max(1, planted[-1]))
    false = np.append(0.0, held_out / max(1, held_out[-1]))
    at = {
        rate: float(true[np.searchsorted(false, rate, side="right") - 1])
        for rate in rates
        if held_out[-1] >= LEAST_EXPECTED / rate
    }
    return Roc(false, true, float(np.trapezoid(true, false)), at)
