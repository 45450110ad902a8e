"""The export, by the reference's own rules; wrong answers are wrong, and of wrong chains exactly as much is."""

import ast
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas.public.puzzles import VARIANTS
from tests.probes.puzzles.puzzle_checker import faults_of_edit
from tests.probes.puzzles.reference_evaluator import is_right
from transforms.probes.puzzles.export import parts, write_reference
from transforms.probes.puzzles.items import ItemConfig, chains, complete_items
from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.language.text import render_solution
from transforms.probes.puzzles.language.wording import Wording, draw
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, nested_all
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample
from transforms.probes.puzzles.logic.search import search
from transforms.probes.puzzles.splits import Splits
from transforms.probes.puzzles.wrong import wrong_solutions, wrong_step

SEED = b"export"
CONFIG = ItemConfig(SEED, Splits(SEED).bounds("perturbation"), languages=("en", "de", "fr"), several=3)
PUZZLES = sample(5, SEED, np.arange(40), Grammar())


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Items with what an export adds."""
    items, more = complete_items(PUZZLES, CONFIG), chains(PUZZLES, CONFIG)
    for name in more.column_names:
        items = items.append_column(name, more[name])
    return items


def _lines(table: pa.Table, tag: str, part: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in write_reference(table, tag, part).splitlines()]


@pytest.mark.parametrize("tag", TAGS)
def test_every_part_is_judged_rightly_by_the_references_rules(table: pa.Table, tag: str) -> None:
    marker = load(tag).texts["conclusion.marker"]
    for part in parts(True, 3):
        rows = _lines(table, tag, part)
        assert rows, part
        for row in rows:
            chain = "\n".join([row["cot_head"], *row["cot_repeat_steps"], row["cot_foot"]])
            for reply in (
                f"{marker}\n{row['solution_text_format']}",
                f"{chain}\n\n{marker}\n{row['solution_text_format']}",
            ):
                assert is_right(reply, row["solution_text"]), (part, reply)
            people = len(row["names"])
            assert not is_right(f"{marker}\n{row['solution_text_format']}\n({people + 1}) ", row["solution_text"])


def test_a_name_with_the_letters_if_would_be_judged_wrong() -> None:
    assert is_right("CONCLUSION:\n(1) Jenny is a knight", "Jenny is a knight.")
    assert not is_right("CONCLUSION:\n(1) Jennifer is a knight", "Jennifer is a knight.")


@pytest.mark.parametrize("tag", TAGS)
def test_every_name_and_role_is_judged_rightly(tag: str) -> None:
    language = load(tag)
    size = len(language.common) + len(language.uncommon)
    first = draw(np.arange(size), 2, language, SEED)
    names = np.stack([np.arange(size), (np.arange(size) + 1) % size], axis=1).astype(np.int16)
    for pair in range(len(language.roles)):
        wording = Wording(
            language, names, np.full(size, pair, np.int16), first.flipped, first.order, first.intro, first.question,
            first.says, first.phrases, first.thoughts,
        )  # fmt: skip
        solution = np.tile([True, False], (size, 1))
        right, wrong = (render_solution(values, wording).to_pylist() for values in (solution, ~solution))
        for one, other in zip(right, wrong, strict=True):
            sentence = ", ".join(line.partition(") ")[2] for line in one.split("\n")) + "."
            assert is_right(f"{language.texts['conclusion.marker']}\n{one}", sentence)
            assert not is_right(f"{language.texts['conclusion.marker']}\n{other}", sentence)


def test_wrong_answers_are_wrong_and_any_of_them_comes(table: pa.Table) -> None:
    for tag in TAGS:
        clean, wrong = (_lines(table, tag, part) for part in ("clean", "wrong_answer"))
        for right_row, wrong_row in zip(clean, wrong, strict=True):
            assert right_row["quiz"] == wrong_row["quiz"]
            assert right_row["solution"] != wrong_row["solution"]
            assert not is_right(wrong_row["solution_text_format"], right_row["solution_text"])
            assert wrong_row["cot_repeat_steps"] == []
    small = sample(2, SEED, np.arange(600), Grammar())
    flips = (wrong_solutions(small, SEED) ^ small.solution) @ [1, 2]
    assert np.bincount(flips, minlength=4)[0] == 0
    assert (np.bincount(flips, minlength=4)[1:] > 150).all()


def test_a_shuffled_chain_has_the_same_steps_in_another_order(table: pa.Table) -> None:
    clean = {row["index"]: row for row in _lines(table, "en", "clean")}
    rows = _lines(table, "en", "shuffled_thought")
    assert len(rows) > 30
    for row in rows:
        own = clean[row["index"]]
        assert row["cot_repeat_steps"] != own["cot_repeat_steps"]
        assert sorted(row["cot_repeat_steps"]) == sorted(own["cot_repeat_steps"])
        assert (row["cot_head"], row["cot_foot"], row["solution"]) == (
            own["cot_head"],
            own["cot_foot"],
            own["solution"],
        )


def test_a_chain_with_one_wrong_step_differs_in_that_step_alone(table: pa.Table) -> None:
    clean = {row["index"]: row for row in _lines(table, "en", "clean")}
    for row in _lines(table, "en", "wrong_step"):
        own = clean[row["index"]]["cot_repeat_steps"]
        assert sum(one != other for one, other in zip(own, row["cot_repeat_steps"], strict=True)) == 1
    traces = search(PUZZLES)
    wrong = wrong_step(PUZZLES, traces, SEED)
    changed = np.flatnonzero((wrong.events != traces.events).any(axis=1))
    assert len(changed) == len(PUZZLES)
    for step in changed.tolist():
        before, after = traces.events[step].tolist(), wrong.events[step].tolist()
        assert {before[0], after[0]} == {ASSIGN, CONFLICT}
        assert before[1:3] == after[1:3]


def test_the_language_variants_change_what_they_name(table: pa.Table) -> None:
    clean = {row["index"]: row for row in _lines(table, "en", "clean")}
    rows = {part: _lines(table, "en", part) for part in parts(True, 1)}
    for part, variant in (
        ("random_pair", "role_pair"), ("flip_role", "flipped"), ("uncommon_name", "uncommon"),
        ("reorder_statement", "reordered"),
    ):  # fmt: skip
        assert variant in VARIANTS
        for row in rows[part]:
            own = clean[row["index"]]
            assert (row["solution"], row["statements"]) == (own["solution"], own["statements"])
            assert row["quiz"] != own["quiz"]
            assert (row["names"] != own["names"]) == (part == "uncommon_name")
            assert (row["knight_knave"] != own["knight_knave"]) == (part in ("random_pair", "flip_role"))
            assert all(name in row["quiz"] for name in row["names"])
            assert row["knight_knave"]["a_knight"] in row["solution_text"] or not any(row["solution"])
            assert len(row["cot_repeat_steps"]) == len(own["cot_repeat_steps"])
    assert "flip_role" not in parts(False, 1)


def test_further_edits_are_edits_of_other_classes(table: pa.Table) -> None:
    several = 0
    for row in table.to_pylist():
        claims = nested_all(row["claims"])
        firsts = [row[f"{kind}_class"] for kind in ("statement", "leaf", "control")]
        classes = [one for one in firsts if one is not None] + [one["class"] for one in row["further_edits"]]
        assert len({row["statement_class"], *(one["class"] for one in row["further_edits"])}) == 1 + len(
            row["further_edits"]
        )
        assert len(classes) == len(firsts) - firsts.count(None) + len(row["further_edits"])
        for one in row["further_edits"]:
            several += 1
            after = nested_all(one["claims"])
            assert faults_of_edit(one["kind"], claims, row["solution"], after, one["solution"], one["hamming"]) == []
        for kind in ("statement", "leaf"):
            numbers = [one["number"] for one in row["further_edits"] if one["kind"] == kind]
            assert numbers == list(range(2, 2 + len(numbers)))
            assert not numbers or row[f"{kind}_status"] == 1
    assert several > 3 * len(PUZZLES)
    lines = _lines(table, "fr", "perturbed_statement_3")
    wanted = {
        (row["index"], str(nested_all(one["claims"])))
        for row in table.to_pylist()
        for one in row["further_edits"]
        if row["language"] == "fr" and (one["kind"], one["number"]) == ("statement", 3)
    }
    assert {(line["index"], str(ast.literal_eval(line["statements"]))) for line in lines} == wanted
