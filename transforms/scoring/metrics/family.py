"""A metric of a text together with variants of it that no model was shown. High means memorised."""

import numpy as np

from transforms.scoring.metrics.inputs import Floats


def family_loss(family: Floats) -> Floats:
    """The mean of `loss` over a text and its fresh variants, nats; float64[n].

    What a model has learnt from copies that differ carries over to variants that it never saw; the mean over several
    varies less than the loss of one text. NaN where the text itself, or one of its variants, could not be scored.

    Args:
        family: float64[n, 1 + q]: `loss` of each text, then of its variants; positive infinity where there are fewer.
    """
    there = ~np.isposinf(family)
    found: Floats = np.where(there, family, 0.0).sum(axis=1) / there.sum(axis=1)
    return found
