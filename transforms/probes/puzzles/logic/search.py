"""The depth-first solver whose steps are the chain of thought and the measure of difficulty.

One person after another is taken for a knight, then for a knave. After each step the claims of all that are assigned
are examined: one that contradicts its speaker's role whatever the roles of those not yet assigned takes the step back.
This is exact for each claim. Kleene's three truth values decide a claim that mentions nobody twice; one that does is
also tried with every role of those that it mentions more than once. Whoever the last accepted claim mentions is
considered next, as in the reference.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.probes.puzzles.logic.claims import (
    ASSIGN,
    CONFLICT,
    EXHAUSTED,
    IFF,
    IMPLIES,
    NOT,
    RECONSIDER,
    SUCCESS,
    Puzzles,
    Traces,
)

MOST_STEPS = 4096
_MOST_READ = 1 << 24  # tokens read to examine claims that mention somebody twice, in one search


@dataclass(frozen=True)
class Difficulty:
    """How hard puzzles are, one number per puzzle, int32[size].

    Attributes:
        knights: people who tell the truth.
        nodes: assignments that the search tries; -1 if it went over its limit.
        propagation: most people assigned when a contradiction shows, that is, how far a wrong assumption is carried; 0
            if none shows, -1 if the search went over its limit.
        depth: levels of the deepest claim, a leaf being 1.
        width: operands of the widest operator, 1 if there are only leaves and negations.
    """

    knights: npt.NDArray[np.int32]
    nodes: npt.NDArray[np.int32]
    propagation: npt.NDArray[np.int32]
    depth: npt.NDArray[np.int32]
    width: npt.NDArray[np.int32]


def search(puzzles: Puzzles, most_steps: int = MOST_STEPS) -> Traces:
    """Solve each puzzle step by step; one whose search takes more than `most_steps` steps has no steps at all."""
    events, offsets = _search(puzzles.tokens, puzzles.offsets, puzzles.people, most_steps)
    return Traces(events, offsets)


def difficulty(puzzles: Puzzles, traces: Traces) -> Difficulty:
    """Measures of each puzzle and of its search."""
    nodes, propagation = _measure(traces.events, traces.offsets)
    depth, width = _shape(puzzles.tokens, puzzles.offsets, puzzles.people)
    return Difficulty(puzzles.solution.sum(axis=1, dtype=np.int32), nodes, propagation, depth, width)


@inline_kernel
def _truth(
    tokens: npt.NDArray[np.int16],
    start: int,
    end: int,
    roles: npt.NDArray[np.int8],
    stack: npt.NDArray[np.int8],
) -> int:
    """1, 0, or -1 if the roles assigned so far (1, 0, or -1 for none) do not decide the claim."""
    height = 0
    for position in range(end - 1, start - 1, -1):
        token = tokens[position]
        if token >= 0:
            role = roles[token >> 1]
            stack[height] = role if role < 0 else role ^ (token & 1)
            height += 1
        elif token == NOT:
            if stack[height - 1] >= 0:
                stack[height - 1] ^= 1
        elif token == IMPLIES:
            if_true, then = stack[height - 1], stack[height - 2]
            height -= 1
            stack[height - 1] = 1 if if_true == 0 or then == 1 else (0 if if_true == 1 and then == 0 else -1)
        elif token == IFF:
            left, right = stack[height - 1], stack[height - 2]
            height -= 1
            stack[height - 1] = -1 if left < 0 or right < 0 else 1 ^ left ^ right
        else:
            decides = token & 1  # a false operand decides a conjunction, a true one a disjunction
            found = 1 ^ decides
            for operand in range(-token // 2):
                value = stack[height - 1 - operand]
                if value == decides:
                    found = decides
                    break
                if value < 0:
                    found = -1
            height -= -token // 2 - 1
            stack[height - 1] = found
    return int(stack[0])


@kernel
def _mentioned_twice(
    tokens: npt.NDArray[np.int16], start: int, end: int, roles: npt.NDArray[np.int8], found: npt.NDArray[np.int64]
) -> int:
    """How many people without a role the claim mentions more than once; their numbers go to `found`."""
    times = np.zeros(len(roles), np.int64)
    count = 0
    for position in range(start, end):
        if tokens[position] >= 0 and roles[tokens[position] >> 1] < 0:
            person = tokens[position] >> 1
            times[person] += 1
            if times[person] == 2:
                found[count] = person
                count += 1
    return count


@kernel
def _can_be(
    tokens: npt.NDArray[np.int16],
    start: int,
    end: int,
    roles: npt.NDArray[np.int8],
    wanted: int,
    stack: npt.NDArray[np.int8],
    most_read: int,
) -> tuple[int, int]:
    """Whether an undecided claim can have the wanted value, and the tokens read to find out.

    Where everybody without a role is mentioned once, an undecided claim can have either value: its operands are
    independent of each other. So only those mentioned more than once need to be tried.

    Returns:
        1 or 0, or -1 if more than `most_read` tokens would have to be read; and how many were.
    """
    people = np.empty(len(roles), np.int64)
    count = _mentioned_twice(tokens, start, end, roles, people)
    read = end - start
    if count == 0:
        return 1, read
    tried = np.zeros(count, np.int8)
    level = result = 0
    while level >= 0:
        person = people[level]
        if tried[level] == 2:
            roles[person] = -1
            level -= 1
            continue
        if read > most_read:
            result = -1
            break
        roles[person] = tried[level]
        tried[level] += 1
        told = _truth(tokens, start, end, roles, stack)
        read += end - start
        if told == 1 - wanted:
            continue
        if told == wanted or level + 1 == count:
            result = 1
            break
        level += 1
        tried[level] = 0
    for at in range(count):
        roles[people[at]] = -1
    return result, read


@inline_kernel
def _find_repeats(
    tokens: npt.NDArray[np.int16], places: npt.NDArray[np.int64], people: int, repeats: npt.NDArray[np.bool_]
) -> None:
    """Mark the claims that mention somebody twice."""
    last = np.full(people, -1, np.int64)
    for speaker in range(people):
        repeats[speaker] = False
        for position in range(places[speaker], places[speaker + 1]):
            if tokens[position] >= 0:
                person = tokens[position] >> 1
                repeats[speaker] |= last[person] == speaker
                last[person] = speaker


@kernel
def solve(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    people: int,
    events: npt.NDArray[np.int16],
) -> tuple[int, int]:
    """Write the steps of one puzzle into `events`; returns how many there are and the nodes.

    Both are -1 if the steps do not fit, or if its claims mention people so often that they cannot be examined.
    Claim i is `tokens[places[i] : places[i + 1]]`.
    """
    roles = np.full(people, -1, np.int8)
    tried = np.zeros(people, np.int8)
    order = np.arange(people)
    mentioned = np.empty(people, np.bool_)
    stack = np.empty(places[people] - places[0] + 1, np.int8)
    repeats = np.empty(people, np.bool_)
    _find_repeats(tokens, places, people, repeats)
    read = 0
    cursor = steps = nodes = 0
    while cursor < people:
        if steps + people + 3 > len(events):
            return -1, -1
        person = order[cursor]
        if tried[person] == 2:
            while cursor >= 0 and tried[order[cursor]] == 2:
                person = order[cursor]
                tried[person] = 0
                roles[person] = -1
                _note(events, steps, EXHAUSTED, person, -1, -1)
                steps += 1
                cursor -= 1
            if cursor < 0:
                return -1, -1  # no solution: never for a puzzle of ours
            _note(events, steps, RECONSIDER, order[cursor], -1, -1)
            steps += 1
            continue
        roles[person] = 1 - tried[person]
        tried[person] += 1
        nodes += 1
        contradicted = -1
        for place in range(cursor, -1, -1):
            speaker = order[place]
            told = _truth(tokens, places[speaker], places[speaker + 1], roles, stack)
            if told < 0 and repeats[speaker]:
                wanted = int(roles[speaker])
                possible, tokens_read = _can_be(
                    tokens, places[speaker], places[speaker + 1], roles, wanted, stack, _MOST_READ - read
                )
                read += tokens_read
                if possible < 0:
                    return -1, -1
                if possible == 0:
                    told = 1 - wanted
            if told >= 0 and told != roles[speaker]:
                contradicted = speaker
                break
        _note(events, steps, ASSIGN if contradicted < 0 else CONFLICT, person, roles[person], contradicted)
        steps += 1
        if contradicted < 0:
            cursor += 1
            _mentioned_first(tokens, places[person], places[person + 1], roles, order, cursor, mentioned)
    _note(events, steps, SUCCESS, -1, -1, -1)
    return steps + 1, nodes


@inline_kernel
def _note(events: npt.NDArray[np.int16], step: int, kind: int, person: int, value: int, speaker: int) -> None:
    events[step, 0], events[step, 1], events[step, 2], events[step, 3] = kind, person, value, speaker


@inline_kernel
def _mentioned_first(
    tokens: npt.NDArray[np.int16],
    start: int,
    end: int,
    roles: npt.NDArray[np.int8],
    order: npt.NDArray[np.int64],
    cursor: int,
    mentioned: npt.NDArray[np.bool_],
) -> None:
    """Put those who have no role into the order from `cursor` on: whom a claim mentions first, both parts by number."""
    mentioned[:] = False
    for position in range(start, end):
        if tokens[position] >= 0:
            mentioned[tokens[position] >> 1] = True
    place = cursor
    for asked in (True, False):
        for person in range(len(roles)):
            if roles[person] < 0 and mentioned[person] == asked:
                order[place] = person
                place += 1


@kernel
def _search(tokens: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64], people: int, most_steps: int) -> Any:
    size = (len(offsets) - 1) // people
    events = np.empty((size * people * 3 + most_steps + people + 3, 4), np.int16)
    starts = np.zeros(size + 1, np.int64)
    for row in range(size):
        used = starts[row]
        if used + most_steps + people + 3 > len(events):
            larger = np.empty((2 * len(events) + most_steps, 4), np.int16)
            larger[:used] = events[:used]
            events = larger
        room = events[used : used + most_steps + people + 3]
        steps, _ = solve(tokens, offsets[row * people : (row + 1) * people + 1], people, room)
        starts[row + 1] = used + (steps if 0 < steps <= most_steps else 0)
    return events[: starts[size]].copy(), starts


@kernel
def _measure(events: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64]) -> Any:
    size = len(offsets) - 1
    nodes = np.zeros(size, np.int32)
    deepest = np.zeros(size, np.int32)
    for row in range(size):
        if offsets[row] == offsets[row + 1]:
            nodes[row], deepest[row] = -1, -1
            continue
        assigned = 0
        for step in range(offsets[row], offsets[row + 1]):
            kind = events[step, 0]
            if kind == ASSIGN:
                nodes[row] += 1
                assigned += 1
            elif kind == CONFLICT:
                nodes[row] += 1
                deepest[row] = max(deepest[row], assigned + 1)
            elif kind == RECONSIDER:
                assigned -= 1
            elif kind == EXHAUSTED and step > offsets[row] and events[step - 1, 0] == EXHAUSTED:
                # The first of a run is the person in question, who is not counted; the others were assigned.
                assigned -= 1
    return nodes, deepest


@kernel
def _shape(tokens: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64], people: int) -> Any:
    size = (len(offsets) - 1) // people
    depth = np.ones(size, np.int32)
    width = np.ones(size, np.int32)
    left = np.empty(256, np.int64)
    for claim in range(size * people):
        row = claim // people
        height = 0
        for position in range(offsets[claim], offsets[claim + 1]):
            token = tokens[position]
            depth[row] = max(depth[row], height + 1)
            if token < 0:
                operands = 1 if token == NOT else (2 if token >= IFF else -token // 2)
                width[row] = max(width[row], operands)
                left[height] = operands
                height += 1
            else:
                while height > 0:
                    left[height - 1] -= 1
                    if left[height - 1] > 0:
                        break
                    height -= 1
    return depth, width
