"""Comparisons of claims: how far apart two are, and whether two operands of one are equal."""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.probes.puzzles.logic.claims import IFF, NOT, claim_end


@inline_kernel
def edit_distance(
    claim: npt.NDArray[np.int16],
    length: int,
    tokens: npt.NDArray[np.int16],
    begin: int,
    end: int,
    row: npt.NDArray[np.int64],
) -> int:
    """Tokens to insert, delete or replace (Levenshtein 1966) between `claim[:length]` and `tokens[begin:end]`.

    `row` is room for `end - begin + 1` numbers.
    """
    others = end - begin
    for at in range(others + 1):
        row[at] = at
    for i in range(length):
        corner = row[0]
        row[0] = i + 1
        for j in range(others):
            above = row[j + 1]
            best = corner + (claim[i] != tokens[begin + j])
            best = min(best, above + 1, row[j] + 1)
            corner = above
            row[j + 1] = best
    return int(row[others])


@kernel
def operands_differ(tokens: npt.NDArray[np.int16], start: int, end: int) -> bool:
    """Whether no operator of a claim has two equal operands."""
    for position in range(start, end):
        token = tokens[position]
        if token >= NOT:
            continue
        operands = 2 if token >= IFF else -token // 2
        first = position + 1
        for one in range(operands):
            length = claim_end(tokens, first) - first
            second = first + length
            for _ in range(one + 1, operands):
                other = claim_end(tokens, second) - second
                if other == length:
                    same = True
                    for at in range(length):
                        same &= tokens[first + at] == tokens[second + at]
                    if same:
                        return False
                second += other
            first += length
    return True


@kernel
def one_leaf_off(claim: npt.NDArray[np.int16], tokens: npt.NDArray[np.int16], begin: int, end: int) -> bool:
    """Whether a claim differs from `tokens[begin:end]`, of the same length, in nothing but leaves."""
    for position in range(end - begin):
        own = tokens[begin + position]
        if claim[position] != own and (claim[position] < 0 or own < 0):
            return False
    return True
