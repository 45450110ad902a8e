"""The words that suit best between two neighbours, by a bigram model."""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]
_F64 = npt.NDArray[np.float64]

_LOOKED_AT = 20_000
"""Of the most frequent words, those that fill up where too few stand beside the neighbours in the sample."""


@inline_kernel
def _keep(word: int, score: float, fold: _I64, best: _I32, scores: _F64, count: int) -> int:
    """Put a word among the `count` best so far, best first, unless its equal is there; returns the new count."""
    if count == len(best) and score <= scores[count - 1]:
        return count
    for at in range(count):
        if fold[best[at]] == fold[word]:
            return count
    at = min(count, len(best) - 1)
    while at > 0 and (scores[at - 1] < score or (scores[at - 1] == score and best[at - 1] > word)):
        best[at], scores[at] = best[at - 1], scores[at - 1]
        at -= 1
    best[at], scores[at] = word, score
    return min(count + 1, len(best))


@inline_kernel
def _counted(mass: _F64, at: int, total: float) -> float:
    """The share of an entry among what a context was counted to continue with; 0 for no entry (-1)."""
    return mass[at] / total if at >= 0 else 0.0


@kernel
def best_between(
    begin: _I64,
    end: _I64,
    total: _F64,
    back_off: _F64,
    piece: _I32,
    mass: _F64,
    alone: _F64,
    first: _I64,
    preceding: _I32,
    preceding_mass: _F64,
    groups: _I64,
    folds: _I64,
    left: _I64,
    right: _I64,
    group: _I64,
    fold: _I64,
    best: _I32,
    counts: _I64,
) -> None:
    """For each of n places the words of its group with the largest p(w | left) p(right | w), best first.

    What stands behind `left` or before `right` somewhere in the sample is looked at: two ascending lists of pieces,
    which are merged. Where they hold too few, the most frequent words fill up.

    Args:
        begin: of the `NgramModel`, as is all up to `alone`; the contexts of one piece stand first.
        end: see `begin`.
        total: see `begin`.
        back_off: see `begin`.
        piece: see `begin`.
        mass: see `begin`.
        alone: see `begin`.
        first: int64[V + 2]: before piece c stand `preceding[first[c]:first[c + 1]]` in the sample.
        preceding: int32, pieces, ascending for each c.
        preceding_mass: float64, the discounted count of each with c.
        groups: int64[V + 1], -1 for what is no word.
        folds: int64[V + 1], a number for each spelling without regard to case.
        left: int64[n], the piece before each place; -1 if it is not known.
        right: int64[n], the piece behind it; -1 if it is not known.
        group: int64[n].
        fold: int64[n], of the word that stands there, which is left out; -1 if it is not known.
        best: int32[n, k], filled.
        counts: int64[n], how many were found.
    """
    scores = np.empty(best.shape[1])
    none = len(groups)
    for row in range(len(left)):
        own, count = best[row], 0
        behind, after = left[row], right[row]
        follows, follows_end = (begin[behind], end[behind]) if behind >= 0 else (0, 0)
        precedes, precedes_end = (first[after], first[after + 1]) if after >= 0 else (0, 0)
        frequent: Any = 1
        while True:
            one = np.int64(piece[follows]) if follows < follows_end else none
            other = np.int64(preceding[precedes]) if precedes < precedes_end else none
            word: Any = min(one, other)
            at_left, at_right = -1, -1
            if word == none:
                if count == len(own) or frequent >= min(none, _LOOKED_AT):
                    break
                word = frequent
                frequent += 1
            else:
                if one == word:
                    at_left = follows
                    follows += 1
                if other == word:
                    at_right = precedes
                    precedes += 1
            if groups[word] != group[row] or folds[word] == fold[row]:
                continue
            score = alone[word]
            if behind >= 0:
                score = back_off[behind] * score + _counted(mass, at_left, total[behind])
            if after >= 0:
                share = _counted(preceding_mass, at_right, total[word])
                score *= back_off[word] * alone[after] + share
            count = _keep(word, score, folds, own, scores, count)
        counts[row] = count
