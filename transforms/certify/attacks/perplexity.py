"""Sentences that a language model of the other documents finds too unlikely, or too likely.

The model is fitted to documents that hold copies, too: what is planted often becomes more likely than honest text.
"""

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """How far the logarithm of each sentence's perplexity is from the median, up or down: float64[n]."""
    found = view.perplexity()
    known = found > 0
    logs = np.log(np.where(known, found, 1.0))
    middle = float(np.median(logs[known])) if known.any() else 0.0
    return np.where(known, np.abs(logs - middle), 0.0)
