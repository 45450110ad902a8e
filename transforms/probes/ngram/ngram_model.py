"""An n-gram model with modified Kneser-Ney smoothing, as arrays.

Chen & Goodman (1999), "An empirical study of smoothing techniques for language modeling", section 4.1, interpolated,
with the three discounts D(1), D(2), D(3+) of each order from its counts of counts:

    p(w | h) = (max(c(h w) - D(c(h w)), 0) + sum of D(c(h v)) over v * p(w | h without its first)) / sum of c(h v)
    p(w)     = N(. w) / N(. .)

where c is the count itself for the longest n-grams and those that begin with the boundary, and for all others the
number of different pieces that stand before them. The boundary of sentences is a context and a continuation; n-grams
do not reach over it, nor over a piece that is not in the vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.probes.ngram.pieces import BOUNDARY

_I32 = npt.NDArray[np.int32]
_I64 = npt.NDArray[np.int64]
_F64 = npt.NDArray[np.float64]

ORDER = 4
"""Pieces of the longest n-grams."""

_ID_BITS = 21
MOST_PIECES = (1 << _ID_BITS) - 1
_MOST_DISCOUNTED = 0.95  # of a count: a larger discount would leave a context without a continuation


@dataclass(frozen=True)
class NgramModel:
    """p(w | h) over V pieces, whose ids count from 1; 0 is the boundary.

    The contexts of all orders stand one after another: V + 1 single pieces, then for each longer order one context for
    every entry of the order before it. The entries, which are the continuations, stand in the same order.

    Attributes:
        begin: int64[c], the first entry of a context.
        end: int64[c], behind its last entry.
        total: float64[c], what its counts add up to; 0 if it was never continued.
        back_off: float64[c], the share of the lower order; 1 if it was never continued.
        piece: int32[e], ascending within a context.
        mass: float64[e], the discounted count.
        child: int64[e], the context that the context and the piece make; -1 at the longest order and the boundary.
        alone: float64[V + 1], p(w).
    """

    begin: _I64
    end: _I64
    total: _F64
    back_off: _F64
    piece: _I32
    mass: _F64
    child: _I64
    alone: _F64


def fit(ids: _I32, pieces: int) -> NgramModel:
    """Fit the model to sentences.

    Args:
        ids: int32[n]; `BOUNDARY` at both ends and between sentences, a negative number for what is no piece.
        pieces: V, the largest id; at most `MOST_PIECES`.

    Raises:
        ValueError: if there is no piece.
    """
    if not (ids > BOUNDARY).any():
        raise ValueError("the sample holds no words")
    own = ids.astype(np.int64)
    orders = _orders(own, pieces)
    parts = []
    entries, contexts = 0, pieces + 1
    for at, (context, piece, counts, size) in enumerate(orders):
        borders = np.searchsorted(context, np.arange(size + 1)).astype(np.int64)
        mass = _discounted(counts)
        total = np.bincount(context, counts, size).astype(np.float64)
        kept = np.bincount(context, mass, size).astype(np.float64)
        last = at == len(orders) - 1
        child = np.full(len(piece), -1) if last else np.where(piece == BOUNDARY, -1, contexts + np.arange(len(piece)))
        back_off = np.where(total > 0, 1 - kept / np.maximum(total, 1), 1.0)
        parts.append((entries + borders[:-1], entries + borders[1:], total, back_off, piece, mass, child))
        entries, contexts = entries + len(piece), contexts + len(piece)
    begin, end, total, back_off, piece, mass, child = (np.concatenate(one) for one in zip(*parts, strict=True))
    alone = np.bincount(orders[0][1], minlength=pieces + 1).astype(np.float64)
    return NgramModel(begin, end, total, back_off, piece.astype(np.int32), mass, child, alone / alone.sum())


def _orders(own: _I64, pieces: int) -> list[tuple[_I64, _I64, _F64, int]]:
    """For each order from 2: the entries' contexts (ascending) and pieces, their counts, and how many contexts."""
    before, follows = own[:-1], own[1:]
    # The place of the n-gram that ends at a position among those of its order; -1 if there is none.
    rank, size = own.copy(), pieces + 1
    from_boundary = np.zeros(size, np.bool_)
    from_boundary[BOUNDARY] = True
    found: list[tuple[_I64, _I64, _F64, int]] = []
    for order in range(2, ORDER + 1):
        fits = (rank[:-1] >= 0) & (follows >= 0) & ((follows != BOUNDARY) | (before != BOUNDARY))
        fits &= (before != BOUNDARY) | (order == 2)
        at = np.flatnonzero(fits)
        keys, first, inverse, counts = np.unique(
            rank[:-1][at] << _ID_BITS | follows[at], return_index=True, return_inverse=True, return_counts=True
        )
        context, piece = keys >> _ID_BITS, keys & ((1 << _ID_BITS) - 1)
        if found:
            shorter = rank[1:][at[first]]
            found[-1] = _by_what_stands_before(found[-1], shorter, from_boundary)
        from_boundary = from_boundary[context]
        found.append((context, piece, counts.astype(np.float64), size))
        rank = np.full(len(own), -1)
        rank[1:][at] = inverse
        size = len(keys)
    return found


def _by_what_stands_before(
    order: tuple[_I64, _I64, _F64, int], shorter: _I64, from_boundary: npt.NDArray[np.bool_]
) -> tuple[_I64, _I64, _F64, int]:
    """An order with its counts replaced; `shorter`: the entry of it with which each n-gram of the next order ends."""
    context, piece, counts, size = order
    before = np.bincount(shorter, minlength=len(piece)).astype(np.float64)
    # What stands only behind something outside the vocabulary has that before it.
    return context, piece, np.where(from_boundary, counts, np.maximum(before, 1)), size


def _discounted(counts: _F64) -> _F64:
    """Counts less the discount of their order: float64, above 0."""
    one, two, three, four = (max(int((counts == wanted).sum()), 0) for wanted in (1, 2, 3, 4))
    if not (one and two and three):
        discounts = np.array([0.5, 1.0, 1.5])
    else:
        share = one / (one + 2 * two)
        discounts = np.array([1 - 2 * share * two / one, 2 - 3 * share * three / two, 3 - 4 * share * four / three])
    own = np.minimum(counts, 3).astype(np.int64)
    limited = np.clip(discounts, 0.0, _MOST_DISCOUNTED * np.arange(1, 4))
    out: _F64 = counts - limited[own - 1]
    return out
