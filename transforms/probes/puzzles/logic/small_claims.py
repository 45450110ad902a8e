"""All claims of at most two levels and two operands, by number: what counts puzzles and what scans edits share."""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT


@kernel
def small_claims(people: int, depth: int) -> int:
    """Claims of one speaker of at most two levels and two operands, as `small_claim` numbers them."""
    leaves = 2 * people - 1
    return leaves if depth == 1 else leaves * (2 + 4 * (leaves - 1))


@kernel
def small_claim(number: int, people: int, speaker: int, claim: npt.NDArray[np.int16]) -> int:
    """Write claim `number` of a speaker into `claim`; returns its length."""
    leaves = 2 * people - 1
    if number < leaves:
        claim[0] = number + (number > 2 * speaker)
        return 1
    if number < 2 * leaves:
        leaf = number - leaves
        claim[0], claim[1] = NOT, leaf + (leaf > 2 * speaker)
        return 2
    number -= 2 * leaves
    operator = number // (leaves * (leaves - 1))
    pair = number % (leaves * (leaves - 1))
    first, second = pair // (leaves - 1), pair % (leaves - 1)
    second += second >= first
    claim[0] = (-4, -5, IMPLIES, IFF)[operator]
    claim[1], claim[2] = first + (first > 2 * speaker), second + (second > 2 * speaker)
    return 3
