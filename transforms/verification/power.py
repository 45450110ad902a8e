"""How many units the next campaign needs: the normal approximation of the aligned-rank test for Gaussian scores.

Scores are Gaussian with unit variance and any unit effect; the planted candidate's mean is higher by d, so that
AUC = Phi(d / sqrt 2). With G the distribution of a centred score of any candidate and F that of the planted one, the
mean of a unit's aligned rank is mu = E G(c_D) - 1/2 = m / (m + 1) (Phi(d sqrt((m + 1) / 2 m)) - 1/2), its variance
over draws v0 = E[mean_j G(c_j)^2 - (mean_j G(c_j))^2], and, to first order, its variance under the alternative
v1 = Var(G(c_D) - mean_j F(c_j)), the second term being what a unit does to the ranks of all others. Then
n = ((z_alpha sqrt v0 + z_power sqrt v1) / mu)^2. For m = 1 and small d this is Noether's formula (1987).
"""

import bisect
import functools
import math

import numpy as np
from scipy.special import ndtr, ndtri

_SAMPLE = 1 << 16


def shift_of(auc: float) -> float:
    """The difference of two Gaussian means, in standard deviations, that has this AUC."""
    if not 0.5 < auc < 1:
        raise ValueError(f"AUC {auc}: give one between .5 and 1")
    return math.sqrt(2) * float(ndtri(auc))


@functools.lru_cache(maxsize=256)
def _moments(auc: float, controls: int) -> tuple[float, float, float]:
    """Mean (mu) and variances (v0, v1) for one AUC; the variances are means over a fixed sample of units."""
    shift, candidates = shift_of(auc), controls + 1
    sample = _SAMPLE // candidates + 1
    scores = np.random.Generator(np.random.Philox(candidates)).standard_normal((sample, candidates))
    scores[:, 0] += shift
    values = scores - scores.mean(axis=1, keepdims=True)
    width = math.sqrt(controls / candidates)
    planted = ndtr((values - shift * controls / candidates) / width)
    held_out = ndtr((values + shift / candidates) / width)
    ranks = (planted + controls * held_out) / candidates
    null = float((ranks.var(axis=1)).mean())
    alternative = float((ranks[:, 0] - planted.mean(axis=1)).var())
    mean = controls / candidates * (float(ndtr(shift * math.sqrt(candidates / (2 * controls)))) - 0.5)
    return mean, null, alternative


def units_needed(auc: float, controls: int, alpha: float, power: float = 0.9) -> int:
    """Units with which the test at `alpha` rejects with probability `power`.

    Args:
        auc: between .5 and 1.
        controls: held-outs of a unit (m).
        alpha: of the test.
        power: between 0 and 1.
    """
    mean, null, alternative = _moments(auc, controls)
    wanted = float(ndtri(1 - alpha)) * math.sqrt(null) + float(ndtri(power)) * math.sqrt(alternative)
    # With fewer units not even the best draw is rare enough.
    attainable = math.log(1 / alpha) / math.log(controls + 1)
    return math.ceil(max((wanted / mean) ** 2, attainable))


def detectable_auc(units: int, controls: int, alpha: float, power: float = 0.9) -> float | None:
    """The smallest AUC, in steps of .01, that so many units find with this power; None if not even .99."""
    candidates = [step / 100 for step in range(51, 100)]
    at = bisect.bisect_left(candidates, power, key=lambda auc: power_of(units, auc, controls, alpha))
    return candidates[at] if at < len(candidates) else None


def power_of(units: int, auc: float, controls: int, alpha: float) -> float:
    """Probability that the test at `alpha` rejects with so many units."""
    mean, null, alternative = _moments(auc, controls)
    if units * math.log(controls + 1) < math.log(1 / alpha):
        return 0.0
    reached = math.sqrt(units) * mean - float(ndtri(1 - alpha)) * math.sqrt(null)
    return float(ndtr(reached / math.sqrt(alternative)))
