"""Every free choice of a puzzle's text, as arrays: names, roles, order and templates, one random stream per choice.

A choice depends on the seed, the number of people, the puzzle's number and what is chosen, and on nothing else. So the
perturbations of a puzzle, which have its number, are worded as it is; and a variant of the wording differs from the
original in one of the arrays, bit by bit equal in the others.
"""

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.kernels import kernel
from transforms.base.streams import below, stream_key, stream_start, stream_word
from transforms.probes.puzzles.language.language import Language
from transforms.probes.puzzles.logic.claims import MAX_PEOPLE

VARIANTS = ("original", "role_pair", "flipped", "uncommon", "reordered")
"""What `draw` can change: nothing; the role pair; which role tells the truth; the names; the order of statements."""

_I16 = npt.NDArray[np.int16]
_I64 = npt.NDArray[np.int64]
_U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Wording:
    """How the puzzles of a batch are put into words.

    Attributes:
        language: names, roles and templates; the arrays hold their numbers.
        names: int16[size, n], each person's name: a common one, or that of an uncommon one after all common ones.
        pair: int16[size], the roles.
        flipped: bool[size]; where true, the role that usually lies is the one that tells the truth.
        order: int16[size, n], the speakers in the order of their statements.
        intro: int16[size], the template before the statements.
        question: int16[size], the template after them.
        says: int16[size, n], the template of each person's statement.
        phrases: uint64[size], start of the stream that picks the phrase of each operator.
        thoughts: uint64[size], start of the stream that picks the sentence of each step of a chain of thought.
    """

    language: Language
    names: _I16
    pair: _I16
    flipped: npt.NDArray[np.bool_]
    order: _I16
    intro: _I16
    question: _I16
    says: _I16
    phrases: _U64
    thoughts: _U64

    def __len__(self) -> int:
        return len(self.pair)

    def take(self, rows: _I64) -> "Wording":
        """The wording of the given rows, int64[k], in that order."""
        arrays = {one.name: getattr(self, one.name)[rows] for one in dataclasses.fields(self) if one.name != "language"}
        return dataclasses.replace(self, **arrays)

    def first_people(self, people: int) -> "Wording":
        """The wording of only the first people of each puzzle; for texts that name people, not for whole puzzles."""
        names, order, says = (np.ascontiguousarray(array[:, :people]) for array in (self.names, self.order, self.says))
        return dataclasses.replace(self, names=names, order=order, says=says)

    def name_lists(self) -> pa.ListArray:
        """list<large_string>[size], the names of each puzzle's people."""
        language = self.language
        names = pa.array([name for name, _ in language.common + language.uncommon], pa.large_string())
        size, people = self.names.shape
        offsets = np.arange(size + 1, dtype=np.int32) * np.int32(people)
        return pa.ListArray.from_arrays(pa.array(offsets), names.take(pa.array(self.names.ravel())))

    def roles(self) -> tuple[pa.LargeStringArray, pa.LargeStringArray]:
        """The role of those who tell the truth, and of those who lie, with its article, in each puzzle."""
        words = [role.a[-1] for pair in self.language.roles for role in (pair.truth, pair.lie)]
        table = pa.array(words, pa.large_string())
        truth = 2 * self.pair.astype(np.int64) + self.flipped
        return table.take(pa.array(truth)), table.take(pa.array(truth ^ 1))


def draw(index: _I64, people: int, language: Language, seed: bytes, variant: str = "original") -> Wording:
    """The wording of puzzles by their numbers.

    The original has the first of the language's role pairs. "role_pair" has another one; "uncommon" gives everyone an
    uncommon name of the same gender; "reordered" has the statements in another order than that of the people.

    Args:
        index: int64[size], the puzzles' numbers.
        people: people in each, n, 2 to 100.
        language: the language.
        seed: at most 64 bytes.
        variant: one of `VARIANTS`.

    Raises:
        ValueError: for another variant or another number of people.
    """
    if variant not in VARIANTS:
        raise ValueError(f"no variant {variant!r}: choose from {', '.join(VARIANTS)}")
    if not 2 <= people <= MAX_PEOPLE:
        raise ValueError(f"{people} people: a puzzle has 2 to {MAX_PEOPLE}")
    index = np.ascontiguousarray(index, np.int64)
    size = len(index)

    def key(purpose: str) -> np.uint64:
        return stream_key(seed, "wording", language.tag, people, purpose)

    def numbers(purpose: str, bound: int, each: int = 1) -> _I16:
        drawn: _I16 = _numbers(key(purpose), index, bound, each)
        return drawn

    names = _common_names(key("names"), index, people, len(language.common))
    original = Wording(
        language,
        names,
        np.zeros(size, np.int16),
        np.zeros(size, np.bool_),
        np.tile(np.arange(people, dtype=np.int16), (size, 1)),
        numbers("intro", len(language.templates["quiz.intro"]))[:, 0],
        numbers("question", len(language.templates["quiz.question"]))[:, 0],
        numbers("says", len(language.templates["quiz.says"]), people),
        _starts(key("phrases"), index),
        _starts(key("thoughts"), index),
    )
    if variant == "role_pair":
        return dataclasses.replace(original, pair=1 + numbers("role pair", len(language.roles) - 1)[:, 0])
    if variant == "flipped":
        return dataclasses.replace(original, flipped=np.ones(size, np.bool_))
    if variant == "uncommon":
        gender = np.array([number for _, number in language.common], np.int16)
        first = np.searchsorted([number for _, number in language.uncommon], np.arange(len(language.genders) + 1))
        uncommon = _uncommon_names(key("uncommon names"), index, gender[names], first)
        return dataclasses.replace(original, names=uncommon + np.int16(len(language.common)))
    if variant == "reordered":
        return dataclasses.replace(original, order=_orders(key("order"), index, people))
    return original


@kernel
def _numbers(key: np.uint64, index: _I64, bound: int, each: int) -> _I16:
    """int16[size, each], uniform in 0 .. bound - 1."""
    out = np.empty((len(index), each), np.int16)
    for row in range(len(index)):
        start = stream_start(key, index[row])
        for at in range(each):
            out[row, at] = below(stream_word(start, at), bound)
    return out


@kernel
def _starts(key: np.uint64, index: _I64) -> _U64:
    out = np.empty(len(index), np.uint64)
    for row in range(len(index)):
        out[row] = stream_start(key, index[row])
    return out


@kernel
def _common_names(key: np.uint64, index: _I64, people: int, size: int) -> _I16:
    """int16[size, people]: for each puzzle different numbers in 0 .. size - 1, by the first swaps of a shuffle."""
    out = np.empty((len(index), people), np.int16)
    fresh = np.arange(size).astype(np.int16)
    deck = np.empty(size, np.int16)
    for row in range(len(index)):
        start = stream_start(key, index[row])
        deck[:] = fresh
        for at in range(people):
            other = at + below(stream_word(start, at), size - at)
            deck[at], deck[other] = deck[other], deck[at]
            out[row, at] = deck[at]
    return out


@kernel
def _uncommon_names(key: np.uint64, index: _I64, gender: _I16, first: _I64) -> _I16:
    """Like `_common_names`, each of the wanted gender: those of gender g are `first[g]` to `first[g + 1] - 1`."""
    people = gender.shape[1]
    out = np.empty((len(index), people), np.int16)
    fresh = np.arange(first[-1]).astype(np.int16)
    deck = np.empty(first[-1], np.int16)
    taken = np.empty(len(first), np.int64)
    for row in range(len(index)):
        start = stream_start(key, index[row])
        deck[:] = fresh
        taken[:] = first
        for at in range(people):
            of = gender[row, at]
            place = taken[of]
            taken[of] += 1
            other = place + below(stream_word(start, at), first[of + 1] - place)
            deck[place], deck[other] = deck[other], deck[place]
            out[row, at] = deck[place]
    return out


@kernel
def _orders(key: np.uint64, index: _I64, people: int) -> _I16:
    """int16[size, people]: an order of 0 .. people - 1 that is not theirs, uniform among those."""
    out = np.empty((len(index), people), np.int16)
    for row in range(len(index)):
        start = stream_start(key, index[row])
        counter = 0
        moved = False
        while not moved:
            for at in range(people):
                out[row, at] = at
            for at in range(people - 1):
                other = at + below(stream_word(start, counter), people - at)
                counter += 1
                moved |= other != at
                out[row, at], out[row, other] = out[row, other], out[row, at]
    return out
