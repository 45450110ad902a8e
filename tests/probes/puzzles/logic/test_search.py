"""The steps of the depth-first solver are sound, and lead to the solution."""

import numpy as np
import pytest

from tests.probes.puzzles.puzzle_checker import assignments, is_true
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER, SUCCESS, puzzles_of
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import difficulty, search


@pytest.mark.parametrize(("people", "grammar"), [(3, Grammar()), (5, Grammar(depth=3, width=3)), (8, Grammar())])
def test_every_step_follows_from_the_claims(people: int, grammar: Grammar) -> None:
    puzzles = sample(people, b"search", np.arange(150), grammar)
    traces = search(puzzles)
    measured = difficulty(puzzles, traces)
    knight = assignments(people)
    for row in range(len(puzzles)):
        claims = puzzles.claims(row)
        agree = [is_true(claim, knight) == knight[:, person] for person, claim in enumerate(claims)]
        roles: dict[int, int] = {}
        nodes = deepest = 0
        for kind, person, value, speaker in traces.events[traces.offsets[row] : traces.offsets[row + 1]].tolist():
            if kind in (ASSIGN, CONFLICT):
                nodes += 1
                roles[person] = value
                inside = np.logical_and.reduce([knight[:, one] == given for one, given in roles.items()])
            if kind == CONFLICT:
                assert speaker in roles
                assert not (inside & agree[speaker]).any(), "the speaker's claim can still hold"
                deepest = max(deepest, len(roles))
            if kind in (EXHAUSTED, RECONSIDER):
                roles.pop(person)
            if kind == CONFLICT and value == 1:
                continue
        assert kind == SUCCESS
        assert [bool(roles[person]) for person in range(people)] == puzzles.solution[row].tolist()
        assert (measured.nodes[row], measured.propagation[row]) == (nodes, deepest)
    assert np.array_equal(measured.knights, puzzles.solution.sum(axis=1))


def test_a_search_over_its_limit_has_no_steps() -> None:
    puzzles = sample(8, b"search", np.arange(50), Grammar())
    traces = search(puzzles, most_steps=20)
    lengths = np.diff(traces.offsets)
    assert (lengths <= 20).all()
    assert (lengths == 0).any()
    assert np.array_equal(difficulty(puzzles, traces).nodes < 0, lengths == 0)


def test_depth_and_width_are_those_of_the_deepest_and_the_widest_claim() -> None:
    claims = [("not", ("and", ("lying", 1), ("telling-truth", 1), ("lying", 2))), ("lying", 0), ("lying", 0)]
    puzzles = puzzles_of([claims, [("lying", 1), ("lying", 0), ("not", ("lying", 0))]], [[False] * 3] * 2)
    measured = difficulty(puzzles, search(puzzles))
    assert measured.depth.tolist() == [3, 2]
    assert measured.width.tolist() == [3, 1]
