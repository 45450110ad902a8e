"""How many puzzles there are, exactly: dynamic programming over the masks of assignments that agree with all claims.

What is counted are puzzles whose claims have at most two levels and two operands, for up to four people: all
assignments are then 16 bits, and there are at most as many masks as those have values.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from transforms.probes.puzzles.logic.claims import IMPLIES
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.masks import claim_mask, table_of
from transforms.probes.puzzles.logic.small_claims import small_claim, small_claims

MOST_COUNTED = 4

Tokens = tuple[int, ...]


def can_be_counted(people: int, grammar: Grammar) -> bool:
    """Whether this module knows how many puzzles there are."""
    return people <= MOST_COUNTED and (grammar.depth == 1 or (grammar.depth == 2 and grammar.width == 2))


def all_claims(people: int, speaker: int, grammar: Grammar) -> list[Tokens]:
    """Every claim that a speaker may make, operands in both orders."""
    room = np.empty(3, np.int16)
    claims = []
    for number in range(small_claims(people, grammar.depth)):
        length = small_claim(number, people, speaker, room)
        claim = tuple(room[:length].tolist())
        if grammar.constant or 0 < _truth(people, claim) < (1 << (1 << people)) - 1:
            claims.append(claim)
    return claims


def classes_with_one_solution(people: int, grammar: Grammar) -> int:
    """Classes of such puzzles under renaming of people, order of claims and order of commuting operands.

    By Burnside's lemma: the mean, over all renamings, of the puzzles that a renaming leaves as they are.
    """
    claims = [{_ordered(claim) for claim in all_claims(people, speaker, grammar)} for speaker in range(people)]
    total = 0
    for renaming in itertools.permutations(range(people)):
        choices = []
        for cycle in _cycles(renaming):
            kept: Counter[int] = Counter()
            for claim in claims[cycle[0]]:
                mask, said = -1, claim
                for speaker in cycle:
                    mask &= agreement(people, speaker, said)
                    said = _renamed(said, renaming)
                if said == claim:
                    kept[mask] += 1
            choices.append(kept)
        total += with_one_assignment(people, choices)
    return total // math.factorial(people)


def with_one_assignment(people: int, choices: list[Counter[int]]) -> int:
    """Ways to choose one mask of each counter so that exactly one assignment is in all of them."""
    reached: Counter[int] = Counter({(1 << (1 << people)) - 1: 1})
    for choice in choices:
        narrowed: Counter[int] = Counter()
        for before, ways in reached.items():
            for mask, more in choice.items():
                if before & mask:
                    narrowed[before & mask] += ways * more
        reached = narrowed
    return sum(ways for mask, ways in reached.items() if mask.bit_count() == 1)


def _truth(people: int, claim: Tokens) -> int:
    table, every = table_of(people)
    stack = np.empty((len(claim) + 1, 1), np.uint64)
    claim_mask(np.array(claim, np.int16), 0, len(claim), table, every, stack)
    return int(stack[0, 0])


def agreement(people: int, speaker: int, claim: Tokens) -> int:
    """Mask of the assignments in which the speaker is a knight exactly if the claim is true."""
    table, every = table_of(people)
    return int(every[0]) ^ _truth(people, claim) ^ int(table[speaker, 0])


def _ordered(claim: Tokens) -> Tokens:
    """The claim with commuting operands in order; it has at most two levels."""
    if len(claim) == 3 and claim[0] != IMPLIES:
        return (claim[0], *sorted(claim[1:]))
    return claim


def _renamed(claim: Tokens, renaming: tuple[int, ...]) -> Tokens:
    return _ordered(tuple(2 * renaming[token // 2] + token % 2 if token >= 0 else token for token in claim))


def _cycles(renaming: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    left = set(range(len(renaming)))
    while left:
        person = min(left)
        cycle = []
        while person in left:
            left.remove(person)
            cycle.append(person)
            person = renaming[person]
        yield tuple(cycle)
