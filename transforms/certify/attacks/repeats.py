"""Sentences of which eight words in a row stand in other documents, too: the more of these, the more suspicious."""

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View, runs

_WORDS = 8


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """Documents that share the most widespread run of each sentence, less one: float64[n]."""
    hashes, owner = runs(view.words(), _WORDS)
    _, number = np.unique(hashes, return_inverse=True)
    pairs = np.unique(np.stack([number, view.document[owner]]), axis=1)
    documents = np.bincount(pairs[0], minlength=int(number.max(initial=-1)) + 1)
    out = np.zeros(len(view.sentences))
    np.maximum.at(out, owner, documents[number] - 1.0)
    return out
