"""Sentences that a language model of the other documents finds unlikely."""

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """Perplexity of each sentence: float64[n]."""
    return view.perplexity()
