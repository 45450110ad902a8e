"""A trigram model with interpolated Kneser-Ney smoothing, as arrays.

Kneser & Ney (1995) in the interpolated form of Chen & Goodman (1999), section 4.1, with one discount an order,
D = n1 / (n1 + 2 n2), n1 and n2 being the numbers of n-grams seen once and twice:

    p(w | u v) = (max(c(u v w) - D3, 0) + D3 N(u v .) p(w | v)) / c(u v .)
    p(w | v)   = (max(N(. v w) - D2, 0) + D2 N'(v .) p(w)) / N(. v .)
    p(w)       = N'(. w) / N'(. .)

where N counts different predecessors and N' different bigrams. The boundary is a context, never a continuation: the
model speaks of text inside a stretch.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.probes.traps.generators.pieces import BOUNDARY

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]
_F64 = npt.NDArray[np.float64]

_ID_BITS = 21
MOST_PIECES = (1 << _ID_BITS) - 1


@dataclass(frozen=True)
class Continuations:
    """One order of the model: c contexts, e continuations; those of context i stand at `start[i]:start[i + 1]`.

    Attributes:
        start: int64[c + 1].
        piece: int32[e], ascending within a context.
        mass: float64[e], the discounted count.
        total: float64[c], what the context's counts add up to before the discount; 0 if it was never continued.
    """

    start: _I64
    piece: _I32
    mass: _F64
    total: _F64

    @property
    def back_off(self) -> _F64:
        """Probability of going to the lower order: float64[c], 1 where the context was never continued."""
        kept = np.add.reduceat(np.append(self.mass, 0.0), self.start[:-1]) * (np.diff(self.start) > 0)
        with np.errstate(invalid="ignore"):
            return np.where(self.total > 0, 1 - kept / np.maximum(self.total, 1), 1.0)


@dataclass(frozen=True)
class TrigramModel:
    """p(w | u v) over V pieces; ids count from 1.

    Attributes:
        context_start: int64[V + 2]; contexts (u, v) of one u stand at `context_start[u]:context_start[u + 1]`.
        context_last: int32[c], their v, ascending for each u.
        after_two: continuations of contexts (u, v).
        after_one: continuations of a single piece v, of which there are V + 1.
        alone: float64[V + 1], p(w); 0 for the boundary.
    """

    context_start: _I64
    context_last: _I32
    after_two: Continuations
    after_one: Continuations
    alone: _F64


def fit(ids: _I32, pieces: int) -> TrigramModel:
    """Fit the model to a sample.

    Args:
        ids: int32[n], the sample; `BOUNDARY` ends a stretch.
        pieces: V, the largest id; at most `MOST_PIECES`.

    Raises:
        ValueError: if the sample has no piece.
    """
    if not (ids != BOUNDARY).any():
        raise ValueError("the sample holds no words")
    padded = np.concatenate([np.zeros(2, np.int64), ids.astype(np.int64)])
    first, second, third = padded[:-2], padded[1:-1], padded[2:]
    first = np.where(second == BOUNDARY, BOUNDARY, first)
    inside = third != BOUNDARY
    keys = (first << 2 * _ID_BITS | second << _ID_BITS | third)[inside]
    trigrams, counts = np.unique(keys, return_counts=True)
    contexts, context_of = np.unique(trigrams >> _ID_BITS, return_inverse=True)
    low = (1 << _ID_BITS) - 1
    after_two = _continuations(context_of, (trigrams & low).astype(np.int32), counts, len(contexts))
    bigrams, predecessors = np.unique(trigrams & ((1 << 2 * _ID_BITS) - 1), return_counts=True)
    after_one = _continuations(bigrams >> _ID_BITS, (bigrams & low).astype(np.int32), predecessors, pieces + 1)
    alone = np.bincount(bigrams & low, minlength=pieces + 1).astype(np.float64)
    return TrigramModel(
        _borders(contexts >> _ID_BITS, pieces + 1),
        (contexts & low).astype(np.int32),
        after_two,
        after_one,
        alone / alone.sum(),
    )


def _borders(sorted_groups: _I64, groups: int) -> _I64:
    return np.searchsorted(sorted_groups, np.arange(groups + 1)).astype(np.int64)


def _continuations(contexts: _I64, piece: _I32, counts: npt.NDArray[np.integer], total_contexts: int) -> Continuations:
    once, twice = int((counts == 1).sum()), int((counts == 2).sum())
    discount = once / (once + 2 * twice) if once else 0.5
    total = np.bincount(contexts, weights=counts, minlength=total_contexts).astype(np.float64)
    # A discount of one whole count would leave a context seen once without a continuation.
    mass = (counts - min(discount, 0.95)).astype(np.float64)
    return Continuations(_borders(contexts, total_contexts), piece, mass, total)
