"""Draw puzzles with exactly one solution: each a function of seed, people and index alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel
from transforms.base.streams import below, stream_key, stream_start, stream_word
from transforms.probes.puzzles.logic.claims import Puzzles
from transforms.probes.puzzles.logic.drawing import draw_puzzle
from transforms.probes.puzzles.logic.grammar import ANY_KNIGHTS, BALANCED, Grammar, no_such_puzzle
from transforms.probes.puzzles.logic.masks import MOST_IN_A_TABLE, only_bit, table_of, witnesses
from transforms.probes.puzzles.logic.solver import only_solution

_ATTEMPTS = 1_000_000
_ATTEMPTS_BY_SOLVER = 20_000


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
        return sample_by_solver(people, key, index, grammar, wanted)
    table, every = table_of(people)
    tokens, offsets, solutions, failed = _sample(key, index, people, grammar.limits, wanted, table, every)
    if failed >= 0:
        raise no_such_puzzle(people, int(wanted[failed]), _ATTEMPTS)
    solution = (solutions[:, None] >> np.arange(people) & 1).astype(np.bool_)
    return Puzzles(people, index, tokens, offsets, solution)


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


def sample_by_solver(
    people: int, key: np.uint64, index: npt.NDArray[np.int64], grammar: Grammar, wanted: npt.NDArray[np.int64]
) -> Puzzles:
    """As `sample`, for any number of people; `wanted` holds each puzzle's number of knights, or -1."""
    knights, every = witnesses(people)
    limits = grammar.limits
    room = np.empty(people * grammar.most_tokens, np.int16)
    places = np.empty(people + 1, np.int64)
    stack = np.empty((grammar.most_tokens + 1, len(every)), np.uint64)
    ignored = np.empty(len(every), np.uint64)
    tokens, lengths, solutions = [], [], []
    for number, knights_wanted in zip(index.tolist(), wanted.tolist(), strict=True):
        start, counter = np.uint64(stream_start(key, number)), 0
        for _ in range(_ATTEMPTS_BY_SOLVER):
            counter = draw_puzzle(start, counter, people, limits, room, places, knights, every, stack, ignored)
            solution = only_solution(room, places)
            if solution is not None and knights_wanted in (-1, sum(solution)):
                break
        else:
            raise no_such_puzzle(people, knights_wanted, _ATTEMPTS_BY_SOLVER)
        tokens.append(room[: places[-1]].copy())
        lengths.append(np.diff(places))
        solutions.append(solution)
    offsets = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]) if lengths else np.zeros(1, np.int64)
    return Puzzles(
        people,
        index,
        np.concatenate(tokens) if tokens else np.empty(0, np.int16),
        offsets.astype(np.int64),
        np.array(solutions, np.bool_).reshape(len(index), people),
    )
