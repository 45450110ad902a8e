"""Probabilities of pieces under the n-gram model."""

import numpy as np
import numpy.typing as npt

from transforms.probes.ngram.ngram_model import ORDER, NgramModel

_UNKNOWN_LOG = float(np.log(1e-6))  # of what is not in the vocabulary


def log_probabilities(model: NgramModel, ids: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """Natural logarithms of the pieces of sentences, float64[n]; `BOUNDARY` begins and ends each, -1 is unknown.

    What is not in the model's vocabulary has one millionth.
    """
    out = np.zeros(len(ids))
    contexts = [0] + [-1] * (ORDER - 2)
    for at, w in enumerate(ids.tolist()):
        if at == 0:
            continue
        if w < 0:
            out[at], contexts = _UNKNOWN_LOG, [-1] * (ORDER - 1)
            continue
        probability, following = model.alone[w], [w] + [-1] * (ORDER - 2)
        for order, context in enumerate(contexts):
            if context < 0 or not model.total[context]:
                continue
            lo, hi = model.begin[context], model.end[context]
            place = lo + np.searchsorted(model.piece[lo:hi], w)
            seen = place < hi and model.piece[place] == w
            probability = model.back_off[context] * probability
            probability += model.mass[place] / model.total[context] if seen else 0.0
            if seen and order + 1 < ORDER - 1:
                following[order + 1] = int(model.child[place])
        out[at] = np.log(probability) if probability > 0 else _UNKNOWN_LOG
        contexts = following
    return out
