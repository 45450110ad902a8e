"""A linear classifier: sentences of the corpus against imitations by the public generator, fitted to this corpus.

The attacker knows the program and can make candidates of their own, but not those that were planted. Features are
words and pairs of words, by hash; the model is logistic regression, fitted by stochastic gradient descent.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.words import WordHashes, words_of
from transforms.certify.attacks.view import View

_BITS, _EPOCHS, _RATE, _MOST = 18, 4, 0.5, 6000
_FEWEST_WORDS = 4


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """The logarithm of the odds that each sentence is an imitation: float64[n]."""
    imitations = view.imitations(_MOST)
    theirs = _features(words_of(pa.array(imitations, pa.large_string())))
    ours = _features(view.words())
    usable = [own for own in ours if len(own) >= _FEWEST_WORDS]
    step = max(1, len(usable) // max(1, len(theirs)))
    rows = [*((own, 1.0) for own in theirs), *((own, 0.0) for own in usable[::step][: len(theirs)])]
    weights = np.zeros(1 << _BITS)
    bias = 0.0
    order = np.random.default_rng(1)
    for epoch in range(_EPOCHS):
        for at in order.permutation(len(rows)).tolist():
            own, label = rows[at]
            if not len(own):
                continue
            gradient = label - 1 / (1 + np.exp(-(weights[own].mean() + bias)))
            weights[own] += _RATE / (1 + epoch) * gradient
            bias += 0.01 * gradient
    return np.array([weights[own].mean() + bias if len(own) >= _FEWEST_WORDS else -np.inf for own in ours])


def _features(words: WordHashes) -> list[npt.NDArray[np.int64]]:
    """The numbers of the words and pairs of words of each sentence."""
    mask = np.uint64((1 << _BITS) - 1)
    pairs = words.hashes[:-1] * np.uint64(0x9E3779B97F4A7C15) + words.hashes[1:]
    pairs = ((pairs ^ (pairs >> np.uint64(31))) & mask).astype(np.int64)
    single = (words.hashes & mask).astype(np.int64)
    return [
        np.concatenate([single[low:high], pairs[low : max(low, high - 1)]])
        for low, high in zip(words.offsets[:-1].tolist(), words.offsets[1:].tolist(), strict=True)
    ]
