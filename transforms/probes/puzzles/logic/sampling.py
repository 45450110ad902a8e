"""Draw puzzles with exactly one solution: each a function of seed, people and index alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError
from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import below, stream_key, stream_start, stream_word
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, MAX_PEOPLE, NOT, Puzzles
from transforms.probes.puzzles.logic.masks import MOST_IN_A_TABLE, claim_mask, only_bit, table_of

_KINDS = 6  # leaf, not, and, or, ->, <=>
_ATTEMPTS = 1_000_000


@dataclass(frozen=True)
class Grammar:
    """Which claims there are.

    A claim is a leaf, or by the throw of a fair die one of: leaf, not, and, or, ->, <=> over claims that are one level
    less deep. Operands differ from each other; speaker i never mentions that i lies.

    Attributes:
        depth: levels of a claim, at most (1: leaves only; the reference has 2).
        width: operands of `and` and `or`, at most (a number from 2 to this, uniformly).
        constant: whether claims may be true, or false, whoever is a knight: as in the reference.
    """

    depth: int = 2
    width: int = 2
    constant: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 6:
            raise ValueError(f"depth {self.depth}: give 1 to 6")
        if not 2 <= self.width <= 8:
            raise ValueError(f"width {self.width}: give 2 to 8")

    def check(self, people: int) -> None:
        """Refuse a number of people for which there are no such claims.

        Raises:
            ValueError: naming what to change.
        """
        if not 2 <= people <= MAX_PEOPLE:
            raise ValueError(f"{people} people: give 2 to {MAX_PEOPLE}")
        if self.depth > 1 and self.width > 2 * people - 1:
            raise ValueError(
                f"width {self.width}: among {people} people there are {2 * people - 1} different leaves; "
                "give less width or more people"
            )

    @property
    def most_tokens(self) -> int:
        """Tokens of a claim, at most."""
        return sum(self.width**level for level in range(self.depth))

    @property
    def limits(self) -> npt.NDArray[np.int64]:
        """Depth, width, whether constant claims are allowed, most tokens: int64[4], for kernels."""
        return np.array([self.depth, self.width, self.constant, self.most_tokens])


ANY_KNIGHTS, BALANCED = -1, -2


def sample(
    people: int, seed: bytes, index: npt.NDArray[np.int64], grammar: Grammar, knights: int = ANY_KNIGHTS
) -> Puzzles:
    """The puzzles with these numbers, int64[k].

    Args:
        people: n, 2 to 100.
        seed: at most 64 bytes.
        index: numbers of the puzzles, in any order; each puzzle depends on its own alone.
        grammar: which claims there are.
        knights: how many of the people are knights: a number, `ANY_KNIGHTS`, or `BALANCED` (uniform over 0 to n, by a
            stream of its own).

    Raises:
        CorpusError: if a million candidates hold none with that many knights.
    """
    grammar.check(people)
    wanted = _wanted(people, seed, index, knights)
    key = stream_key(seed, "claims", people)
    if people > MOST_IN_A_TABLE:
        from transforms.probes.puzzles.logic.solver import sample_by_solver

        return sample_by_solver(people, key, index, grammar, wanted)
    table, every = table_of(people)
    tokens, offsets, solutions, failed = _sample(key, index, people, grammar.limits, wanted, table, every)
    if failed >= 0:
        raise no_such_puzzle(people, int(wanted[failed]))
    solution = (solutions[:, None] >> np.arange(people) & 1).astype(np.bool_)
    return Puzzles(people, index, tokens, offsets, solution)


def no_such_puzzle(people: int, knights: int, candidates: int = _ATTEMPTS) -> CorpusError:
    """What to say when so many candidates were of no use."""
    among = "one solution" if knights < 0 else f"one solution, of {knights} knights"
    return CorpusError(
        f"{candidates:,} candidates of {people} people held no puzzle with {among}: "
        "ask for another number of knights, or for claims of another depth or width"
    )


def _wanted(people: int, seed: bytes, index: npt.NDArray[np.int64], knights: int) -> npt.NDArray[np.int64]:
    """The number of knights of each puzzle, int64[k]; -1 for any."""
    if knights != BALANCED:
        return np.full(len(index), knights, np.int64)
    return _uniform(stream_key(seed, "knights", people), index, people + 1)


@kernel
def _uniform(key: np.uint64, index: npt.NDArray[np.int64], bound: int) -> npt.NDArray[np.int64]:
    drawn = np.empty(len(index), np.int64)
    for row in range(len(index)):
        drawn[row] = below(stream_word(stream_start(key, index[row]), 0), bound)
    return drawn


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
    """Draw one claim a person, whatever the solutions; their mask goes to `solutions`. Returns the next word.

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


@kernel
def _sample(
    key: np.uint64,
    index: npt.NDArray[np.int64],
    people: int,
    limits: npt.NDArray[np.int64],
    wanted: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
) -> Any:
    size = len(index)
    tokens = np.empty(size * people * 3 + people * limits[3], np.int16)
    offsets = np.zeros(size * people + 1, np.int64)
    answers = np.zeros(size, np.int64)
    drawn = np.empty(people * limits[3], np.int16)
    places = np.empty(people + 1, np.int64)
    stack = np.empty((limits[3] + 1, len(every)), np.uint64)
    solutions = np.empty(len(every), np.uint64)
    for row in range(size):
        start = stream_start(key, index[row])
        counter = 0
        answer = -1
        for _ in range(_ATTEMPTS):
            counter = draw_puzzle(start, counter, people, limits, drawn, places, table, every, stack, solutions)
            answer = only_bit(solutions)
            if answer >= 0 and wanted[row] >= 0:
                found = 0
                for person in range(people):
                    found += answer >> person & 1
                if found != wanted[row]:
                    answer = -1
            if answer >= 0:
                break
        if answer < 0:
            return tokens[:0], offsets, answers, row
        used = offsets[row * people]
        if used + places[people] > len(tokens):
            larger = np.empty(2 * len(tokens) + places[people], np.int16)
            larger[:used] = tokens[:used]
            tokens = larger
        tokens[used : used + places[people]] = drawn[: places[people]]
        for person in range(people):
            offsets[row * people + person + 1] = used + places[person + 1]
        answers[row] = answer
    return tokens[: offsets[size * people]].copy(), offsets, answers, -1


def share_with_one_solution(people: int, seed: bytes, candidates: int, grammar: Grammar) -> float:
    """Which part of that many candidates has exactly one solution, up to 12 people."""
    grammar.check(people)
    return (
        float(_count(stream_key(seed, "candidates", people), candidates, people, grammar.limits, *table_of(people)))
        / candidates
    )


@kernel
def _count(
    key: np.uint64,
    candidates: int,
    people: int,
    limits: npt.NDArray[np.int64],
    table: npt.NDArray[np.uint64],
    every: npt.NDArray[np.uint64],
) -> int:
    drawn = np.empty(people * limits[3], np.int16)
    places = np.empty(people + 1, np.int64)
    stack = np.empty((limits[3] + 1, len(every)), np.uint64)
    solutions = np.empty(len(every), np.uint64)
    unique = 0
    for candidate in range(candidates):
        draw_puzzle(stream_start(key, candidate), 0, people, limits, drawn, places, table, every, stack, solutions)
        unique += only_bit(solutions) >= 0
    return unique
