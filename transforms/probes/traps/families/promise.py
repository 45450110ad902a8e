"""What a family promises of any two of its texts, from its blocks alone."""

import itertools
from dataclasses import dataclass

import numpy as np

SHINGLE = 5
"""Tokens of the n-grams whose Jaccard similarity is bounded."""


@dataclass(frozen=True)
class Promise:
    """Bounds for two different texts of a family of `length` tokens with a substitution in each of `blocks` blocks.

    Attributes:
        run: tokens in a row that both may have, at most.
        jaccard: Jaccard similarity of their sets of 5-grams, at most.
    """

    run: int
    jaccard: float


def promise(length: int, blocks: int) -> Promise:
    """The bounds. In every block there is a token in which two texts differ, since no two have a pair in common.

    A run then lies between such tokens of two neighbouring blocks: it has 2 ceil(L / R) - 2 tokens at most. Of the
    G = L - 4 5-grams, k at least hold a token that differs, where k is the smallest number over all places that the
    tokens may have in their blocks: the similarity is (G - k) / (G + k) at most.

    Args:
        length: L, in tokens.
        blocks: R, 1 to L.
    """
    run = max(0, 2 * -(-length // blocks) - 2) if blocks > 1 else length - 1
    grams = length - SHINGLE + 1
    if grams < 1:
        return Promise(run, 0.0)
    lost = fewest_lost(length, blocks)
    return Promise(run, (grams - lost) / (grams + lost))


def borders(length: int, blocks: int) -> list[int]:
    """Where the blocks begin, and the end: R + 1 places of tokens. They differ by one token at most in size."""
    return [block * length // blocks for block in range(blocks + 1)]


def fewest_lost(length: int, blocks: int) -> int:
    """The fewest 5-grams that hold one of R tokens, one in each block, wherever in its block each stands."""
    grams, edges = length - SHINGLE + 1, borders(length, blocks)
    best = np.full(length, np.inf)
    for block, (lo, hi) in enumerate(itertools.pairwise(edges)):
        before, best = best, np.full(length, np.inf)
        reached = np.minimum.accumulate(before)
        for at in range(lo, hi):
            first, last = max(0, at - SHINGLE + 1), min(at, grams - 1)
            if not block:
                best[at] = last - first + 1
                continue
            if at >= SHINGLE:
                best[at] = reached[at - SHINGLE] + last - first + 1
            for previous in range(max(0, at - SHINGLE + 1), at):
                new = max(0, last - max(first, previous + 1) + 1)
                best[at] = min(best[at], before[previous] + new)
    return int(best.min())
