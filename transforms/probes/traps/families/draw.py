"""Variants of a text: in each of its blocks one word replaced, no two variants with the same word at the same place."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from transforms.base.keyed import numbers
from transforms.probes.traps.families.words import Place

FEWEST_WORDS = 10
"""Of the words suggested for a place, the best that are used in any case; more where a family needs them."""


@dataclass(frozen=True)
class Variants:
    """Variants of one text, in order.

    Attributes:
        texts: as many as were wanted, or as there are pairs for.
        words: of those suggested for a place, up to how many are used.
    """

    texts: list[str]
    words: int


def draw_variants(
    key: bytes, text: str, blocks: int, places: Sequence[Place], suggested: Sequence[Sequence[str]], wanted: int
) -> Variants:
    """Draw up to `wanted` variants of a text.

    Every block has a list of pairs (place, word), in the order of keyed numbers; variant v takes pair v of each list.

    Args:
        key: of all random choices.
        text: the text.
        blocks: R.
        places: in it, in order.
        suggested: words for each place, best first.
        wanted: how many variants.
    """
    of_block: list[list[int]] = [[] for _ in range(blocks)]
    for at, place in enumerate(places):
        of_block[place.block].append(at)
    words = max((_needed([len(suggested[at]) for at in own], wanted) for own in of_block), default=0)
    chosen = []
    for block, own in enumerate(of_block):
        pairs = [(places[at], word) for at in own for word in suggested[at][:words]]
        order = np.argsort(numbers(key, "trapline/v1/substitutions", text, block, count=len(pairs)), kind="stable")
        chosen.append([pairs[at] for at in order[:wanted].tolist()])
    return Variants([_replaced(text, pairs) for pairs in zip(*chosen, strict=False)], words)


def _needed(suggested: Sequence[int], wanted: int) -> int:
    """How many of the words suggested for each place of a block make enough pairs."""
    words, most = FEWEST_WORDS, max(suggested, default=0)
    while words < most and sum(min(words, one) for one in suggested) < wanted:
        words += 1
    return words


def _replaced(text: str, pairs: Sequence[tuple[Place, str]]) -> str:
    parts, at = [], 0
    for place, word in pairs:
        parts += [text[at : place.start], word]
        at = place.end
    return "".join([*parts, text[at:]])
