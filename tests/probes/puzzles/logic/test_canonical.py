"""Puzzles are of one class exactly if a renaming of people makes them the same."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.probes.puzzles.puzzle_checker import class_by_trying, renamed
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.claims import Claim, puzzles_of
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample

HUNDRED = sample(100, b"canonical", np.arange(3), Grammar())
EIGHT = sample(8, b"canonical", np.arange(200), Grammar(depth=3, width=3))


def _turned(claim: Claim, random: np.random.Generator) -> Claim:
    """The claim with commuting operands in any order."""
    if claim[0] in ("telling-truth", "lying"):
        return claim
    operands = [_turned(operand, random) for operand in claim[1:]]
    if claim[0] in ("and", "or", "<=>"):
        random.shuffle(operands)
    return (claim[0], *operands)


@pytest.mark.parametrize("people", [2, 3, 4])
def test_hashes_are_equal_exactly_where_renamings_are(people: int) -> None:
    puzzles = sample(people, b"canonical", np.arange(600), Grammar(constant=True))
    tried = [class_by_trying(puzzles.claims(row)) for row in range(len(puzzles))]
    hashed = [tuple(one) for one in classes(puzzles).tolist()]
    assert len(set(tried)) == len(set(hashed)) == len(set(zip(tried, hashed, strict=True)))


@given(row=st.integers(0, 199), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=100)
def test_eight_people_keep_their_class_under_any_renaming_and_lose_it_with_any_leaf(row: int, seed: int) -> None:
    own, renamed_one, changed = _three_classes(EIGHT.claims(row), seed)
    assert own == renamed_one
    assert own != changed


@given(row=st.integers(0, 2), seed=st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_a_hundred_people_keep_their_class_under_any_renaming_and_lose_it_with_any_leaf(row: int, seed: int) -> None:
    own, renamed_one, changed = _three_classes(HUNDRED.claims(row), seed)
    assert own == renamed_one
    assert own != changed


def _three_classes(claims: tuple[Claim, ...], seed: int) -> list[list[int]]:
    """Of a puzzle; of the same under other names, with operands in another order; and of that with one leaf turned.

    The last has one more leaf that says "lying", or one fewer, so no renaming makes it the first.
    """
    random = np.random.default_rng(seed)
    other = renamed([_turned(claim, random) for claim in claims], random.permutation(len(claims)).tolist())
    at = int(random.integers(len(other)))
    changed = (*other[:at], _first_leaf_turned(other[at]), *other[at + 1 :])
    found: list[list[int]] = classes(puzzles_of([claims, other, changed], [[False] * len(claims)] * 3)).tolist()
    return found


def _first_leaf_turned(claim: Claim) -> Claim:
    if claim[0] in ("telling-truth", "lying"):
        return ("lying" if claim[0] == "telling-truth" else "telling-truth", claim[1])
    return (claim[0], _first_leaf_turned(claim[1]), *claim[2:])


def test_symmetries_are_seen_through() -> None:
    # Twenty who are alike can be put in more orders than could be tried.
    star: list[Claim] = [("lying", 1), *[("lying", 0)] * 20]
    ring: list[Claim] = [("lying", (person + 1) % 9) for person in range(9)]
    for claims in (star, ring):
        for seed in range(5):
            own, renamed_one, changed = _three_classes(tuple(claims), seed)
            assert own == renamed_one
            assert own != changed
    threes: list[Claim] = [("lying", 3 * (person // 3) + (person + 1) % 3) for person in range(9)]
    hashes = classes(puzzles_of([ring, threes], [[False] * 9] * 2)).tolist()
    assert hashes[0] != hashes[1], "colour refinement alone takes a ring of nine for three rings of three"


def test_no_two_of_many_puzzles_share_a_hash_by_accident() -> None:
    puzzles = sample(8, b"canonical", np.arange(50_000), Grammar())
    found = classes(puzzles)
    assert len(np.unique(found[:, 0])) == len(np.unique(found[:, 1]))
    again, counts = np.unique(found[:, 0], return_counts=True)
    for value in again[counts > 1]:
        rows = np.flatnonzero(found[:, 0] == value)
        for one, other in itertools.pairwise(rows.tolist()):
            assert sorted(map(str, puzzles.solution[one])) == sorted(map(str, puzzles.solution[other]))
