"""Sentences that do not belong: of their rarer words, few stand elsewhere in the document.

A planted sentence knows nothing of the document around it, while a writer comes back to names and terms.
"""

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View

_COMMON, _FEWEST = 0.05, 3  # share of documents with a common word; rarer words that a sentence must have


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """The share of a sentence's rarer words that its document has nowhere else: float64[n], 0 to 1."""
    words = view.words()
    owner = np.repeat(np.arange(len(view.sentences)), np.diff(words.offsets))
    _, number = np.unique(words.hashes, return_inverse=True)
    size = int(number.max(initial=-1)) + 1
    document = view.document[owner]
    in_document, where, times = np.unique(document * size + number, return_inverse=True, return_counts=True)
    documents = np.bincount(in_document % size, minlength=size)
    rare = documents[number] <= max(2.0, _COMMON * (int(document.max(initial=0)) + 1))
    own = np.unique(owner * size + number, return_inverse=True)[1]
    in_sentence = np.bincount(own)[own]
    alone = rare & (times[where] == in_sentence)
    count = np.bincount(owner, rare, len(view.sentences))
    found = np.bincount(owner, alone, len(view.sentences))
    return np.where(count >= _FEWEST, found / np.maximum(count, 1), 0.0)
