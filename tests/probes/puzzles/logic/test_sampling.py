"""Drawn puzzles obey the rules, are distributed as they should be, and are made again alone."""

import math

import numpy as np
import numpy.typing as npt
import pytest

from tests.probes.puzzles.puzzle_checker import faults_of_puzzle, is_true, leaves, solutions
from transforms.base.errors import CorpusError
from transforms.base.kernels import kernel
from transforms.base.streams import stream_key, stream_start
from transforms.probes.puzzles.logic.claims import Claim, puzzles_of
from transforms.probes.puzzles.logic.drawing import draw_puzzle
from transforms.probes.puzzles.logic.grammar import BALANCED, Grammar
from transforms.probes.puzzles.logic.masks import only_bit, table_of
from transforms.probes.puzzles.logic.sampling import sample, sample_by_solver
from transforms.probes.puzzles.logic.solver import only_solution

SEED = b"a seed"


@pytest.mark.parametrize("people", [2, 3, 5, 8])
def test_puzzles_have_one_solution_and_no_faulty_claim(people: int) -> None:
    puzzles = sample(people, SEED, np.arange(300), Grammar())
    for row in range(len(puzzles)):
        assert faults_of_puzzle(puzzles.claims(row), puzzles.solution[row].tolist()) == []


def test_deep_and_wide_claims_obey_the_rules_and_reach_their_bounds() -> None:
    puzzles = sample(6, SEED, np.arange(150), Grammar(depth=4, width=3))
    for row in range(len(puzzles)):
        assert faults_of_puzzle(puzzles.claims(row), puzzles.solution[row].tolist()) == []
    claims = [claim for row in range(len(puzzles)) for claim in puzzles.claims(row)]
    assert max(map(_depth, claims)) == 4
    assert max(map(_width, claims)) == 3


def _depth(claim: Claim) -> int:
    return 1 if claim[0] in ("telling-truth", "lying") else 1 + max(map(_depth, claim[1:]))


def _width(claim: Claim) -> int:
    return 1 if claim[0] in ("telling-truth", "lying") else max(len(claim) - 1, *map(_width, claim[1:]))


def test_a_puzzle_depends_on_its_number_alone() -> None:
    together = sample(8, SEED, np.arange(100), Grammar())
    alone = sample(8, SEED, np.array([77, 3]), Grammar())
    assert [alone.claims(0), alone.claims(1)] == [together.claims(77), together.claims(3)]
    assert sample(8, b"another", np.array([77]), Grammar()).claims(0) != together.claims(77)


@pytest.mark.parametrize(("people", "share"), [(2, 0.4097), (3, 0.3825), (4, 0.3654)])
def test_as_many_candidates_have_one_solution_as_the_reference_has(people: int, share: float) -> None:
    candidates = 1_000_000
    standard_error = math.sqrt(share * (1 - share) / candidates)
    key, limits = stream_key(SEED, "candidates", people), Grammar(constant=True).limits
    found = _with_one_solution(key, candidates, people, limits, *table_of(people)) / candidates
    # The published shares are rounded to four digits.
    assert abs(found - share) < 3 * standard_error + 0.00005


@kernel
def _with_one_solution(
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


def test_claims_follow_the_die() -> None:
    puzzles = sample(12, SEED, np.arange(2000), Grammar(constant=True))
    kinds = [claim[0] for row in range(len(puzzles)) for claim in puzzles.claims(row)]
    for kind in ("not", "and", "or", "->", "<=>"):
        # Not exactly a sixth: which candidates have one solution depends on their claims.
        assert 0.12 < kinds.count(kind) / len(kinds) < 0.22, kind


def test_knights_are_balanced_on_request() -> None:
    puzzles = sample(5, SEED, np.arange(6000), Grammar(), BALANCED)
    counts = np.bincount(puzzles.solution.sum(axis=1), minlength=6)
    assert (np.abs(counts - 1000) < 4 * math.sqrt(1000)).all()
    assert (sample(5, SEED, np.arange(50), Grammar(), 4).solution.sum(axis=1) == 4).all()


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="3 different leaves"):
        sample(2, SEED, np.arange(1), Grammar(width=4))
    with pytest.raises(CorpusError, match="candidates of 2 people held no puzzle with one solution, of 0 knights"):
        # Of two liars each could only say a leaf that is false: that the other, or they themselves, tell the truth;
        # but then two knights would agree with the claims as well.
        sample(2, SEED, np.arange(1), Grammar(depth=1), 0)


def test_the_solver_draws_what_the_table_draws() -> None:
    table = sample(8, SEED, np.arange(60), Grammar(depth=3, width=3))
    solver = sample_by_solver(8, stream_key(SEED, "claims", 8), np.arange(60), Grammar(3, 3), np.full(60, -1))
    assert np.array_equal(table.tokens, solver.tokens)
    assert np.array_equal(table.solution, solver.solution)


def test_the_solver_knows_how_many_solutions_there_are() -> None:
    none = [("lying", 1), ("telling-truth", 0)]
    two = [("telling-truth", 1), ("telling-truth", 0)]
    one = [("and", ("telling-truth", 1), ("lying", 1)), ("lying", 0)]
    assert [len(solutions(claims)) for claims in (none, two, one)] == [0, 2, 1]
    for claims, expected in ((none, None), (two, None), (one, [False, True])):
        batch = puzzles_of([claims], [[False, False]])
        assert only_solution(batch.tokens, batch.offsets) == expected


def test_a_hundred_people() -> None:
    puzzles = sample(100, SEED, np.arange(3), Grammar())
    for row in range(len(puzzles)):
        knight = puzzles.solution[row : row + 1]
        for speaker, claim in enumerate(puzzles.claims(row)):
            assert is_true(claim, knight)[0] == knight[0, speaker]
            assert ("lying", speaker) not in leaves(claim)
