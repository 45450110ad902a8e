"""Puzzles under the field names of the reference's released files, so that its evaluation scripts read them."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.probes.puzzles.logic.claims import nested_all

_COLUMNS = ("quiz", "claims", "solution", "solution_text", "thought")
PARTS = ("clean", "perturbed_statement", "perturbed_leaf")
_SOURCE = {"clean": "", "perturbed_statement": "statement_", "perturbed_leaf": "leaf_"}


def write_reference(table: pa.Table, language: str, part: str) -> bytes:
    """Lines of JSON, one an item that has this part.

    Args:
        table: items with the columns of `schemas.public.puzzles`.
        language: whose rows are taken.
        part: one of `PARTS`.
    """
    table = table.filter(pc.equal(table["language"], language))
    prefix = _SOURCE[part]
    columns = {name: table[prefix + name] for name in _COLUMNS}
    columns |= {name: table[name] for name in ("names", "truthful", "lying", "index")}
    rows = pa.table(columns).to_pylist()
    lines = [json.dumps(_record(row), ensure_ascii=False) for row in rows if row["quiz"] is not None]
    return "".join(line + "\n" for line in lines).encode()


def _record(row: dict[str, Any]) -> dict[str, Any]:
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
