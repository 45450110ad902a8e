"""Edits change one thing, do what was asked, and where there is none there is none."""

import itertools
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

from tests.probes.puzzles.puzzle_checker import (
    class_by_trying,
    faults_of_claim,
    faults_of_edit,
    leaves,
    shape,
    solutions,
)
from transforms.probes.puzzles.edits.arrays import FOUND, NONE
from transforms.probes.puzzles.edits.edit import EditRequest, Edits, edit
from transforms.probes.puzzles.items import ItemConfig, edit_all
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.claims import Puzzles, flat, puzzles_of
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import difficulty, search
from transforms.probes.puzzles.splits import SPLITS, Splits

SEED = b"edits"
SPLIT = Splits(SEED)
CONFIG = ItemConfig(SEED, SPLIT.bounds("perturbation"))


def _checked(puzzles: Puzzles, edits: dict[str, Edits]) -> None:
    for kind, found in edits.items():
        for at, row in enumerate(found.rows.tolist()):
            assert (
                faults_of_edit(
                    kind,
                    puzzles.claims(row),
                    puzzles.solution[row].tolist(),
                    found.puzzles.claims(at),
                    found.puzzles.solution[at].tolist(),
                    int(found.hamming[row]),
                )
                == []
            ), (kind, puzzles.claims(row), found.puzzles.claims(at))


@pytest.mark.parametrize(
    ("people", "grammar", "size"),
    [(2, Grammar(), 59), (3, Grammar(), 500), (5, Grammar(depth=3, width=3), 200), (8, Grammar(), 400)],
)
def test_edits_are_valid_by_the_rules_alone(people: int, grammar: Grammar, size: int) -> None:
    puzzles = sample(people, SEED, np.arange(size), grammar)
    config = ItemConfig(SEED, SPLIT.bounds("perturbation"), grammar)
    edits = edit_all(puzzles, classes(puzzles), config).edits
    _checked(puzzles, edits)
    for found in edits.values():
        inside = SPLIT.of(found.classes[found.rows])
        assert (inside == SPLITS.index("perturbation")).all()
        assert np.array_equal(classes(found.puzzles), found.classes[found.rows])


@lru_cache(maxsize=4)
def _all_claims(people: int, speaker: int) -> list[Any]:
    """Every claim of two levels and two operands, from the rules."""
    ground = [(kind, person) for kind in ("telling-truth", "lying") for person in range(people)]
    claims: list[Any] = [*ground, *(("not", leaf) for leaf in ground)]
    claims += [(kind, *pair) for kind in ("and", "or", "->", "<=>") for pair in itertools.product(ground, repeat=2)]
    return [claim for claim in claims if not faults_of_claim(claim, speaker, people)]


def _exists(claims: tuple[Any, ...], solution: list[bool], kind: str, own: str, speaker: int | None = None) -> bool:
    """Whether trying every claim of every speaker gives an edit within the split."""
    people = len(claims)
    for person in range(people) if speaker is None else (speaker,):
        for claim in _all_claims(people, person):
            if claim == claims[person] or (kind == "leaf" and not _one_leaf_off(claim, claims[person])):
                continue
            after = (*claims[:person], claim, *claims[person + 1 :])
            found = solutions(after)
            if len(found) != 1 or (found[0] == solution) != (kind == "control"):
                continue
            hashed = classes(puzzles_of([after], found))
            if SPLIT.of(hashed)[0] == SPLITS.index("perturbation") and class_by_trying(after) != own:
                return True
    return False


def _one_leaf_off(claim: Any, other: Any) -> bool:
    return shape(claim) == shape(other) and sum(map(_differ, leaves(claim), leaves(other))) == 1


def _differ(one: object, other: object) -> bool:
    return one != other


@pytest.mark.parametrize("people", [2, 3])
def test_none_means_that_trying_all_finds_none(people: int) -> None:
    puzzles = sample(people, SEED, np.arange(59 if people == 2 else 40), Grammar())
    edits = edit_all(puzzles, classes(puzzles), CONFIG).edits
    for kind in ("statement", "leaf"):
        for row in range(len(puzzles)):
            claims, solution = puzzles.claims(row), puzzles.solution[row].tolist()
            there = _exists(claims, solution, kind, class_by_trying(claims))
            assert edits[kind].status[row] == (FOUND if there else NONE), (kind, claims)
    for row in edits["statement"].rows.tolist():
        claims, solution = puzzles.claims(row), puzzles.solution[row].tolist()
        there = _exists(claims, solution, "control", class_by_trying(claims), int(edits["statement"].speaker[row]))
        assert edits["control"].status[row] == (FOUND if there else NONE), claims


def test_there_are_some_of_which_there_is_none() -> None:
    puzzles = sample(3, SEED, np.arange(300), Grammar())
    edits = edit_all(puzzles, classes(puzzles), CONFIG).edits
    assert 0 < (edits["leaf"].status == NONE).sum() < 300
    assert len(edits["leaf"].puzzles) == len(edits["leaf"].rows) == (edits["leaf"].status == FOUND).sum()


@pytest.mark.parametrize("hamming", [1, 3, 6])
def test_as_many_roles_change_as_asked(hamming: int) -> None:
    puzzles = sample(6, SEED, np.arange(200), Grammar())
    for kind in ("statement", "leaf"):
        found = edit(puzzles, classes(puzzles), SEED, Grammar(), EditRequest(kind, hamming))
        assert len(found.rows) > 5
        assert (found.hamming[found.rows] == hamming).all()
        _checked(puzzles, {kind: found})


def test_a_minimal_edit_is_never_longer_than_another() -> None:
    puzzles = sample(6, SEED, np.arange(150), Grammar())
    own = classes(puzzles)
    least = edit(puzzles, own, SEED, Grammar(), EditRequest("statement", minimal=True))
    _checked(puzzles, {"statement": least})
    for kind in ("statement", "leaf"):
        other = edit(puzzles, own, SEED, Grammar(), EditRequest(kind))
        assert (least.distance[other.rows] <= other.distance[other.rows]).all()
    leaf = edit(puzzles, own, SEED, Grammar(), EditRequest("leaf"))
    assert (least.distance[leaf.rows] == 1).all()


def test_distances_are_tokens_inserted_deleted_or_replaced() -> None:
    puzzles = sample(5, SEED, np.arange(100), Grammar(depth=3))
    found = edit(puzzles, classes(puzzles), SEED, Grammar(depth=3), EditRequest("statement"))
    for at, row in enumerate(found.rows.tolist()):
        speaker = int(found.speaker[row])
        one, other = flat(puzzles.claims(row)[speaker]), flat(found.puzzles.claims(at)[speaker])
        assert found.distance[row] == _levenshtein(one, other)


def _levenshtein(one: list[int], other: list[int]) -> int:
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i, j in itertools.product(range(1, len(one) + 1), range(1, len(other) + 1)):
        table[i, j] = min(table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i - 1] != other[j - 1]))
    return table[len(one), len(other)]


def test_controls_match_their_edits() -> None:
    puzzles = sample(8, SEED, np.arange(1500), Grammar())
    edited = edit_all(puzzles, classes(puzzles), CONFIG)
    change, control = edited.edits["statement"], edited.edits["control"]
    both = control.rows
    assert len(both) > 1400
    assert np.array_equal(control.speaker[both], change.speaker[both])
    assert (control.distance[both] == change.distance[both]).mean() > 0.95
    # Matched on nodes as well: nearer to the edit's than another edit's of the same puzzles.
    off = np.abs(edited.nodes["control"][both] - edited.nodes["statement"][both])
    free = edit(puzzles, classes(puzzles), SEED, Grammar(), EditRequest("control"), CONFIG.split)
    nodes = np.zeros(len(puzzles), np.int32)
    nodes[free.rows] = difficulty(free.puzzles, search(free.puzzles)).nodes
    assert off.mean() < np.abs(nodes[both] - edited.nodes["statement"][both]).mean()


def test_an_edit_depends_on_its_puzzle_alone() -> None:
    puzzles = sample(8, SEED, np.arange(60), Grammar())
    alone = puzzles.take(np.array([41]))
    for kind in ("statement", "leaf"):
        together = edit(puzzles, classes(puzzles), SEED, Grammar(), EditRequest(kind), CONFIG.split)
        single = edit(alone, classes(alone), SEED, Grammar(), EditRequest(kind), CONFIG.split)
        assert single.puzzles.claims(0) == together.puzzles.claims(together.rows.tolist().index(41))


@pytest.mark.parametrize("people", [13, 40])
def test_edits_beyond_a_table_are_valid(people: int) -> None:
    puzzles = sample(people, SEED, np.arange(4), Grammar())
    edited = edit_all(puzzles, classes(puzzles), CONFIG).edits
    for kind, found in edited.items():
        assert len(found.rows) >= 3
        for at, row in enumerate(found.rows.tolist()):
            before, after = puzzles.claims(row), found.puzzles.claims(at)
            assert sum(map(_differ, before, after)) == 1
            off = int((puzzles.solution[row] != found.puzzles.solution[at]).sum())
            assert (off == 0) == (kind == "control")
            assert off == found.hamming[row]


def test_the_solver_finds_the_edits_that_the_table_finds() -> None:
    from transforms.probes.puzzles.edits import arrays as k
    from transforms.probes.puzzles.edits.edit import edit_by_solver
    from transforms.probes.puzzles.edits.kernel import edit_batch
    from transforms.probes.puzzles.logic.masks import table_of

    puzzles = sample(6, SEED, np.arange(80), Grammar())
    own = classes(puzzles)[:, 0].copy()
    wanted = np.zeros((len(puzzles), k.REQUESTS), np.int64)
    wanted[:, (k.ONLY_SPEAKER, k.NODES)] = -1
    for leaf in (0, 1):
        wanted[:, k.LEAF_ONLY] = leaf
        batch = k.Batch(puzzles.index, puzzles.tokens, puzzles.offsets, puzzles.solution, own)
        table = edit_batch(np.uint64(9), batch, wanted, Grammar().limits, CONFIG.split, *table_of(6))
        solver = edit_by_solver(np.uint64(9), puzzles, own, wanted, Grammar().limits, CONFIG.split)
        for one, other in zip(table, solver, strict=True):
            assert np.array_equal(one, other)
