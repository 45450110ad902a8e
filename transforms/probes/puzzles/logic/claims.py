"""Claims as flat arrays: one int16 token per node in prefix order, so that a batch of puzzles is a few NumPy arrays.

A leaf is a token of 0 or more: `2 * i` says that person i tells the truth, `2 * i + 1` that person i lies. An operator
is negative and is followed by its operands: `NOT` (one), `IMPLIES` and `IFF` (two), and any number k >= 2 of operands
for a conjunction, `-2 * k`, or a disjunction, `-2 * k - 1`. Claim i of a puzzle is what person i says; people count
from 0.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import kernel

NOT, IMPLIES, IFF = -1, -2, -3
MAX_PEOPLE = 100

Claim = tuple[Any, ...]
"""A claim as nested tuples, as the reference writes it: ('telling-truth', 0), ('and', ('lying', 1), ...), ..."""

_LEAVES = ("telling-truth", "lying")
_FIXED = {"not": NOT, "->": IMPLIES, "<=>": IFF}
_FIXED_NAMES = {token: name for name, token in _FIXED.items()}


@kernel
def arity(token: int) -> int:
    """Operands of a token: 0 for a leaf."""
    if token >= 0:
        return 0
    if token == -1:
        return 1
    return max(2, -token // 2)


@kernel
def claim_end(tokens: npt.NDArray[np.int16], start: int) -> int:
    """Position after the (sub)claim that begins at `start`."""
    open_operands = 1
    position = start
    while open_operands > 0:
        open_operands += arity(tokens[position]) - 1
        position += 1
    return position


@dataclass(frozen=True)
class Puzzles:
    """Puzzles with equally many people, each with exactly one solution.

    Attributes:
        people: people in a puzzle, n (2 to 100).
        index: int64[size], each puzzle's number among those of its n: with it, any random choice is made again alone.
        tokens: int16[], the claims one after another.
        offsets: int64[size * n + 1], where each begins: claim i of puzzle p is
            `tokens[offsets[p * n + i] : offsets[p * n + i + 1]]`.
        solution: bool[size, n], who is a knight.
    """

    people: int
    index: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int64]
    solution: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.index)

    def claims(self, puzzle: int) -> tuple[Claim, ...]:
        """The claims of one puzzle as nested tuples; for exports, tests and messages."""
        bounds = self.offsets[puzzle * self.people : (puzzle + 1) * self.people + 1]
        return tuple(
            nested(self.tokens[start:end]) for start, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True)
        )

    def take(self, rows: npt.NDArray[np.int64]) -> "Puzzles":
        """The puzzles of the given rows, int64[k], in that order."""
        tokens, offsets = take_claims(
            self.tokens, self.offsets, (rows[:, None] * self.people + np.arange(self.people)).ravel()
        )
        return Puzzles(self.people, self.index[rows], tokens, offsets, self.solution[rows])

    def with_claims(
        self,
        rows: npt.NDArray[np.int64],
        speakers: npt.NDArray[np.int64],
        claims: npt.NDArray[np.int16],
        places: npt.NDArray[np.int64],
        solution: npt.NDArray[np.bool_],
    ) -> "Puzzles":
        """The puzzles of the given rows, each with another claim for one speaker, and another solution.

        Args:
            rows: int64[k].
            speakers: int64[k], whose claim is replaced.
            claims: the new claims, one after another.
            places: int64[k + 1], where each begins.
            solution: bool[k, n].
        """
        chosen = (rows[:, None] * self.people + np.arange(self.people)).ravel()
        chosen[np.arange(len(rows)) * self.people + speakers] = len(self.offsets) - 1 + np.arange(len(rows))
        tokens = np.concatenate([self.tokens, claims])
        offsets = np.concatenate([self.offsets, self.offsets[-1] + places[1:]])
        taken, starts = take_claims(tokens, offsets, chosen)
        return Puzzles(self.people, self.index[rows], taken, starts, solution)


ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER, SUCCESS = range(5)


@dataclass(frozen=True)
class Traces:
    """What a depth-first solver did with each puzzle of a batch.

    Attributes:
        events: int16[steps, 4], kind, person, value, speaker:

            - `ASSIGN`, person, value, -1: `person` is taken for a knight (1) or a knave (0); nothing speaks against it.
            - `CONFLICT`, person, value, speaker: the same, but then the claim of `speaker` (who is assigned, and may be
              `person`) cannot be as true as `speaker` is truthful.
            - `EXHAUSTED`, person, -1, -1: `person` can be neither; the assignment is taken back.
            - `RECONSIDER`, person, -1, -1: the latest person that has a value left, of which the next event tells.
            - `SUCCESS`, -1, -1, -1: everyone is assigned.
        offsets: int64[size + 1], where each puzzle's events begin. A puzzle whose search went over the limit of steps
            has none.
    """

    events: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


@kernel
def take_claims(
    tokens: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64], rows: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.int64]]:
    """Tokens and offsets of the claims in the given rows, int64[k]."""
    starts = np.empty(len(rows) + 1, np.int64)
    starts[0] = 0
    for row in range(len(rows)):
        starts[row + 1] = starts[row] + offsets[rows[row] + 1] - offsets[rows[row]]
    taken = np.empty(starts[-1], np.int16)
    for row in range(len(rows)):
        taken[starts[row] : starts[row + 1]] = tokens[offsets[rows[row]] : offsets[rows[row] + 1]]
    return taken, starts


def flat(claim: Sequence[Any]) -> list[int]:
    """Tokens of a claim given as nested tuples or lists.

    Raises:
        ValueError: for an unknown operator, a wrong number of operands or a person outside 0 to 99.
    """
    name, *operands = claim
    if name in _LEAVES:
        if len(operands) != 1 or not isinstance(operands[0], int) or not 0 <= operands[0] < MAX_PEOPLE:
            raise ValueError(f"{claim!r}: a leaf names one person, 0 to {MAX_PEOPLE - 1}")
        return [2 * operands[0] + _LEAVES.index(name)]
    if name in _FIXED:
        if len(operands) != arity(_FIXED[name]):
            raise ValueError(f"{claim!r}: {name!r} takes {arity(_FIXED[name])} operands, found {len(operands)}")
        token = _FIXED[name]
    elif name in ("and", "or"):
        if len(operands) < 2:
            raise ValueError(f"{claim!r}: {name!r} takes 2 operands or more, found {len(operands)}")
        token = -2 * len(operands) - (name == "or")
    else:
        raise ValueError(f"{name!r} is unknown: a claim is one of {', '.join((*_LEAVES, *_FIXED, 'and', 'or'))}")
    return [token, *(one for operand in operands for one in flat(operand))]


def nested(tokens: npt.NDArray[np.int16] | Sequence[int]) -> Claim:
    """The claim of `tokens` as nested tuples: the inverse of `flat`."""
    return _nested(iter(int(token) for token in tokens))


def nested_all(tokens: npt.NDArray[np.int16] | Sequence[int]) -> tuple[Claim, ...]:
    """All claims in `tokens`, which follow one another: prefix order says where each ends."""
    left = iter(int(token) for token in tokens)
    claims = []
    while True:
        try:
            claims.append(_nested(left))
        except StopIteration:
            return tuple(claims)


def _nested(tokens: Iterator[int]) -> Claim:
    token = next(tokens)
    if token >= 0:
        return (_LEAVES[token & 1], token >> 1)
    name = _FIXED_NAMES.get(token, "or" if token & 1 else "and")
    return (name, *(_nested(tokens) for _ in range(arity(token))))


def puzzles_of(claims: Sequence[Sequence[Sequence[Any]]], solutions: Sequence[Sequence[bool]]) -> Puzzles:
    """A batch, numbered from 0, from nested claims and solutions: all puzzles have equally many people."""
    people = len(claims[0])
    parts = [flat(claim) for puzzle in claims for claim in puzzle]
    offsets = np.cumsum([0, *(len(part) for part in parts)], dtype=np.int64)
    tokens = np.array([token for part in parts for token in part], np.int16)
    return Puzzles(people, np.arange(len(claims)), tokens, offsets, np.array(solutions, np.bool_))
