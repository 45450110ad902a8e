"""How close the texts of a family are to each other, measured."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.words_kernel import hash_grams
from transforms.probes.traps.families.closeness_kernel import largest_jaccard, longest_aligned
from transforms.probes.traps.families.promise import SHINGLE

_U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Closeness:
    """The longest run of tokens that two texts share, wherever it stands in each, and their largest Jaccard."""

    run: int
    jaccard: float


def closeness(tokens: _U64) -> Closeness:
    """Of the texts of a family, uint64[texts, length]."""
    run = int(longest_aligned(tokens))
    while run < tokens.shape[1] and _shared(tokens, run + 1):
        run += 1
    if tokens.shape[1] < SHINGLE:
        return Closeness(run, 0.0)
    return Closeness(run, float(largest_jaccard(np.sort(_grams(tokens, SHINGLE), axis=1))))


def _grams(tokens: _U64, n: int) -> _U64:
    texts, length = tokens.shape
    count = texts * (length - n + 1)
    hashes, owners = np.empty(count, np.uint64), np.empty(count, np.int64)
    hash_grams(np.ascontiguousarray(tokens).ravel(), np.arange(texts + 1) * length, n, hashes, owners)
    return hashes.reshape(texts, -1)


def _shared(tokens: _U64, n: int) -> bool:
    """Whether two texts have n tokens in a row in common."""
    sets = [np.unique(row) for row in _grams(tokens, n)]
    together = np.sort(np.concatenate(sets))
    return bool((together[1:] == together[:-1]).any())
