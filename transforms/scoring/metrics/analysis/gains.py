"""What planting gains over held-out siblings, aligned at the events of training, and what is kept of it.

All values are planted minus the mean of the held-outs of the same unit: what a model learns of all candidates alike,
such as their format, cancels. The time of a maximum is fixed by the other half of the units, since the highest of
several noisy values is too high; shares are ratios of means over units, since a unit's own denominator may be near 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.scoring.metrics.inputs import Floats, Ints

RESAMPLES = 999


@dataclass(frozen=True)
class Aligned:
    """Gains of n units at several checkpoints, and when the model was trained on each.

    Attributes:
        values: float64[checkpoints, n], finite: planted minus the mean of the held-outs.
        steps: int64[checkpoints], training steps done at each checkpoint, rising.
        events: int64[n][exposures of the unit], rising: steps done before the step in which the unit was seen.
        window: steps after an event in which the maximum is looked for.

    Raises:
        ValueError: if the shapes do not agree, steps or events do not rise, or a unit has no event.
    """

    values: Floats
    steps: Ints
    events: Sequence[Ints]
    window: int

    def __post_init__(self) -> None:
        """Check shapes and orders."""
        if self.values.shape != (len(self.steps), len(self.events)) or np.any(np.diff(self.steps) <= 0):
            raise ValueError(f"values {self.values.shape}: expected (checkpoints, units), steps rising")
        if any(len(one) == 0 or np.any(np.diff(one) < 0) for one in self.events):
            raise ValueError("events: each unit needs one at least, in order")

    @property
    def halves(self) -> Ints:
        """0 or 1 for each unit: units are in keyed order, so every other one is a keyed half."""
        return np.arange(len(self.events)) % 2

    def before(self, event: Ints) -> Floats:
        """Value at the last checkpoint at or before each unit's event, float64[n]; NaN where there is none."""
        at = np.searchsorted(self.steps, event, "right") - 1
        found = self.values[np.maximum(at, 0), np.arange(len(event))]
        return np.where(at >= 0, found, np.nan)

    def after(self, event: Ints, offset: Ints) -> Floats:
        """Value at the checkpoint `offset` steps after each unit's event, float64[n]; NaN where there is none."""
        wanted = event + offset
        at = np.minimum(np.searchsorted(self.steps, wanted), len(self.steps) - 1)
        return np.where(self.steps[at] == wanted, self.values[at, np.arange(len(event))], np.nan)

    def offsets(self, event: Ints, until: Ints) -> Ints:
        """Steps after the event, up to `until`, at which every unit has a checkpoint; int64, rising."""
        common: set[int] | None = None
        for one, end in set(zip(event.tolist(), until.tolist(), strict=True)):
            own = {int(step) - one for step in self.steps if one < step <= one + end}
            common = own if common is None else common & own
        return np.array(sorted(common or ()), np.int64)

    def of(self, chosen: Ints) -> "Aligned":
        """The chosen units, int64 numbers in order."""
        return Aligned(self.values[:, chosen], self.steps, [self.events[at] for at in chosen], self.window)


@dataclass(frozen=True)
class Peak:
    """Gains at the maximum after an event.

    Attributes:
        gains: float64[n], over the value that is given as before.
        offsets: int64[2], steps from event to maximum for each half, as the other half has it.
    """

    gains: Floats
    offsets: Ints


def peak(curves: Aligned, event: Ints, until: Ints, before: Floats) -> Peak | None:
    """Gain of each unit at the time of the maximum that the other half of the units shows.

    Args:
        curves: of n units.
        event: int64[n].
        until: int64[n], steps after the event in which to look.
        before: float64[n], what the gain is over.

    Returns: None where no checkpoint lies in the window of every unit, or there are fewer than two units.
    """
    offsets = curves.offsets(event, until)
    if not len(offsets) or len(event) < 2 or not np.isfinite(before).all():
        return None
    at = np.stack([curves.after(event, np.full(len(event), one)) for one in offsets])
    chosen = [int(offsets[at[:, curves.halves == 1 - half].mean(axis=1).argmax()]) for half in (0, 1)]
    best = np.array(chosen, np.int64)
    return Peak(curves.after(event, best[curves.halves]) - before, best)


def effectivities(curves: Aligned) -> list[tuple[int, Peak]]:
    """For each exposure, from the first: its number, and the gain over the value right before it.

    Only units that have the exposure count. The window ends where the next exposure begins. An exposure without a
    checkpoint before it, or within the window of every unit, is left out.

    Source: Chang et al. 2024, 'How Do Large Language Models Acquire Factual Knowledge During Pretraining?'
    (arXiv 2406.11813), with held-outs and the maximum's time of the other half in place of the highest value.
    """
    found = []
    for number in range(max(map(len, curves.events), default=0)):
        part = curves.of(np.array([at for at, one in enumerate(curves.events) if len(one) > number], np.int64))
        event = np.array([one[number] for one in part.events], np.int64)
        gaps = [one[number + 1] - one[number] if len(one) > number + 1 else part.window for one in part.events]
        best = peak(part, event, np.minimum(np.array(gaps, np.int64), part.window), part.before(event))
        if best is not None:
            found.append((number, best))
    return found


@dataclass(frozen=True)
class Kept:
    """What is kept of the gain after the last exposure.

    Attributes:
        best: gains at the maximum, over the value before the first exposure.
        times: int64[points], steps after the maximum, rising.
        gains: float64[points, n], over the value before the first exposure.
        draws: float64[RESAMPLES, n], weights of the units in each bootstrap resample, each row adding up to 1.
    """

    best: Peak
    times: Ints
    gains: Floats
    draws: Floats

    @property
    def shares(self) -> Floats:
        """Share that is kept at each time, float64[points]: the ratio of the means."""
        return np.asarray(self.gains.mean(axis=1) / self.best.gains.mean())

    @property
    def resampled(self) -> Floats:
        """The same for each bootstrap resample of the units, float64[RESAMPLES, points]; NaN without a gain."""
        left, best = self.draws @ self.gains.T, (self.draws @ self.best.gains)[:, None]
        return np.divide(left, best, out=np.full_like(left, np.nan), where=best != 0)


def retainabilities(curves: Aligned, seed: bytes) -> Kept | None:
    """What is kept, at every later checkpoint that all units have, with bootstrap weights over units.

    None where there is no maximum (see `peak`) or no later checkpoint.

    Source: as `effectivities`; there a mean of ratios over probes, without outliers.
    """
    first = np.array([one[0] for one in curves.events], np.int64)
    last = np.array([one[-1] for one in curves.events], np.int64)
    before = curves.before(first)
    best = peak(curves, last, np.full(len(last), curves.window), before)
    if best is None:
        return None
    later = curves.offsets(last, np.full(len(last), int(curves.steps[-1])))
    later = later[later > best.offsets.max()]
    if not len(later):
        return None
    gains = np.stack([curves.after(last, np.full(len(last), one)) - before for one in later])
    times = later - round(float(best.offsets.mean()))
    return Kept(best, times, gains, unit_weights(len(last), seed))


def unit_weights(units: int, seed: bytes, resamples: int = RESAMPLES) -> Floats:
    """How often each unit is in a bootstrap resample, as a share; float64[resamples, units]."""
    generator = np.random.Generator(np.random.Philox(int.from_bytes(seed[:16], "big")))
    return np.asarray(generator.multinomial(units, np.full(units, 1 / units), size=resamples) / units)


def interval(values: Floats, level: float = 0.95) -> tuple[float, float]:
    """Percentile interval of bootstrap values, those that are not finite left out; NaN if none is left."""
    fine = values[np.isfinite(values)]
    if not len(fine):
        return float("nan"), float("nan")
    low, high = np.quantile(fine, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
