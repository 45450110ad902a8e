"""One 128-bit hash for all puzzles that differ in nothing but who is who, or the order of what commutes.

Colour refinement (Weisfeiler and Leman 1968; McKay and Piperno, 'Practical graph isomorphism II', 2014) of the claim
graph: a person's colour is hashed with the colours in their own claim and in the claims that mention them, until no
more people can be told apart. If some remain alike, each of them in turn is made different from the others, and the
smallest hash counts. People that merely can be exchanged for one another are tried once. Operands of `and`, `or` and
`<=>` are hashed as multisets, and so are the claims, so that their order is of no effect.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError
from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import GOLDEN, mix
from transforms.probes.puzzles.logic.claims import IFF, IMPLIES, NOT, Puzzles

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_SELF = np.uint64(0x5851F42D4C957F2D)
_MOST_LEAVES = 20_000


def classes(puzzles: Puzzles) -> npt.NDArray[np.uint64]:
    """The class of each puzzle, uint64[size, 2]: equal for two puzzles if a renaming of people makes them the same.

    Raises:
        CorpusError: for a puzzle with so many symmetries that the search would not end.
    """
    found, failed = _classes(puzzles.tokens, puzzles.offsets, puzzles.people)
    if failed >= 0:
        raise CorpusError(
            f"puzzle {int(puzzles.index[failed])} of {puzzles.people} people has too many symmetries for a canonical "
            "form: leave it out"
        )
    classes: npt.NDArray[np.uint64] = found
    return classes


@inline_kernel
def _claim_hash(
    tokens: npt.NDArray[np.int16],
    start: int,
    end: int,
    speaker: int,
    colours: npt.NDArray[np.uint64],
    salt: np.uint64,
    stack: npt.NDArray[np.uint64],
) -> np.uint64:
    """Hash of a claim in which people are their colours, and the speaker is marked."""
    height = 0
    for position in range(end - 1, start - 1, -1):
        token = tokens[position]
        if token >= 0:
            person = token >> 1
            word = colours[person] + np.uint64(token & 1) * GOLDEN + salt
            if person == speaker:
                word ^= _SELF
            stack[height] = mix(word)
            height += 1
        elif token == NOT:
            stack[height - 1] = mix(stack[height - 1] * _SECOND + salt)
        elif token == IMPLIES:
            stack[height - 2] = mix(stack[height - 1] * _FIRST + mix(stack[height - 2] ^ _SELF))
            height -= 1
        else:
            operands = 2 if token == IFF else -token // 2
            total = np.uint64(0)
            for operand in range(operands):
                total += mix(stack[height - 1 - operand] ^ salt)
            height -= operands - 1
            stack[height - 1] = mix(total ^ (np.uint64(-token) * GOLDEN))
    return np.uint64(stack[0])


@kernel
def _distinct(values: npt.NDArray[np.uint64], order: npt.NDArray[np.int64]) -> int:
    """Number of different values; `order` becomes the people by value (insertion sort: they are few)."""
    size = len(values)
    for at in range(size):
        person = order[at]
        place = at
        while place > 0 and values[order[place - 1]] > values[person]:
            order[place] = order[place - 1]
            place -= 1
        order[place] = person
    different = 1
    for at in range(1, size):
        different += values[order[at]] != values[order[at - 1]]
    return different


@kernel
def _refine(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    colours: npt.NDArray[np.uint64],
    order: npt.NDArray[np.int64],
    stack: npt.NDArray[np.uint64],
    fresh: npt.NDArray[np.uint64],
) -> int:
    """Refine the colours until the number of different ones no longer grows; returns that number."""
    people = len(colours)
    different = _distinct(colours, order)
    while True:
        fresh[:] = 0
        for speaker in range(people):
            start, end = places[speaker], places[speaker + 1]
            said = _claim_hash(tokens, start, end, speaker, colours, np.uint64(0), stack)
            mention = mix(said + colours[speaker])
            for position in range(start, end):
                token = tokens[position]
                if token >= 0:
                    fresh[token >> 1] += mix(mention + np.uint64(token & 1) * GOLDEN)
            fresh[speaker] += said * _SECOND
        for person in range(people):
            colours[person] = mix(mix(colours[person]) + fresh[person])
        now = _distinct(colours, order)
        if now in (different, people):
            return now
        different = now


@kernel
def _form(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    names: npt.NDArray[np.uint64],
    salt: np.uint64,
    stack: npt.NDArray[np.uint64],
) -> np.uint64:
    """Hash of the whole puzzle in which person i is called `names[i]`, whatever the order of the claims."""
    total = np.uint64(0)
    for speaker in range(len(names)):
        said = _claim_hash(tokens, places[speaker], places[speaker + 1], speaker, names, salt, stack)
        total += mix(said ^ mix(names[speaker] + salt))
    return mix(total + salt)


@kernel
def _can_be_exchanged(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    first: int,
    second: int,
    names: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
) -> bool:
    """Whether the puzzle stays the same when two people exchange their names."""
    for person in range(len(names)):
        names[person] = mix(np.uint64(person) * GOLDEN + _FIRST)
    before = _form(tokens, places, names, _SELF, stack)
    names[first], names[second] = names[second], names[first]
    return bool(before == _form(tokens, places, names, _SELF, stack))


@kernel
def class_of(
    tokens: npt.NDArray[np.int16], places: npt.NDArray[np.int64], people: int
) -> tuple[np.uint64, np.uint64, bool]:
    """The class of one puzzle, claim i at `tokens[places[i] : places[i + 1]]`; False if it was given up."""
    stack = np.empty(places[people] - places[0] + 1, np.uint64)
    names = np.empty(people, np.uint64)
    fresh = np.empty(people, np.uint64)
    order = np.arange(people)
    colours = np.ones(people, np.uint64)
    if _refine(tokens, places, colours, order, stack, fresh) == people:
        for rank in range(people):
            names[order[rank]] = mix(np.uint64(rank) + GOLDEN)
        first = _form(tokens, places, names, _FIRST, stack)
        return first, _form(tokens, places, names, _SECOND, stack), True
    return _class_by_search(tokens, places, colours, order)


@kernel
def _class_by_search(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    colours: npt.NDArray[np.uint64],
    order: npt.NDArray[np.int64],
) -> tuple[np.uint64, np.uint64, bool]:
    """As `class_of`, from colours that leave some people alike: depth-first over who is made different."""
    people = len(colours)
    stack = np.empty(places[people] - places[0] + 1, np.uint64)
    names = np.empty(people, np.uint64)
    fresh = np.empty(people, np.uint64)
    levels = np.empty((people + 1, people), np.uint64)
    members = np.empty((people + 1, people), np.int64)
    counts = np.zeros(people + 1, np.int64)
    levels[0] = colours
    level = 0
    counts[0] = _to_tell_apart(tokens, places, levels[0], order, members[0], names, stack)
    best, second = ~np.uint64(0), ~np.uint64(0)
    leaves = 0
    while level >= 0:
        if counts[level] == 0:
            level -= 1
            continue
        counts[level] -= 1
        chosen = members[level, counts[level]]
        levels[level + 1] = levels[level]
        levels[level + 1, chosen] = mix(levels[level, chosen] ^ _SELF)
        if _refine(tokens, places, levels[level + 1], order, stack, fresh) < people:
            level += 1
            counts[level] = _to_tell_apart(tokens, places, levels[level], order, members[level], names, stack)
            continue
        leaves += 1
        if leaves > _MOST_LEAVES:
            return best, second, False
        for rank in range(people):
            names[order[rank]] = mix(np.uint64(rank) + GOLDEN)
        found = _form(tokens, places, names, _FIRST, stack)
        if found <= best:
            best, second = found, _form(tokens, places, names, _SECOND, stack)
    return best, second, True


@kernel
def _to_tell_apart(
    tokens: npt.NDArray[np.int16],
    places: npt.NDArray[np.int64],
    colours: npt.NDArray[np.uint64],
    order: npt.NDArray[np.int64],
    members: npt.NDArray[np.int64],
    names: npt.NDArray[np.uint64],
    stack: npt.NDArray[np.uint64],
) -> int:
    """Put people of the first smallest group of equal colours into `members`, one of all that can be exchanged."""
    people = len(colours)
    best_start, best_size = 0, people + 1
    start = 0
    for at in range(1, people + 1):
        if at == people or colours[order[at]] != colours[order[start]]:
            if 1 < at - start < best_size:
                best_start, best_size = start, at - start
            start = at
    count = 0
    for at in range(best_start, best_start + best_size):
        person = order[at]
        new = True
        for other in range(count):
            if new and _can_be_exchanged(tokens, places, members[other], person, names, stack):
                new = False
        if new:
            members[count] = person
            count += 1
    return count


@kernel
def _classes(tokens: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64], people: int) -> Any:
    size = (len(offsets) - 1) // people
    found = np.empty((size, 2), np.uint64)
    for row in range(size):
        first, second, fine = class_of(tokens, offsets[row * people : (row + 1) * people + 1], people)
        if not fine:
            return found, row
        found[row, 0], found[row, 1] = first, second
    return found, -1
