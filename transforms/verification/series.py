"""Evidence from a growing series of checkpoints that may be looked at, and stopped, at any time.

At a checkpoint, unit i gives e_i = exp(lambda z_iD) / mean_j exp(lambda z_ij): its mean over draws is 1 whatever the
scores are. So is that of E = prod_i e_i, since the arms are independent. M_k = sum_{j <= k} E_j / (j (j + 1)) only
grows and has a mean below 1, however the checkpoints depend on each other: by Markov's inequality it ever reaches
1 / alpha with probability alpha at most. (Vovk and Wang, E-values: calibration, combination and applications, 2021.)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from transforms.verification.alignment import Statistic, parts_of
from transforms.verification.table import ScoreTable


def log_e_value(table: ScoreTable, statistic: Statistic, lam: float) -> float:
    """Log of the product of the units' e-values at one checkpoint.

    z is the contribution to the statistic, centred within units and divided by its root mean square over all
    candidates of all units: the arms are not looked at.
    """
    parts = parts_of(table, statistic).values.astype(float)
    if not len(parts):
        return 0.0
    parts -= parts.mean(axis=1, keepdims=True)
    width = float(np.sqrt(np.mean((parts / (np.abs(parts).max() or 1.0)) ** 2))) * float(np.abs(parts).max())
    if width == 0:
        return 0.0
    z = lam * parts / width
    # The log of the mean of exp(z), with the largest taken out so that nothing overflows.
    top = z.max(axis=1)
    means = top + np.log(np.exp(z - top[:, None]).mean(axis=1))
    return float((z[np.arange(len(z)), table.arms] - means).sum())


def log_mixture(log_e_values: Sequence[float]) -> NDArray[np.float64]:
    """The log of M_k after each checkpoint, float64[checkpoints], never decreasing."""
    number = np.arange(1, len(log_e_values) + 1)
    terms = np.asarray(log_e_values, float) - np.log(number * (number + 1.0))
    return np.logaddexp.accumulate(terms)


def anytime_p(log_mixtures: NDArray[np.float64]) -> float:
    """A p-value that holds at any stopping time: min(1, 1 / M_k)."""
    return float(np.exp(-max(0.0, float(log_mixtures[-1])))) if len(log_mixtures) else 1.0
