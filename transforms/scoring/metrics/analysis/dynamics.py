"""Metrics over several checkpoints of one training run: what is taken up at an event, and what remains of it later."""

from dataclasses import dataclass

import numpy as np

from transforms.scoring.metrics.inputs import Bools, Floats, Ints
from transforms.scoring.metrics.likelihood import ratio_or_nan

WINDOW = 50
"""Training steps after the event in which the lowest loss is looked for."""
OUTLIER = 2.0
"""Interquartile ranges beyond the quartiles from which a value counts as an outlier."""


@dataclass(frozen=True)
class LossCurve:
    """Losses of n sequences at several checkpoints, and when the model was trained on them.

    Attributes:
        losses: float64[checkpoints, n], mean negative log-likelihood, nats (the metric `loss` with its sign turned).
        steps: int64[checkpoints], training steps, rising.
        event: the last step before the model saw the sequences.
        window: steps after `event` in which the lowest loss is looked for.

    Raises:
        ValueError: if the shapes do not agree, steps do not rise, or no checkpoint lies at or before `event` or within
            the window after it.
    """

    losses: Floats
    steps: Ints
    event: int
    window: int = WINDOW

    def __post_init__(self) -> None:
        """Check that there is something before the event and within the window."""
        if self.losses.ndim != 2 or len(self.losses) != len(self.steps) or np.any(np.diff(self.steps) <= 0):
            raise ValueError(f"losses {self.losses.shape} at {len(self.steps)} steps: one row a step, steps rising")
        if not np.any(self.steps <= self.event) or not np.any(self._within):
            raise ValueError(
                f"no checkpoint at or before step {self.event}, or none in the {self.window} steps after it; "
                "save checkpoints more often or widen the window"
            )

    @property
    def _within(self) -> Bools:
        return (self.steps > self.event) & (self.steps <= self.event + self.window)

    @property
    def before(self) -> Floats:
        """Loss at the last checkpoint at or before the event, float64[n]."""
        return np.asarray(self.losses[np.flatnonzero(self.steps <= self.event)[-1]], np.float64)

    @property
    def lowest(self) -> Floats:
        """Lowest loss within the window, float64[n]; NaN if one of them is."""
        return np.asarray(self.losses[self._within].min(axis=0), np.float64)


def effectivity(curve: LossCurve) -> Floats:
    """Loss before the event minus the lowest loss in the window after it, nats; float64[n].

    High means that seeing the sequence helped much.

    Source: Chang et al. 2024, 'How Do Large Language Models Acquire Factual Knowledge During Pretraining?'
    (arXiv 2406.11813; there in log-probability; its local acquisition maximum is the lowest loss).
    """
    return curve.before - curve.lowest


def retainability(curve: LossCurve, at: int) -> Floats:
    """The share of the gain that remains at step `at`: `(loss_at - before) / (lowest - before)`; float64[n].

    1: all of it; 0: none; below 0: worse than before. NaN where nothing was gained at all (lowest = before), for which
    the share is not defined.

    Source: Chang et al. 2024, 'How Do Large Language Models Acquire Factual Knowledge During Pretraining?'
    (arXiv 2406.11813).

    Raises:
        ValueError: if there is no checkpoint at step `at`.
    """
    found = np.flatnonzero(curve.steps == at)
    if not len(found):
        raise ValueError(f"no checkpoint at step {at}; there are {', '.join(map(str, curve.steps.tolist()))}")
    return ratio_or_nan(curve.losses[found[0]] - curve.before, curve.lowest - curve.before)


def retention(values: Floats) -> Floats:
    """The mean of recognition or recall at each later checkpoint; float64[checkpoints - 1].

    A sequence with a value that is not finite at any checkpoint is left out of all of them, so that all means are over
    the same sequences; NaN if none is left. High means that more is kept.

    Args:
        values: float64[checkpoints, n], the first one taken right after the sequences were seen.

    Source: Orhan 2023, 'Recognition, recall, and retention of few-shot memories in large language models' (the
    experiment of retention), after Bahrick 1984.

    Raises:
        ValueError: if there are not two checkpoints.
    """
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"values {values.shape}: expected (checkpoints, sequences) with two checkpoints or more")
    kept = values[1:, np.isfinite(values).all(axis=0)]
    return np.asarray(kept.mean(axis=1)) if kept.shape[1] else np.full(len(kept), np.nan)


def without_outliers(values: Floats, ranges: float = OUTLIER) -> Bools:
    """Which values lie within `ranges` interquartile ranges of the quartiles; bool[n], false for what is not finite.

    For a descriptive mean of retainability, whose denominator may be near 0. A confirmatory test must not drop units
    by their scores.

    Source: Chang et al. 2024, as for `retainability` (2 interquartile ranges).
    """
    finite = np.isfinite(values)
    if not finite.any():
        return finite
    low, high = np.quantile(values[finite], [0.25, 0.75])
    reach = ranges * (high - low)
    return np.asarray(finite & (values >= low - reach) & (values <= high + reach), np.bool_)
