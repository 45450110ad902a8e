"""From data to a drawing: linear scales, and round values to label them at."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

_FACTORS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True)
class Scale:
    """Takes `low` to `start` and `high` to `end`, and all else in proportion."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Where `value` is drawn."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def round_ticks(low: float, high: float, most: int, *, whole: bool = False) -> list[float]:
    """The multiples of one round step (1, 2, 2.5 or 5 times a power of ten) that lie from `low` to `high`.

    Args:
        low: the lower end.
        high: the upper end, above `low`.
        most: how many steps there are at most.
        whole: use whole numbers only, as counts do.
    """
    step = _round_step((high - low) / most, whole=whole)
    # A step such as 0.1 has no exact float: what misses an end by rounding alone still counts.
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [at * step for at in range(first, last + 1)]


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """All ticks with as many decimals as the finest needs: 0.70, 0.75, 0.80."""
    if 0 < max(map(abs, ticks), default=0) < 1e-4:
        return [f"{tick:g}".replace("-", "\u2212") for tick in ticks]
    close = 1e-3 * (ticks[1] - ticks[0] if len(ticks) > 1 else 1)
    decimals = next((n for n in range(12) if all(abs(tick - round(tick, n)) <= close for tick in ticks)), 12)
    # The sum takes the sign off a negative zero.
    return [f"{round(tick, decimals) + 0.0:,.{decimals}f}".replace("-", "\u2212") for tick in ticks]


def _round_step(least: float, *, whole: bool) -> float:
    """The smallest round step that is not below `least`."""
    if whole and least <= 1:
        return 1.0
    power = 10.0 ** math.floor(math.log10(least))
    steps = [factor * power for factor in _FACTORS]
    return next(step for step in steps if step >= least * (1 - 1e-9) and (not whole or step.is_integer()))
