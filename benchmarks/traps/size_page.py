"""The tables and the plot of `size_tables.py`."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.traps.page import markdown, p_words

Table = Mapping[str, Any]


def interval(found: Table, places: int = 2) -> str:
    """A value with its interval."""
    return f"{found['value']:.{places}f} ({found['low']:.{places}f} to {found['high']:.{places}f})"


def trend_row(name: str, part: Table) -> list[str]:
    """A part's slope and the two tests of it."""
    return [
        name,
        interval(part["per_tenfold"], 3),
        p_words(part["redraws"]["p_value"]),
        f"{part['permuted']['p_value']:.4f}",
    ]


def sections(tables: Table) -> dict[str, str]:
    """Markdown by title."""
    sizes, loss = tables["sizes"], tables["loss"]
    out = {
        "Loss on held-out documents": markdown(
            ["model", "nats a token", "less the next smaller one"],
            [
                [size, interval(loss["by_size"][size], 3), interval(loss["steps"][step], 3) if step else ""]
                for size, step in zip(sizes, ["", *(f"{b} less {a}" for a, b in itertools.pairwise(sizes))],
                                      strict=True)
            ],
        )
    }  # fmt: skip
    for context, found in tables["by_size"].items():
        doses = sorted(found["by_dose"], key=int)
        out[f"AUC by size and copies, {context}"] = markdown(
            ["model", *doses, "all"],
            [
                [
                    size,
                    *(interval(found["by_dose"][dose]["auc"][size]) for dose in doses),
                    interval(found["all"]["auc"][size]),
                ]
                for size in sizes
            ],
        )
        steps = list(found["all"]["steps"])
        out[f"AUC less that of the next smaller size, {context}"] = markdown(
            ["copies", *steps],
            [
                [name, *(interval(part["steps"][step], 3) for step in steps)]
                for name, part in [*((dose, found["by_dose"][dose]) for dose in doses), ("all", found["all"])]
            ],
        )
        if len(sizes) > 1:
            out[f"Trend over sizes, {context}"] = markdown(
                ["copies", "AUC per tenfold parameters", "p, redraws", "p, sizes permuted"],
                [trend_row(dose, found["by_dose"][dose]) for dose in doses]
                + [trend_row("all", found["all"])]
                + [trend_row(name, part) for name, part in found["by_length_and_dose"].items()],
            )
        out[f"AUC by length, copies and size, {context}"] = markdown(
            ["tokens, copies", *sizes],
            [
                [name, *(interval(part["auc"][size]) for size in sizes)]
                for name, part in found["by_length_and_dose"].items()
            ],
        )
        judged = tables["judged"][context]
        out[f"Each model by itself, {context}"] = markdown(
            ["model, corpus, seed", "AUC", *(f"p, {dose} copies" for dose in reversed(doses)), "p, all", "p, dose"],
            [
                [
                    name,
                    interval(one["auc"]),
                    *(
                        p_words(one["tests"][dose]["p_value"]) + (" *" if one["tests"][dose]["reject"] else "")
                        if dose in one["tests"]
                        else "-"
                        for dose in reversed(doses)
                    ),
                    p_words(one["all_doses_p"]),
                    p_words(one["dose_trend"]["p_value"]),
                ]
                for name, one in judged.items()
            ],
        )
    epochs = max(len(one["epochs_seen"]) for one in tables["models"])
    out["Models"] = markdown(
        ["model, corpus, seed", "without embeddings", "in all", "rate", "seconds", "loss of the last batch",
         *(f"held out, epoch {at + 1}" for at in range(epochs))],
        [
            [
                f"{one['name']} {one['arm']} {one['seed']}",
                f"{one['without_embeddings'] / 1e6:.1f} M",
                f"{one['parameters'] / 1e6:.1f} M",
                f"{one['rate']:g}",
                f"{one['train_s']:.0f}",
                f"{one['epochs_seen'][-1]['train_loss']:.3f}",
                *(f"{epoch['validation_loss']:.3f}" for epoch in one["epochs_seen"]),
            ]
            for one in tables["models"]
        ],
    )  # fmt: skip
    out["Rates"] = markdown(
        ["model", "chosen", "held-out loss of short runs, by rate"],
        [
            [size, f"{one['rate']:g}", ", ".join(f"{rate}: {loss:.3f}" for rate, loss in one["losses"].items())]
            for size, one in tables["rates"].items()
        ],
    )
    return out


def write_page(tables: Table, output: Path) -> None:
    """`size_tables.md` with every table, and the plot `size.svg`."""
    made = (
        f"Made by `python -m benchmarks.traps.size_tables`; {tables['units']:,} units of {tables['candidates']} "
        f"candidates; models on {tables['device']}. * rejected at .001, copies in sequence."
    )
    found = [f"## {title}\n\n{text.strip()}" for title, text in sections(tables).items()]
    parts = ["# Size of the model: tables", made, *found]
    (output / "size_tables.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plot(tables, output / "size.svg")


def plot(tables: Table, path: Path) -> None:
    """Loss by size, and AUC by size for each dose."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "trapline", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt

    parameters = {one["name"]: one["without_embeddings"] for one in tables["models"]}
    sizes = tables["sizes"]
    along = [parameters[size] for size in sizes]
    figure, (left, right) = plt.subplots(1, 2, figsize=(7.6, 3.1))
    _line(left, along, [tables["loss"]["by_size"][size] for size in sizes], "")
    left.set_ylabel("loss on held-out documents, nats a token")
    context = tables["by_size"]["in context"]
    for dose in sorted(context["by_dose"], key=int):
        _line(right, along, [context["by_dose"][dose]["auc"][size] for size in sizes], dose)
    right.axhline(0.5, color="black", linewidth=0.5)
    right.set_ylabel("AUC, in context")
    right.legend(title="copies", fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    for axis in (left, right):
        axis.set_xscale("log")
        axis.set_xlabel("parameters without embeddings")
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # Matplotlib ends lines of path data with a space.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def _line(axis: Any, along: list[float], cells: list[Table], label: str) -> None:
    values = [cell["value"] for cell in cells]
    below = [max(0.0, cell["value"] - cell["low"]) for cell in cells]
    above = [max(0.0, cell["high"] - cell["value"]) for cell in cells]
    axis.errorbar(along, values, yerr=[below, above], label=label, capsize=2, linewidth=1, marker="o", ms=3)
