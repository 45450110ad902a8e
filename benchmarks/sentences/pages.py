"""Tables of `sentences-gpu.json`: the page holds them as they are.

    python -m benchmarks.sentences.pages docs/evidence/sentences-gpu.json

Seeds stand side by side in a cell; intervals of single cells are in the JSON.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.kinds.pages import ranged, table
from benchmarks.sentences.design import PLANTED, TWIN

Tree = dict[str, Any]
Wanted = Callable[[str], bool]


def verdicts(found: Tree) -> str:
    """Verdicts of the study at each rate, later ones, and of the copies inside the base's training."""
    rows = []
    doses = [str(one) for one in found["design"]["doses"]]
    for seed in found["seeds"]:
        number = seed["facts"]["seed"]
        for one in seed["courses"]:
            for later, verdict in one["verdicts"].items():
                by_dose = {str(dose["dose"]): ranged(dose["auc"]) for dose in verdict["by_dose"]}
                when = f"study at {one['rate']:g}" + ("" if later == "0" else f", {int(later):,} updates later")
                rows.append([f"{one['arm']} {number}", when, f"{verdict['p']:.2g}", ranged(verdict["auc"]),
                             *(by_dose[dose] for dose in doses)])  # fmt: skip
        for arm, verdict in seed["inside"].items():
            rows.append([f"{arm} {number}", "inside the base's training, 1 copy", f"{verdict['p']:.2g}",
                         ranged(verdict["auc"]), *[""] * len(doses)])  # fmt: skip
    return table(["model and seed", "when", "p", "AUC, all", *(f"dose {dose}" for dose in doses)], rows)


def together(found: Tree, of: Sequence[str], digits: int, wanted: Wanted, arm: str = PLANTED, rate: float = 0.0) -> str:
    """One curve by rate and group, before the study and at each save: the seeds side by side.

    Args:
        found: of `judge`.
        of: keys of a course that lead to the curves by group.
        digits: after the point.
        wanted: which groups.
        arm: whose courses.
        rate: only this one. Default: all.
    """
    rows, steps = [], max((one["steps"] for seed in found["seeds"] for one in seed["courses"]), key=len)
    rates = dict.fromkeys(one["rate"] for one in found["seeds"][0]["courses"] if one["arm"] == arm)
    for own in [one for one in rates if rate in (0.0, one)]:
        courses = [one for seed in found["seeds"] for one in seed["courses"] if (one["arm"], one["rate"]) == (arm, own)]
        curves = [_inner(one, of) for one in courses]
        for group in filter(wanted, curves[0]):
            means = [one[group]["mean"] if isinstance(one[group], dict) else one[group] for one in curves]
            cells = [
                " / ".join(f"{one[at]:.{digits}f}" if at < len(one) else "-" for one in means)
                for at in range(len(steps))
            ]
            rows.append([f"{own:g}", group, *cells])
    head = ["before" if step < 0 else "after" if step == 0 else f"+{step:,}" for step in steps]
    return table(["rate", "group", *head], rows)


def _inner(one: Tree, of: Sequence[str]) -> Tree:
    for key in of:
        one = one[key]
    return one


def half_lives(found: Tree) -> str:
    """Half-lives of recall by rate and dose, of each seed."""
    rows = []
    for seed in found["seeds"]:
        for one in seed["courses"]:
            cells = [_half_life(value) for value in one["half-life of recall"].values()]
            rows.append([f"{one['arm']} {seed['facts']['seed']}", f"{one['rate']:g}", *cells])
    doses = [f"dose {dose}" for dose in found["design"]["doses"]]
    return table(["model and seed", "rate", *doses], rows)


def _half_life(value: Tree | None) -> str:
    if value is None:
        return "not defined"
    return f"{value['from']} to {value['to']}" if value["to"] is not None else f"more than {value['from']}"


def inside(found: Tree) -> str:
    """AUC of the copies inside the base's training by stratum."""
    rows = [
        [f"{arm} {seed['facts']['seed']}", *(ranged(one) for one in own["by_stratum"].values())]
        for seed in found["seeds"]
        for arm, own in seed["inside"].items()
    ]
    return table(["model and seed", *found["seeds"][0]["inside"][PLANTED]["by_stratum"]], rows)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("found", type=Path, help="JSON of benchmarks.sentences.judge")
    found = json.loads(parser.parse_args(arguments).found.read_text())
    print(verdicts(found))
    highest = max(found["design"]["rates"])
    for name, digits in (("auc", 2), ("recall", 3)):
        print(f"{name} by dose\n\n{together(found, [name], digits, str.isdigit)}")
        print(f"{name} by stratum\n\n{together(found, [name], 2, str.islower, rate=highest)}")
        both = together(found, ["by dose and stratum", name], 2, lambda group: "paraphrase" in group, rate=highest)
        print(f"{name} of paraphrases by dose\n\n{both}")
    print(f"AUC, twin\n\n{together(found, ['auc'], 2, str.isdigit, TWIN)}")
    print(f"half-life of recall\n\n{half_lives(found)}")
    print(f"inside\n\n{inside(found)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
