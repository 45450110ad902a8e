"""Can a bag of words tell planted candidates from held-out ones? It must not: then nothing but memory can.

A multinomial naive Bayes classifier (Laplace smoothing) is fitted to all folds but one and ranks the texts of that one;
folds are made of whole units. A benchmark whose two sides differ in distribution gives such a classifier an area under
the curve far above 0.5 (Das, Zhang & Tramer 2024, "Blind baselines beat membership inference attacks").
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.keyed import keyed
from transforms.base.words import words_of

_REDRAWS_AT_ONCE = 4096


@dataclass(frozen=True)
class BagOfWords:
    """What the classifier achieved.

    Attributes:
        auc: mean over units of the share of held-out texts that the planted one outranks, ties counting half.
        p_value: one-sided, of an area so large; (1 + number of sign flips as extreme) / (1 + flips).
        units: units that have texts of both kinds.
    """

    auc: float
    p_value: float
    units: int


def bag_of_words(
    texts: pa.Array,
    planted: npt.NDArray[np.bool_],
    units: Sequence[str],
    *,
    folds: int = 5,
    redraws: int = 9_999,
    seed: bytes = b"trapline bag of words",
) -> BagOfWords:
    """Rank every text by a classifier that has not seen its unit, and compare within units.

    Args:
        texts: string or large_string[n].
        planted: bool[n].
        units: the unit of each text, n ids; a unit needs at least one planted text and one held out to count.
        folds: into which units are dealt by the hash of their ids; 2 or more.
        redraws: sign flips, a unit each, of the difference from 0.5.
        seed: key of folds and flips, 1 to 64 bytes: the same input gives the same result.

    The p-value flips each unit's outcome as if it had fallen to the other side. The outcomes of two folds share
    training texts, so it is approximate: a description of the candidates, not a test of a model.

    Raises:
        ValueError: if the lengths differ, there are fewer than 2 folds, or no unit has both kinds.
    """
    planted = np.asarray(planted, np.bool_)
    if not len(texts) == len(planted) == len(units) or folds < 2:
        raise ValueError(f"{len(texts)} texts, {len(planted)} labels, {len(units)} units, {folds} folds")
    names, unit = np.unique(np.asarray(units, np.str_), return_inverse=True)
    fold_of_unit = np.array([int.from_bytes(keyed(seed, "fold", str(name)), "big") % folds for name in names])
    scores = _scores(texts, planted, fold_of_unit[unit], folds)
    within = _within(scores, planted, unit, len(names))
    if not len(within):
        raise ValueError("no unit has a planted text and one held out")
    apart = within - 0.5
    random = np.random.Generator(np.random.Philox(int.from_bytes(keyed(seed, "flips", size=16), "big")))
    extreme = 0
    for first in range(0, redraws, _REDRAWS_AT_ONCE):
        count = min(_REDRAWS_AT_ONCE, redraws - first)
        bits = np.unpackbits(random.integers(0, 256, (count, -(-len(apart) // 8)), np.uint8), axis=1)[:, : len(apart)]
        # The sum with signs is twice the sum over the set bits, less that over all.
        extreme += int((2 * (bits @ apart) - apart.sum() >= apart.sum() - 1e-9).sum())
    return BagOfWords(float(within.mean()), (1 + extreme) / (1 + redraws), len(within))


def _scores(
    texts: pa.Array, planted: npt.NDArray[np.bool_], fold: npt.NDArray[np.int64], folds: int
) -> npt.NDArray[np.float64]:
    """Log P(text | planted) - log P(text | held out), by the classifier of the other folds: float64[n]."""
    words = words_of(texts)
    kinds, word = np.unique(words.hashes, return_inverse=True)
    owner = np.repeat(np.arange(len(texts)), np.diff(words.offsets))
    counts = np.zeros((folds, 2, len(kinds)))
    np.add.at(counts, (fold[owner], planted[owner].astype(np.int64), word), 1)
    others = counts.sum(axis=0) - counts + 1
    log_odds = np.log(others[:, 1] / others[:, 1].sum(axis=-1, keepdims=True))
    log_odds -= np.log(others[:, 0] / others[:, 0].sum(axis=-1, keepdims=True))
    values = log_odds[fold[owner], word]
    # In ascending order, so that texts of the same words tie whatever the order of these.
    order = np.lexsort((values, owner))
    scores = np.bincount(owner[order], weights=values[order], minlength=len(texts))
    return scores.astype(np.float64)


def _within(
    scores: npt.NDArray[np.float64], planted: npt.NDArray[np.bool_], unit: npt.NDArray[np.int64], units: int
) -> npt.NDArray[np.float64]:
    """Of each unit with texts of both kinds, the share of its pairs that the planted text wins: float64[k]."""
    order = np.lexsort((planted, unit))
    won, pairs = np.zeros(units), np.zeros(units)
    borders = np.searchsorted(unit[order], np.arange(units + 1))
    sizes = np.diff(borders)
    # Units of one size are compared together, all pairs at once.
    for size in np.unique(sizes[sizes > 1]):
        chosen = np.flatnonzero(sizes == size)
        rows = order[borders[chosen][:, None] + np.arange(size)]
        value, is_planted = scores[rows], planted[rows]
        against = is_planted[:, :, None] & ~is_planted[:, None, :]
        left, right = value[:, :, None], value[:, None, :]
        won[chosen] = (against * ((left > right) + 0.5 * (left == right))).sum(axis=(1, 2))
        pairs[chosen] = against.sum(axis=(1, 2))
    both = pairs > 0
    return won[both] / pairs[both]
