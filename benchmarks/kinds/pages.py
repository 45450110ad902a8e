"""Tables of the evidence on sentences and on rehearsal, from the figures that their benchmarks wrote.

    python -m benchmarks.kinds.pages --sentences docs/evidence/sentences.json --schedules docs/evidence/schedules.json

Prints Markdown; the pages hold these tables as they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Tree = dict[str, Any]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)) + "\n"


def ranged(one: Tree) -> str:
    """A figure with its interval."""
    return f"{one['value']:.2f} ({one['low']:.2f} to {one['high']:.2f})"


def at(curve: Tree, place: int) -> str:
    """A point of a curve of `trapline dynamics` with its interval."""
    return f"{curve['mean'][place]:.2f} ({curve['low'][place]:.2f} to {curve['high'][place]:.2f})"


def courses(found: Tree) -> list[tuple[str, str, Tree]]:
    """Model, rate and what became of it, for each course."""
    return [
        (f"{one['arm']} {one['seed']}", rate, course)
        for one in found["models"]
        for rate, course in one["rates"].items()
    ]


def sealed_table(found: Tree) -> str:
    """The sealed test: right after the study, and of the copies inside the base's training."""
    rows = []
    for one in found["models"]:
        name = f"{one['arm']} {one['seed']}"
        inside = one["inside"]
        rows.append(
            [name, "inside the base's training, 1 copy", f"{inside['p']:.2g}", ranged(inside["auc"]), "", "", ""]
        )
        for rate, course in one["rates"].items():
            verdict = course["verdict"]
            doses = [ranged(dose["auc"]) for dose in sorted(verdict["by_dose"], key=lambda dose: int(dose["dose"]))]
            rows.append([name, f"after the study at {rate}", f"{verdict['p']:.2g}", ranged(verdict["auc"]), *doses])
    head = ["model and seed", "when", "p", "AUC, all", "1 exposure", "2 exposures", "3 exposures"]
    return table(head, rows)


def course_table(found: Tree, metric: str, by: str, value: str) -> str:
    """One metric over a course: before the study, right after it, and updates later."""
    rows, steps = [], list[int]()
    for name, rate, one in courses(found):
        steps = one["course"]["steps"]
        for group, curves in one["course"][f"{metric} by {by}"].items():
            rows.append([name, rate, group, *(at(curves[value], place) for place in range(len(steps)))])
    head = ["before" if step < 0 else "after" if step == 0 else f"+{step}" for step in steps]
    return table(["model and seed", "rate", by, *head], rows)


def arms_table(found: Tree) -> str:
    """What each arm of rehearsal ended with."""
    rows = []
    for one in found["courses"]:
        values = one["matrix"]["auc"]
        budget = f"{one['share_of_rows']:.3f}" if "rehearsals" in one else ""
        learnt = [step for step in one["steps_to_learn"].values() if step is not None]
        rows.append(
            [
                one["law"], str(one["seed"]), budget, f"{one['p']:.2g}", ranged(one["auc"]),
                *(ranged(values[name]) for name in ("average_accuracy", "backward_transfer", "forgetting")),
                f"{len(learnt)} of {len(one['steps_to_learn'])}", f"{sum(learnt) / len(learnt):.0f}" if learnt else "",
            ]
        )  # fmt: skip
    head = ["schedule", "seed", "rehearsed rows", "p", "AUC", "ACC", "BWT", "forgetting", "tasks learnt", "steps to .8"]
    return table(head, rows)


def ages_table(found: Tree) -> str:
    """AUC after the last task by the age of the task, 0 for the last one: means over the seeds that all arms have."""
    laws = list(dict.fromkeys(one["law"] for one in found["courses"]))
    have = {seed: {one["law"] for one in found["courses"] if one["seed"] == seed} for seed in found["size"]["seeds"]}
    whole = [seed for seed, own in have.items() if own == set(laws)]
    rows = []
    for law in laws:
        last = [
            one["matrix"]["auc"]["matrix"][-1] for one in found["courses"] if one["law"] == law and one["seed"] in whole
        ]
        rows.append(
            [law, *(f"{sum(one[task] for one in last) / len(last):.2f}" for task in reversed(range(len(last[0]))))]
        )
    return table(["schedule", *(f"age {age}" for age in range(len(rows[0]) - 1))], rows)


def gaps_table(found: Tree) -> str:
    """Final AUC of old tasks of one arm less that of another, in pairs."""
    rows = [
        [one["arm"], one["less"], ranged(one), ", ".join(f"{value:+.3f}" for value in one["by_seed"])]
        for one in found["differences"]
    ]
    return table(["arm", "less", "difference", "by seed"], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path)
    parser.add_argument("--schedules", type=Path)
    given = parser.parse_args(arguments)
    if given.sentences:
        found = json.loads(given.sentences.read_text())
        print(sealed_table(found))
        for metric, by, value in (
            ("loss", "dose", "auc"), ("recall", "dose", "difference"), ("recall_similarity", "dose", "difference"),
            ("loss", "stratum", "auc"), ("recall", "stratum", "difference"),
        ):  # fmt: skip
            print(f"{metric}, {value}, by {by}\n\n{course_table(found, metric, by, value)}")
    if given.schedules:
        found = json.loads(given.schedules.read_text())
        print("\n".join(make(found) for make in (arms_table, ages_table, gaps_table)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
