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
    if found["case"] == "whole":
        return f"same, {found['seconds']:.0f} s, {found['tasks']} tasks by {found['workers']} workers"
    how = f"after the same command again ({found['again']} x)" if found["again"] else "the engine went on by itself"
    return f"same, {how}"


def table(lines: list[str]) -> str:
    """A Markdown table: one row for each command and case, one column for each engine."""
    runs = {(one["engine"], one["command"], one["case"]): one for one in map(json.loads, lines)}
    rows = ["| command | case | " + " | ".join(ENGINES) + " |", "| --- " * (2 + len(ENGINES)) + "|"]
    for command in COMMANDS:
        for case in ("whole", "killed"):
            cells = [cell(runs.get((engine, command, case))) for engine in ENGINES]
            rows.append(f"| {command} | {case} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(table(Path(sys.argv[1]).read_text().splitlines()))
