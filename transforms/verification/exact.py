"""Scores less their unit's mean, compared in exact arithmetic: what ties on paper ties here.

A float64 stands for a number with few digits that rounds to it (`meant`): 0.1 is a tenth, 0.3333333333333333 a third.
Nearly all comparisons are decided by float64 with a bound on its error; the rest by whole numbers or fractions.
"""

import functools
import itertools
import math
from collections.abc import Iterator
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

_SURE = 8
"""Of a decimal of so many digits no other short fraction is near enough to be taken for it."""
_MOST_WHOLE = 1 << 26
"""Below 10**_SURE."""
_MOST_DISTINCT = 20_000
"""Distinct scores of which a common denominator is looked for."""
_MOST_BITS = 62


@functools.lru_cache(maxsize=1 << 16)
def meant(value: float) -> Fraction:
    """The number that a finite float64 stands for: a decimal, or a fraction that is shorter to write.

    The decimal is the shortest that rounds to `value`; the fraction is, of those that lie between its neighbours'
    midpoints, the one with the smallest denominator. The fraction is taken if its numerator and denominator have
    fewer digits together than the decimal has significant ones.
    """
    text = repr(abs(float(value)))
    digits = len(text.partition("e")[0].replace(".", "").strip("0"))
    decimal = Fraction(text)
    if digits > _SURE:
        exact, above = Fraction(abs(value)), Fraction(math.nextafter(abs(value), math.inf))
        below = Fraction(math.nextafter(abs(value), 0.0))
        simplest = _simplest_between((below + exact) / 2, (exact + above) / 2)
        if len(str(simplest.numerator)) + len(str(simplest.denominator)) < digits:
            decimal = simplest
    return -decimal if value < 0 else decimal


def _simplest_between(low: Fraction, high: Fraction) -> Fraction:
    """The fraction with the smallest denominator in 0 <= low < x < high, by continued fractions."""
    quotients: list[int] = []
    while True:
        whole = low.numerator // low.denominator
        if whole + 1 < high:
            found = Fraction(whole + 1)
            break
        low, high = low - whole, high - whole
        quotients.append(whole)
        if low == 0:
            # 1/n for the first n that is small enough.
            found = Fraction(high.denominator // high.numerator + 1)
            break
        low, high = 1 / high, 1 / low
    for whole in reversed(quotients):
        found = whole + 1 / found
    return found


def whole_scores(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], int] | None:
    """Integers n and a denominator q with n / q the numbers that are meant, if they are few or short decimals.

    Args:
        scores: float64[units, candidates], finite.

    Returns:
        int64, of the shape of `scores`, of which sums over twice a unit fit into 63 bits, and q; None if there are
        none.
    """
    short = _short_decimals(scores)
    if short is not None or not scores.size:
        return short
    distinct, places = np.unique(scores, return_inverse=True)
    if len(distinct) > _MOST_DISTINCT:
        return None
    found: list[Fraction] = []
    denominator = 1
    for value in distinct.tolist():
        found.append(meant(value))
        denominator = math.lcm(denominator, found[-1].denominator)
        if denominator.bit_length() > _MOST_BITS:
            return None
    numbers = [int(one * denominator) for one in found]
    if max(map(abs, numbers)) * 2 * scores.shape[1] >= 1 << _MOST_BITS:
        return None
    return np.array(numbers, np.int64)[places].reshape(scores.shape), denominator


def _short_decimals(scores: NDArray[np.float64]) -> tuple[NDArray[np.int64], int] | None:
    largest = float(np.abs(scores).max(initial=0.0))
    if largest > _MOST_WHOLE:
        return None
    places = min(7, int(math.log10(_MOST_WHOLE / largest))) if largest > 1 else 7
    scale = 10.0**places
    numbers = np.rint(scores * scale)
    # Division rounds correctly: the quotient is the float64 nearest to the decimal.
    return (numbers.astype(np.int64), 10**places) if bool((numbers / scale == scores).all()) else None


def centred(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores less their unit's mean, times the number of candidates; equal wherever they tie exactly.

    Args:
        scores: float64[units, candidates], finite, below 1e150.
    """
    found = _centred(scores)
    order, starts, _ = _groups(scores, found)
    if starts.all():
        return found
    whole = whole_scores(scores)
    if whole is not None:
        return _less_mean(whole[0]) / float(whole[1])
    flat = found.ravel()
    for places, exact in _exact_groups(scores, order, starts):
        flat[places] = [float(one) for one in exact]
    return found


def order_of(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Places of the scores less their unit's mean in ascending order, ties sharing one: int64, from 0 without gaps.

    Args:
        scores: float64[units, candidates], finite, below 1e150.
    """
    order, starts, near = _groups(scores, _centred(scores))
    places = np.empty(scores.size, np.int64)
    if near:
        whole = whole_scores(scores)
        if whole is not None:
            return (
                np.unique(_less_mean(whole[0]).ravel(), return_inverse=True)[1].reshape(scores.shape).astype(np.int64)
            )
        first = np.append(True, starts)
        at = np.empty(scores.size, np.int64)
        at[order] = np.arange(scores.size)
        for own, exact in _exact_groups(scores, order, starts):
            begin = int(at[own].min())
            sorted_own = sorted(zip(exact, own.tolist(), strict=True))
            order[begin : begin + len(own)] = [place for _, place in sorted_own]
            first[begin + 1 : begin + len(own)] = [
                one != other for (one, _), (other, _) in itertools.pairwise(sorted_own)
            ]
        places[order] = np.cumsum(first) - 1
    else:
        places[order] = np.arange(scores.size)
    return places.reshape(scores.shape)


def _centred(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(scores * scores.shape[1] - scores.sum(axis=1, keepdims=True))


def _less_mean(numbers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Integers less their row's mean, times the number of columns."""
    return np.asarray(numbers * numbers.shape[1] - numbers.sum(axis=1, keepdims=True))


def _groups(
    scores: NDArray[np.float64], found: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_], bool]:
    """An order of all centred scores, where in it those begin that are surely greater, and whether some are not.

    Returns:
        int64[n]; bool[n - 1]: of the second and later ones in that order, which are greater than all before them,
        whatever the rounding; whether there is one that is not.
    """
    count = scores.shape[1]
    # Of a centred score: its product and sums are rounded, and each score by half a unit of its last place.
    error = (
        (count + 4) * count * (np.finfo(float).eps * np.abs(scores).max(axis=1, keepdims=True, initial=0.0) + 5e-324)
    )
    lowest = (found - error).ravel()
    order = np.argsort(lowest)
    reached = np.maximum.accumulate((found + error).ravel()[order])
    starts = lowest[order][1:] > reached[:-1]
    return order, starts, not bool(starts.all())


def _exact_groups(
    scores: NDArray[np.float64], order: NDArray[np.int64], starts: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.int64], list[Fraction]]]:
    """Groups of centred scores that float64 cannot tell apart: their places in the table, and their exact values."""
    count = scores.shape[1]
    rows: dict[int, tuple[list[Fraction], Fraction]] = {}

    def row_of(row: int) -> tuple[list[Fraction], Fraction]:
        if row not in rows:
            numbers = [meant(one) for one in scores[row].tolist()]
            rows[row] = numbers, sum(numbers, Fraction())
        return rows[row]

    borders = np.concatenate([[0], np.flatnonzero(starts) + 1, [len(order)]])
    for at in np.flatnonzero(np.diff(borders) > 1).tolist():
        own = order[borders[at] : borders[at + 1]]
        exact = []
        for place in own.tolist():
            numbers, total = row_of(place // count)
            exact.append(numbers[place % count] * count - total)
        yield own.copy(), exact
