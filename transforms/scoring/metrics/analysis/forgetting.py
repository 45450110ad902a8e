"""Three laws of forgetting, fitted to what is kept of a gain over time, and compared."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from transforms.scoring.metrics.inputs import Floats, Ints

LAWS: Mapping[str, str] = {
    "logarithm": "R = c - a ln t",
    "power": "R = c t^-a",
    "exponential": "R = c exp(-a t)",
}
"""By name: R is the share that is kept t steps after the maximum; c and a are fitted."""
LEAST_POINTS = 4
DECADES = 2.0
"""Below so many powers of ten from the first time to the last, the laws can hardly be told apart."""
_RATES = 400
_STEEPEST, _WIDEST = 60.0, 6.0


@dataclass(frozen=True)
class Fit:
    """Least-squares fits of one law to k curves.

    Attributes:
        rate: float64[k], a.
        level: float64[k], c.
        residual: float64[k], sum of squared residuals.
        aic: float64[k], n ln(residual / n) + 2 * 3 (two parameters and the variance).
        r_squared: float64[k].
    """

    rate: Floats
    level: Floats
    residual: Floats
    aic: Floats
    r_squared: Floats


def fit_laws(times: Ints, shares: Floats) -> dict[str, Fit]:
    """Each law of `LAWS`, fitted by least squares to the shares themselves (not to their logarithms).

    Given a, every law is linear in c; the logarithm is linear in both. For the other two, a runs over a fine grid: from
    growth to a fall by e^-60 over the range of the times (of their logarithms, for the power), and for the exponential
    on to one by e^-6 before the first time.

    Args:
        times: int64[n], steps after the maximum, above 0, n at least `LEAST_POINTS`.
        shares: float64[k, n], finite: k curves.

    Raises:
        ValueError: for fewer points, or a time of 0 or below.
    """
    if len(times) < LEAST_POINTS or times.min() <= 0:
        raise ValueError(f"{len(times)} times from {times.min() if len(times) else 0}: {LEAST_POINTS} above 0 at least")
    t = times.astype(np.float64)
    span = float(np.log(t[-1] / t[0])) or 1.0
    powers, rates = _grid(_STEEPEST) / span, _grid(max(_STEEPEST, _WIDEST * t[-1] / t[0])) / t[-1]
    # Both shapes are 1 at the first time, so that no sum of them is lost to underflow; c is at time 1, or 0.
    with np.errstate(over="ignore"):
        to_one, to_zero = t[0] ** powers, np.exp(rates * t[0])
    return {
        "logarithm": _logarithm(t, shares),
        "power": _scaled((t / t[0]) ** -powers[:, None], powers, to_one, shares),
        "exponential": _scaled(np.exp(-np.outer(rates, t - t[0])), rates, to_zero, shares),
    }


def _grid(steepest: float) -> Floats:
    """Rates from growth over none to the steepest fall, in units of one over the range."""
    falls = np.geomspace(1e-3, steepest, round(_RATES * np.log(steepest / 1e-3) / np.log(_STEEPEST / 1e-3)))
    return np.concatenate([-np.geomspace(_WIDEST, 1e-3, _RATES // 4), [0.0], falls])


def best_law(fits: Mapping[str, Fit]) -> list[str]:
    """The law of lowest AIC for each curve."""
    names = list(fits)
    return [names[at] for at in np.stack([fits[name].aic for name in names]).argmin(axis=0)]


def _logarithm(t: Floats, shares: Floats) -> Fit:
    x = np.log(t)
    centred = x - x.mean()
    slope = shares @ centred / (centred @ centred)
    level = shares.mean(axis=1) - slope * x.mean()
    return _fit(-slope, level, shares, level[:, None] + slope[:, None] * x)


def _scaled(shapes: Floats, rates: Floats, units: Floats, shares: Floats) -> Fit:
    """The best of several shapes, each scaled by its own least-squares level.

    Args:
        shapes: float64[rates, n].
        rates: float64[rates], of the law.
        units: float64[rates], the law's own level for a shape scaled by 1.
        shares: float64[k, n].
    """
    levels = shares @ shapes.T / (shapes * shapes).sum(axis=1)
    residuals = (shares * shares).sum(axis=1)[:, None] - levels**2 * (shapes * shapes).sum(axis=1)
    best = residuals.argmin(axis=1)
    level = levels[np.arange(len(best)), best]
    return _fit(rates[best], level * units[best], shares, level[:, None] * shapes[best])


def _fit(rate: Floats, level: Floats, shares: Floats, predicted: Floats) -> Fit:
    n = shares.shape[1]
    residual = ((shares - predicted) ** 2).sum(axis=1)
    total = ((shares - shares.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    aic = n * np.log(np.maximum(residual, 1e-300) / n) + 6
    return Fit(rate, level, residual, aic, 1 - residual / np.maximum(total, 1e-300))
