"""The steps of the depth-first solver are sound, and lead to the solution."""

import numpy as np
import pytest

from tests.probes.puzzles.puzzle_checker import assignments, is_true
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER, SUCCESS, puzzles_of
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import difficulty, search

GRAMMARS = [
    (3, Grammar()),
    (8, Grammar()),
    (2, Grammar(constant=True)),
    (5, Grammar(constant=True)),
    (5, Grammar(depth=3, width=3)),
    (6, Grammar(depth=3, constant=True)),
    (4, Grammar(depth=5)),
    (7, Grammar(depth=4, width=4, constant=True)),
]


@pytest.mark.parametrize(("people", "grammar"), GRAMMARS)
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
            if kind == ASSIGN:
                for one in roles:
                    assert (inside & agree[one]).any(), "the line says that no statement rules it out, but one does"
            if kind in (EXHAUSTED, RECONSIDER):
                roles.pop(person)
            if kind == CONFLICT and value == 1:
                continue
        assert kind == SUCCESS
        assert [bool(roles[person]) for person in range(people)] == puzzles.solution[row].tolist()
        assert (measured.nodes[row], measured.propagation[row]) == (nodes, deepest)
    assert np.array_equal(measured.knights, puzzles.solution.sum(axis=1))


def test_a_claim_that_is_decided_only_by_trying_all_roles_is_seen_to_contradict() -> None:
    # Whatever 1 and 2 are, the first claim is false; Kleene's rules do not see that.
    same = ("<=>", ("telling-truth", 1), ("telling-truth", 2))
    never = ("and", same, ("not", ("<=>", ("telling-truth", 2), ("telling-truth", 1))))
    puzzles = puzzles_of([[never, ("telling-truth", 0), ("telling-truth", 1)]], [[False] * 3])
    assert search(puzzles).events[0].tolist() == [CONFLICT, 0, 1, 0]


def test_a_search_that_would_have_to_try_too_much_has_no_steps() -> None:
    # Twenty-one people, each mentioned twice, in a claim that is true whatever they are.
    pairs = [("or", ("telling-truth", one), ("lying", one)) for one in range(1, 22)]
    always = ("and", *(("not", ("not", pair)) for pair in pairs))
    lies = [("lying", 0)] * 21
    puzzles = puzzles_of([[("not", always), *lies]], [[False] + [True] * 21])
    assert len(search(puzzles).events) == 0
    assert difficulty(puzzles, search(puzzles)).nodes.tolist() == [-1]


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
