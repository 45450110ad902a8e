"""Token sets of candidates, and which candidates are accepted beside each other."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.texts import offsets_of
from transforms.probes.traps.alike_kernel import choose

MOST_ALIKE = (1, 5)
"""The Jaccard similarity of token sets, as a fraction, that two accepted candidates do not exceed."""


@dataclass(frozen=True)
class TokenSets:
    """Sets of n texts: int32 tokens, rarest first within a set, int64[n + 1] borders, and how many tokens there are."""

    tokens: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.int64]
    num_tokens: int


def token_sets(tokens: npt.NDArray[np.generic], offsets: npt.NDArray[np.int64]) -> TokenSets:
    """Sets from sequences: text i has `tokens[offsets[i]:offsets[i + 1]]`, any integers, with repetitions."""
    n = len(offsets) - 1
    kinds, dense = np.unique(tokens[: offsets[-1]], return_inverse=True)
    rows = np.repeat(np.arange(n), np.diff(offsets))
    width = max(1, len(kinds))
    members = np.unique(rows * width + dense)
    rows, dense = members // width, members % width
    frequency = np.bincount(dense, minlength=len(kinds))
    rank = np.empty(len(kinds), np.int64)
    rank[np.lexsort((np.arange(len(kinds)), frequency))] = np.arange(len(kinds))
    ranked = np.sort(rows * width + rank[dense])
    borders = offsets_of(np.bincount(rows, minlength=n))
    return TokenSets((ranked % width).astype(np.int32), borders, len(kinds))


def accept(
    sets: TokenSets, order: npt.NDArray[np.int64], cell: npt.NDArray[np.int32], room: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Accept candidates in order: not into a full cell, and none more alike than `MOST_ALIKE` to an accepted one.

    Args:
        sets: of n candidates.
        order: int64, the candidates to look at.
        cell: int32[n].
        room: int64, places by cell.

    Returns:
        uint8[n]: `SPARE`, `ACCEPTED` or `ALIKE` of `jaccard_kernel`.
    """
    status = np.zeros(len(cell), np.uint8)
    numerator, denominator = MOST_ALIKE
    choose(sets.tokens, sets.offsets, order, cell, room.copy(), max(1, sets.num_tokens), numerator, denominator, status)
    return status
