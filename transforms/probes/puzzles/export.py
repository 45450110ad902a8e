"""Puzzles under the field names of the reference's released files, so that its evaluation scripts read them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from schemas.public.puzzles import SEVERAL_EDITS
from transforms.probes.puzzles.logic.claims import nested_all

_FIELDS = ("quiz", "claims", "solution", "solution_text", "thought", "names", "truthful", "lying")
_PARTS: dict[str, dict[str, str]] = {
    "clean": {},
    "perturbed_statement": {name: f"statement_{name}" for name in _FIELDS[:5]},
    "perturbed_leaf": {name: f"leaf_{name}" for name in _FIELDS[:5]},
    **{
        part: {name: f"{variant}_{name}" for name in ("quiz", "solution_text", "thought", "names", "truthful", "lying")}
        for part, variant in (
            ("random_pair", "role_pair"),
            ("flip_role", "flipped"),
            ("uncommon_name", "uncommon"),
            ("reorder_statement", "reordered"),
        )
    },
    "wrong_answer": {"solution": "wrong_solution", "solution_text": "wrong_solution_text", "thought": ""},
    "shuffled_thought": {"thought": "shuffled_thought"},
    "wrong_step": {"thought": "wrong_step_thought"},
}
"""By part of the export, the columns that differ from the puzzle's own; no column where there is no such text."""
_NEEDS_A_THOUGHT = ("shuffled_thought", "wrong_step")


def parts(variants: bool, several: int) -> tuple[str, ...]:
    """The parts of an export: the puzzles, their edits and variants, and wrong answers and chains.

    Args:
        variants: whether there are language variants.
        several: statement and leaf edits of a puzzle.
    """
    without = () if variants else ("random_pair", "flip_role", "uncommon_name", "reorder_statement")
    further = [f"perturbed_{kind}_{number}" for kind in SEVERAL_EDITS for number in range(2, several + 1)]
    return (*(part for part in _PARTS if part not in without), *further)


def write_reference(table: pa.Table, language: str, part: str) -> bytes:
    """Lines of JSON, one an item that has this part.

    Args:
        table: items with the columns of `schemas.public.puzzles` and of `items.chains`.
        language: whose rows are taken.
        part: one of `parts`.
    """
    table = table.filter(pc.equal(table["language"], language))
    rows = _further(table, part) if part not in _PARTS else _rows(table, part)
    lines = [json.dumps(_record(row), ensure_ascii=False) for row in rows if row["quiz"] is not None]
    return "".join(line + "\n" for line in lines).encode()


def _rows(table: pa.Table, part: str) -> list[dict[str, Any]]:
    differing = _PARTS[part]
    columns = {"index": table["index"]}
    for name in _FIELDS:
        source = differing.get(name, name)
        columns[name] = table[source] if source else pa.nulls(table.num_rows, pa.large_string())
    rows: list[dict[str, Any]] = pa.table(columns).to_pylist()
    return [row for row in rows if row["thought"] is not None] if part in _NEEDS_A_THOUGHT else rows


def _further(table: pa.Table, part: str) -> Iterator[dict[str, Any]]:
    """The edits of one kind and number among those after the first."""
    _, kind, number = part.split("_")
    own = ("names", "truthful", "lying", "index")
    for row in table.select([*own, "further_edits"]).to_pylist():
        for one in row["further_edits"]:
            if (one["kind"], one["number"]) == (kind, int(number)):
                yield {**one, **{name: row[name] for name in own}}


def _record(row: Mapping[str, Any]) -> dict[str, Any]:
    steps = (row["thought"] or "").split("\n")
    knight, knave = row["truthful"], row["lying"]
    return {
        "quiz": row["quiz"],
        "names": row["names"],
        "knight_knave": {
            "knight": _bare(knight),
            "knave": _bare(knave),
            "a_knight": knight,
            "a_knave": knave,
            "Knight": _bare(knight).capitalize(),
            "Knave": _bare(knave).capitalize(),
        },
        "solution": row["solution"],
        "solution_text": _sentence(row["solution_text"]),
        "solution_text_format": row["solution_text"],
        "cot_head": steps[0],
        "cot_repeat_steps": steps[1:-1],
        "cot_foot": steps[-1] if len(steps) > 1 else "",
        "statements": str(nested_all(row["claims"])),
        "index": row["index"],
    }


def _bare(role: str) -> str:
    """A role without its article."""
    return role.partition(" ")[2] or role


def _sentence(conclusion: str) -> str:
    """The numbered lines of a conclusion as one sentence, in the reference's manner."""
    return ", ".join(line.partition(") ")[2] for line in conclusion.split("\n")) + "."
