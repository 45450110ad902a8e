"""One table from several reports of `trapline certify`: a row for each judge, a column for each corpus.

    python -m benchmarks.survival.tables "exact=A/judged.json" "R = 8=B/judged.json,C/judged.json" [--dose 64]

A report is `certificates/judged.json` of a folder of secrets. Several reports of one corpus, each with other judges,
are joined by commas.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from transforms.certify.registry import JUDGES

Column = Mapping[str, Mapping[str, Any]]
"""What each judge said of one corpus, by the judge's name."""


def column_of(paths: Sequence[Path]) -> dict[str, dict[str, Any]]:
    """The judges of one corpus.

    Raises:
        ValueError: if a judge is in two of the reports, or the reports are about different copies.
    """
    found: dict[str, dict[str, Any]] = {}
    copies = set()
    for path in paths:
        report = json.loads(path.read_text(encoding="utf-8"))
        copies.add((report["copies"], report["documents"], report["other_bytes"], report["document_bytes"]))
        for one in report["judges"]:
            if one["judge"] in found:
                raise ValueError(f"{path}: judge {one['judge']} is in another report of the same corpus, too")
            found[one["judge"]] = one
    if len(copies) > 1:
        raise ValueError(f"{', '.join(map(str, paths))}: these reports are about different corpora")
    return found


def alive(column: Column, judge: str, dose: int) -> str:
    """Copies alive of those in documents kept before, with the interval; the same at one dose; documents lost."""
    if judge not in column:
        return "not run"
    one = column[judge]
    kept, own = one["in_kept_documents"], one["documents"]
    if kept["share"] is None:
        return "keeps no document"
    cell = f"{kept['share']:.3f} of {kept['of']} ({kept['low']:.3f} to {kept['high']:.3f})"
    for group in one["by_dose"]:
        if group["name"] == f"dose {dose}" and len(one["by_dose"]) > 1:
            cell += f"; {'none' if group['share'] is None else format(group['share'], '.3f')}"
    return f"{cell}; {own['lost']} of {own['kept_before']}"


def left(column: Column, judge: str) -> str:
    """The dose that is left: median and least."""
    if judge not in column:
        return "not run"
    dose = column[judge]["effective_dose"]
    return f"{dose['median']:g}, least {dose['minimum']}"


def table(columns: Mapping[str, Column], judges: Sequence[str], dose: int) -> str:
    """Both tables as Markdown."""
    head = [f"| {{}} | {' | '.join(columns)} |", f"|---|{'---|' * len(columns)}"]
    lines = [head[0].format("judge"), head[1]]
    for judge in judges:
        cells = (alive(column, judge, dose) for column in columns.values())
        lines.append(f"| `{judge}` | {' | '.join(cells)} |")
    lines += ["", head[0].format("dose left, median over the units"), head[1]]
    for judge in judges:
        lines.append(f"| `{judge}` | {' | '.join(left(column, judge) for column in columns.values())} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", metavar="NAME=REPORT[,REPORT]")
    parser.add_argument("--dose", type=int, default=64, help="the dose that is shown by itself")
    given = parser.parse_args()
    columns = {}
    for one in given.corpora:
        name, _, paths = one.rpartition("=")
        columns[name] = column_of([Path(path) for path in paths.split(",")])
    there = [judge.name for judge in JUDGES if any(judge.name in column for column in columns.values())]
    print(table(columns, there, given.dose))


if __name__ == "__main__":
    main()
