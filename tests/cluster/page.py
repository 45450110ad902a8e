"""The matrix of `docs/evidence/engines.md`, from the lines that a run left: python -m tests.cluster.page RESULTS."""

import json
import sys
from pathlib import Path
from typing import Any

from tests.cluster.commands import COMMANDS

ENGINES = ("prism", "portable", "flink", "spark")


def cell(found: dict[str, Any] | None) -> str:
    """What one run showed; every recorded run left the same bytes, since the test asserts it before recording."""
    if found is None:
        return "not run"
    if found["command"] == "traps":
        return "runs where it is called, and says so"
    if found["case"] == "whole":
        return f"same, {found['seconds']:.0f} s, {found['tasks']} tasks"
    how = f"after the same command again ({found['again']} x)" if found["again"] else "the engine went on by itself"
    return f"same, {found['seconds']:.0f} s, {how}"


def table(lines: list[str]) -> str:
    """A Markdown table: one row for each command and case, one column for each engine."""
    runs = {(one["engine"], one["command"], one["case"]): one for one in map(json.loads, lines)}
    rows = ["| command | case | " + " | ".join(ENGINES) + " |", "| --- " * (2 + len(ENGINES)) + "|"]
    for command in COMMANDS:
        rows += [row(runs, command, case) for case in ("whole", "killed")]
    return "\n".join([*rows, row(runs, "traps", "whole")])


def row(runs: dict[tuple[str, str, str], dict[str, Any]], command: str, case: str) -> str:
    """One row of the table."""
    return f"| {command} | {case} | " + " | ".join(cell(runs.get((name, command, case))) for name in ENGINES) + " |"


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text().splitlines()))
