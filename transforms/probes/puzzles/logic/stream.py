"""Where puzzles come from: for each number of people an ordered stream, every part of which can be made again alone.

For two and three people there are so few classes that the stream is all of them, each once, in the order of a keyed
hash. For more people it is drawn, and a class may come again.
"""

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from transforms.base.streams import stream_key
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.claims import Puzzles, take_claims
from transforms.probes.puzzles.logic.counting import all_claims, can_be_counted
from transforms.probes.puzzles.logic.grammar import ANY_KNIGHTS, BALANCED, Grammar
from transforms.probes.puzzles.logic.masks import claim_mask, table_of
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.splits import mixed

MOST_LISTED = 3


@dataclass(frozen=True)
class PuzzleStream:
    """The stream of puzzles of one size.

    Attributes:
        people: n, 2 to 100.
        seed: at most 64 bytes.
        grammar: which claims there are.
        knights: how many people are knights: a number, `ANY_KNIGHTS` or `BALANCED` (each number equally often, as far
            as there are enough).
    """

    people: int
    seed: bytes
    grammar: Grammar = field(default_factory=Grammar)
    knights: int = ANY_KNIGHTS

    def __post_init__(self) -> None:
        self.grammar.check(self.people)
        if self.knights not in (ANY_KNIGHTS, BALANCED) and not 0 <= self.knights <= self.people:
            raise ValueError(f"{self.knights} knights among {self.people} people: give 0 to {self.people}")

    @property
    def size(self) -> int | None:
        """Puzzles in the stream, all of different classes; None if it does not end."""
        return len(_listed(self)) if self._is_listed else None

    @property
    def _is_listed(self) -> bool:
        return self.people <= MOST_LISTED and can_be_counted(self.people, self.grammar)

    def puzzles(self, index: npt.NDArray[np.int64]) -> Puzzles:
        """The puzzles with these numbers, int64[k], in any order."""
        if self._is_listed:
            return _listed(self).take(index)
        return sample(self.people, self.seed, index, self.grammar, self.knights)


@lru_cache(maxsize=8)
def _listed(stream: PuzzleStream) -> Puzzles:
    """One puzzle of each class, in the order of a keyed hash."""
    found = every_puzzle(stream.people, stream.grammar)
    order = np.argsort(mixed(found.index.astype(np.uint64), stream_key(stream.seed, "claims", stream.people)))
    found = found.take(order)
    if stream.knights >= 0:
        found = found.take(np.flatnonzero(found.solution.sum(axis=1) == stream.knights))
    _, first = np.unique(classes(found)[:, 0], return_index=True)
    found = found.take(np.sort(first))
    if stream.knights == BALANCED:
        found = found.take(_in_turn(found.solution.sum(axis=1)))
    return Puzzles(stream.people, np.arange(len(found)), found.tokens, found.offsets, found.solution)


def _in_turn(group: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """An order in which groups take turns until each is used up; within a group the order stays."""
    rank = np.empty(len(group), np.int64)
    for value in np.unique(group):
        members = np.flatnonzero(group == value)
        rank[members] = np.arange(len(members))
    return np.argsort(rank, kind="stable")


def every_puzzle(people: int, grammar: Grammar) -> Puzzles:
    """All puzzles with exactly one solution, numbered from 0; for two or three people."""
    table, every = table_of(people)
    claims: list[tuple[int, ...]] = []
    firsts: list[int] = []
    agree: list[npt.NDArray[np.uint8]] = []
    stack = np.empty((4, 1), np.uint64)
    for speaker in range(people):
        firsts.append(len(claims))
        said = all_claims(people, speaker, grammar)
        claims += said
        masks = []
        for claim in said:
            claim_mask(np.array(claim, np.int16), 0, len(claim), table, every, stack)
            masks.append(int(every[0] ^ stack[0, 0] ^ table[speaker, 0]))
        agree.append(np.array(masks, np.uint8))
    together = agree[0]
    for masks_of_next in agree[1:]:
        together = together[..., None] & masks_of_next
    chosen = np.argwhere((together != 0) & (together & (together - 1) == 0))
    masks_found = together[tuple(chosen.T)]
    bit = np.log2(masks_found).astype(np.int64)
    offsets = np.cumsum([0, *(len(claim) for claim in claims)], dtype=np.int64)
    tokens = np.array([token for claim in claims for token in claim], np.int16)
    taken, starts = take_claims(tokens, offsets, (chosen + np.array(firsts)).ravel())
    solution = (bit[:, None] >> np.arange(people) & 1).astype(np.bool_)
    return Puzzles(people, np.arange(len(chosen)), taken, starts, solution)
