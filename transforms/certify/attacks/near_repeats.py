"""Sentences that resemble one of another document: the share of their runs of three words that the two have in common.

This is what finds fuzzy copies, whose longer runs differ. Runs that stand in very many sentences are passed over.
"""

import itertools

import numpy as np
import numpy.typing as npt

from transforms.certify.attacks.view import View, runs

_WORDS, _MOST_SENTENCES, _FEWEST_RUNS = 3, 100, 4


def suspicion(view: View) -> npt.NDArray[np.float64]:
    """The largest share of a sentence's runs that another sentence has: float64[n], 0 to 1."""
    hashes, owner = runs(view.words(), _WORDS)
    pairs = np.unique(np.stack([hashes.astype(np.uint64), owner.astype(np.uint64)]), axis=1)
    hashes, owner = pairs[0], pairs[1].astype(np.int64)
    own = np.bincount(owner, minlength=len(view.sentences))
    borders = np.flatnonzero(np.diff(hashes, prepend=hashes[:1] + np.uint64(1), append=hashes[-1:] + np.uint64(1)))
    shared: dict[tuple[int, int], int] = {}
    for low, high in itertools.pairwise(borders.tolist()):
        if not 2 <= high - low <= _MOST_SENTENCES:
            continue
        for first, second in itertools.combinations(owner[low:high].tolist(), 2):
            if view.document[first] != view.document[second]:
                shared[first, second] = shared.get((first, second), 0) + 1
    out = np.zeros(len(view.sentences))
    for (first, second), number in shared.items():
        for one in (first, second):
            if own[one] >= _FEWEST_RUNS:
                out[one] = max(out[one], number / own[one])
    return out
