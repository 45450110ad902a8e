"""Kernels that draw claims and whole puzzles from a random stream.

Numba's cache watches the file of a kernel, not the files of the kernels that it calls or inlines, and
`transforms.base.kernels` does nothing about that: after an edit of this file, delete the `__pycache__` folders of
`logic/` and `edits/`, or callers there keep running the old code.
"""

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import below, stream_word
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT
from transforms.probes.puzzles.logic.masks import claim_mask

_KINDS = 6  # leaf, not, and, or, ->, <=>


@kernel
def draw_leaf(start: np.uint64, counter: int, people: int, speaker: int) -> int:
    """One of the 2n - 1 leaves other than that the speaker lies, uniformly, from word `counter` of a stream."""
    leaf = below(stream_word(start, counter), 2 * people - 1)
    return leaf + 1 if leaf > 2 * speaker else leaf


@kernel
def _same(tokens: npt.NDArray[np.int16], first: int, second: int, length: int) -> bool:
    same = True
    for at in range(length):
        same &= tokens[first + at] == tokens[second + at]
    return same


@inline_kernel
def draw_flat_claim(
    start: np.uint64, counter: int, people: int, speaker: int, depth: int, tokens: npt.NDArray[np.int16], begin: int
) -> tuple[int, int]:
    """As `draw_claim` for at most two levels and two operands, without the stack that takes most of its time."""
    kind = 0
    if depth == 2:
        kind = below(stream_word(start, counter), _KINDS)
        counter += 1
    position = begin
    if kind == 1:
        tokens[position] = NOT
        position += 1
    elif kind > 1:
        tokens[position] = (-4, -5, IMPLIES, IFF)[kind - 2]
        position += 1
    leaf = draw_leaf(start, counter, people, speaker)
    counter += 1
    tokens[position] = leaf
    position += 1
    if kind > 1:
        second = leaf
        while second == leaf:
            second = draw_leaf(start, counter, people, speaker)
            counter += 1
        tokens[position] = second
        position += 1
    return position, counter


@kernel
def draw_claim(
    start: np.uint64,
    counter: int,
    people: int,
    speaker: int,
    depth: int,
    width: int,
    tokens: npt.NDArray[np.int16],
    begin: int,
) -> tuple[int, int]:
    """Draw a claim of the grammar into `tokens` from `begin`; returns where it ends and the next word of the stream.

    An operand that equals one before it is drawn again, so that two different leaves are a uniform ordered pair.
    """
    if depth <= 2 and width == 2:
        return draw_flat_claim(start, counter, people, speaker, depth, tokens, begin)
    arity = np.empty(depth + 1, np.int64)  # of the operators that are open, outermost first
    done = np.empty(depth + 1, np.int64)
    places = np.empty((depth + 1, width + 1), np.int64)
    heads = np.empty(depth + 1, np.int64)
    height = 0
    position = begin
    while True:
        kind = 0
        if height < depth - 1:
            kind = below(stream_word(start, counter), _KINDS)
            counter += 1
        if kind > 0:
            operands = 2
            token = NOT
            if kind == 1:
                operands = 1
            elif kind <= 3:
                if width > 2:
                    operands = 2 + below(stream_word(start, counter), width - 1)
                    counter += 1
                token = -2 * operands - (kind - 2)
            else:
                token = IMPLIES if kind == 4 else IFF
            heads[height], arity[height], done[height] = position, operands, 0
            tokens[position] = token
            position += 1
            height += 1
            continue
        completed = position
        tokens[position] = draw_leaf(start, counter, people, speaker)
        counter += 1
        position += 1
        while height > 0:
            top = height - 1
            length = position - completed
            repeated = False
            for before in range(done[top]):
                place = places[top, before]
                after = places[top, before + 1] if before + 1 < done[top] else completed
                if after - place == length and _same(tokens, place, completed, length):
                    repeated = True
            if repeated:
                position = completed
                break
            places[top, done[top]] = completed
            done[top] += 1
            if done[top] < arity[top]:
                break
            completed = heads[top]
            height -= 1
        if height == 0:
            return position, counter


@kernel
def draw_fair_claim(
    start: np.uint64,
    counter: int,
    people: int,
    speaker: int,
    limits: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int16],
    begin: int,
    knights: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
) -> tuple[int, int]:
    """As `draw_claim`, but drawn again while the claim is constant, unless that is allowed; its mask is in `stack[0]`.

    Depth, width and what is allowed are in `limits`, as `Grammar.limits` gives them.
    """
    while True:
        end, counter = draw_claim(start, counter, people, speaker, limits[0], limits[1], tokens, begin)
        claim_mask(tokens, begin, end, knights, every, stack)
        if limits[2] or not is_constant(stack[0], every):
            return end, counter


@inline_kernel
def is_constant(mask: npt.NDArray[np.uint64], every: npt.NDArray[np.uint64]) -> bool:
    """Whether a claim's mask holds all assignments or none."""
    can_be_true = False
    can_be_false = False
    for word in range(len(every)):
        can_be_true |= mask[word] != 0
        can_be_false |= mask[word] != every[word]
    return not (can_be_true and can_be_false)


@kernel
def draw_puzzle(
    start: np.uint64,
    counter: int,
    people: int,
    limits: npt.NDArray[np.int64],
    tokens: npt.NDArray[np.int16],
    offsets: npt.NDArray[np.int64],
    knights: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
    solutions: npt.NDArray[np.uint64],
) -> int:
    """Draw one claim per person, whatever the solutions; their mask goes to `solutions`. Returns the next word.

    `offsets` gets int64[n + 1] places in `tokens`, from 0.
    """
    solutions[:] = every
    position = 0
    for speaker in range(people):
        offsets[speaker] = position
        position, counter = draw_fair_claim(
            start, counter, people, speaker, limits, tokens, position, knights, every, stack
        )
        for word in range(len(every)):
            solutions[word] &= every[word] ^ stack[0, word] ^ knights[speaker, word]
    offsets[people] = position
    return counter
