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


@kernel
def _probability(
    begin: _I64, end: _I64, total: _F64, back_off: _F64, piece: _I32, mass: _F64, alone: _F64, context: int, wanted: int
) -> float:
    """p(wanted | context); p(wanted) after a context that is not known, 1 of a piece that is not known."""
    if wanted < 0:
        return 1.0
    if context < 0:
        return alone[wanted]
    found = back_off[context] * alone[wanted]
    lo, hi = begin[context], end[context]
    last = hi
    while lo < hi:
        middle = (lo + hi) >> 1
        if piece[middle] < wanted:
            lo = middle + 1
        else:
            hi = middle
    if lo < last and piece[lo] == wanted:
        found += mass[lo] / total[context]
    return found


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

    What stands behind `left` or before `right` somewhere in the sample is looked at, and the most frequent words.

    Args:
        begin: of the `NgramModel`, as is all up to `alone`; the contexts of one piece stand first.
        end: see `begin`.
        total: see `begin`.
        back_off: see `begin`.
        piece: see `begin`.
        mass: see `begin`.
        alone: see `begin`.
        first: int64[V + 2]: before piece c stand `preceding[first[c]:first[c + 1]]` in the sample.
        preceding: int32, pieces.
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
    for row in range(len(left)):
        own, count = best[row], 0
        if left[row] >= 0:
            for at in range(begin[left[row]], end[left[row]]):
                word: Any = np.int64(piece[at])
                if groups[word] != group[row] or folds[word] == fold[row]:
                    continue
                score = mass[at] / total[left[row]] + back_off[left[row]] * alone[word]
                if count == len(own) and score <= scores[count - 1]:
                    continue
                score *= _probability(begin, end, total, back_off, piece, mass, alone, word, right[row])
                count = _keep(word, score, folds, own, scores, count)
        if right[row] >= 0:
            for at in range(first[right[row]], first[right[row] + 1]):
                word = np.int64(preceding[at])
                if groups[word] != group[row] or folds[word] == fold[row]:
                    continue
                score = _probability(begin, end, total, back_off, piece, mass, alone, word, right[row])
                if count == len(own) and score <= scores[count - 1]:
                    continue
                score *= _probability(begin, end, total, back_off, piece, mass, alone, left[row], word)
                count = _keep(word, score, folds, own, scores, count)
        word = np.int64(1)
        while count < len(own) and word < min(len(groups), _LOOKED_AT):
            if groups[word] == group[row] and folds[word] != fold[row]:
                score = _probability(begin, end, total, back_off, piece, mass, alone, left[row], word)
                score *= _probability(begin, end, total, back_off, piece, mass, alone, word, right[row])
                count = _keep(word, score, folds, own, scores, count)
            word += 1
        counts[row] = count
