"""The exact numbers of puzzles and classes, against the published ones and against trying all."""

import math
from collections import Counter

import pytest

from tests.probes.puzzles.puzzle_checker import class_by_trying, solutions
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.counting import (
    agreement,
    all_claims,
    classes_with_one_solution,
    with_one_assignment,
)
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.stream import every_puzzle

REFERENCE = Grammar(constant=True)


def puzzles_with_one_solution(people: int, grammar: Grammar) -> int:
    return with_one_assignment(
        people,
        [
            Counter(agreement(people, speaker, claim) for claim in all_claims(people, speaker, grammar))
            for speaker in range(people)
        ],
    )


@pytest.mark.parametrize(
    ("people", "with_one", "in_all"), [(2, 399, 900), (3, 304_276, 729_000), (4, 440_885_525, 1_097_199_376)]
)
def test_the_reference_space_is_counted_exactly(people: int, with_one: int, in_all: int) -> None:
    assert puzzles_with_one_solution(people, REFERENCE) == with_one
    assert math.prod(len(all_claims(people, speaker, REFERENCE)) for speaker in range(people)) == in_all


@pytest.mark.parametrize("grammar", [REFERENCE, Grammar(), Grammar(depth=1)])
def test_classes_of_two_people_are_counted_as_by_trying(grammar: Grammar) -> None:
    puzzles = every_puzzle(2, grammar)
    assert len(puzzles) == puzzles_with_one_solution(2, grammar)
    tried = {class_by_trying(puzzles.claims(row)) for row in range(len(puzzles))}
    assert classes_with_one_solution(2, grammar) == len(tried)


def test_all_puzzles_of_three_people_fall_into_as_many_classes_as_counted() -> None:
    puzzles = every_puzzle(3, REFERENCE)
    assert len(puzzles) == 304_276
    hashes = classes(puzzles)
    assert len({(one, other) for one, other in hashes.tolist()}) == classes_with_one_solution(3, REFERENCE) == 15_088
    for row in range(0, len(puzzles), 20_011):
        assert solutions(puzzles.claims(row)) == [puzzles.solution[row].tolist()]
