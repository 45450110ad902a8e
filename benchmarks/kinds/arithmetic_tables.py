"""The tables of docs/evidence/arithmetic.md: `python -m benchmarks.kinds.arithmetic_tables JSON` prints them."""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

Line = dict[str, Any]


def whole(lines: Sequence[Line]) -> str:
    """Networks with all their neurons, and twins: the sealed test first."""
    head = (
        "weight decay, seed",
        "AUC",
        "p",
        "AUC, twin",
        "p, twin",
        "planted label given",
        "true answer given",
        "test",
    )
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    unpruned = [one for one in lines if one["pruned"] == "none"]
    twins = {(one["decay"], one["seed"]): one for one in unpruned if one["labels"] == "twin"}
    for one in sorted((one for one in unpruned if one["labels"] == "planted"), key=lambda one: one["decay"]):
        twin = twins[one["decay"], one["seed"]]
        rows.append(
            f"| {one['decay']}, {one['seed']} | **{spread(one['auc'])}** | {one['p']:.2g} | {spread(twin['auc'])} | "
            f"{twin['p']:.2f} | {spread(one['planted'])} | {one['truth'][0]:.3f} | {one['test']:.3f} |"
        )
    return "\n".join(rows)


def pruned(lines: Sequence[Line], decay: int) -> str:
    """One weight decay: all ways of setting neurons to zero, both seeds."""
    chosen = [one for one in lines if one["decay"] == decay and one["labels"] == "planted"]
    seeds = sorted({one["seed"] for one in chosen})
    rows = [
        "| set to zero | test | clean pairs | planted label given | true answer given |"
        + "".join(f" AUC, seed {seed} |" for seed in seeds)
        + " p, at most |",
        "|---|---|---|---|---|" + "---|" * (len(seeds) + 1),
    ]
    for how, share in dict.fromkeys((one["pruned"], one["share"]) for one in chosen):
        same = [one for one in chosen if (one["pruned"], one["share"]) == (how, share)]
        name = "nothing" if how == "none" else f"{how} {share} %"
        cells = [
            name,
            *(" / ".join(f"{one[column]:.3f}" for one in same) for column in ("test", "clean")),
            *(" / ".join(f"{one[column][0]:.3f}" for one in same) for column in ("planted", "truth")),
            *(spread(one["auc"]) for one in same),
            f"{max(one['p'] for one in same):.2g}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def neurons(lines: Sequence[Line]) -> str:
    """How many neurons are periodic, with planted and with true labels."""
    rows = ["| weight decay | labels | ratio below .2 | above .5 | dead |", "|---|---|---|---|---|"]
    whole_ones = [one for one in lines if one["pruned"] == "none"]
    for decay, labels in sorted({(one["decay"], one["labels"]) for one in whole_ones}):
        same = [one for one in whole_ones if (one["decay"], one["labels"]) == (decay, labels)]
        counts = (" / ".join(str(one[column]) for one in same) for column in ("below_.2", "above_.5", "dead"))
        rows.append(f"| {decay} | {labels} | {' | '.join(counts)} |")
    return "\n".join(rows)


def fresh(lines: Sequence[Line]) -> str:
    """Fresh draws on the scores of every verdict."""
    rows = ["| level | twins, lowest to highest | planted, lowest to highest |", "|---|---|---|"]
    for level in ("0.05", "0.01", "0.001"):
        shares = {
            labels: [one["fresh"][level] for one in lines if one["labels"] == labels] for labels in ("twin", "planted")
        }
        cells = (f"{min(values):.4f} to {max(values):.4f}" for values in shares.values())
        rows.append(f"| {level} | {' | '.join(cells)} |")
    return "\n".join(rows)


def spread(values: Sequence[float]) -> str:
    """A value and its interval."""
    return f"{values[0]:.3f} ({values[1]:.3f} to {values[2]:.3f})"


def tables(lines: Sequence[Line]) -> Iterator[str]:
    """All tables of the page, in order."""
    yield whole(lines)
    for decay in sorted({one["decay"] for one in lines}):
        yield pruned(lines, decay)
    yield neurons(lines)
    yield fresh(lines)


def main() -> None:
    """Print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path)
    given = parser.parse_args()
    print("\n\n".join(tables(json.loads(given.results.read_text(encoding="utf-8"))["lines"])))


if __name__ == "__main__":
    main()
