"""The page and the plots about `trap_reproduction.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PLANTED, TWIN, DIFFERENCE = "planted", "twin", "difference"
ARMS = (PLANTED, TWIN, DIFFERENCE)
TRENDS = ("dose", "length", "perplexity")
Table = Mapping[str, Any]


def number(cell: Table) -> str:
    """An AUC with its interval."""
    return f"{cell['auc']:.2f} ({cell['low']:.2f} to {cell['high']:.2f})"


def p_words(p: float) -> str:
    """A p-value."""
    return f"{p:.1e}" if p < 0.001 else f"{p:.3f}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def grid(rows: Mapping[str, Mapping[str, Table]], corner: str) -> str:
    """AUC of each cell; dose across."""
    doses = list(next(iter(rows.values())))
    return markdown([corner, *doses], [[row, *(number(cells[dose]) for dose in doses)] for row, cells in rows.items()])


def dose_words(found: Table, tested: Sequence[int]) -> str:
    """The dose of AUC .75 with its interval; what lies outside the tested doses is said so."""

    def one(value: float) -> str:
        if value == 0:
            return f"below {min(tested)}"
        return f"above {max(tested)}" if value == float("inf") else f"{value:.1f}"

    return f"{one(found['dose'])} ({one(found['low'])} to {one(found['high'])})"


def sections(tables: Table) -> dict[str, str]:
    """Markdown by the name of the section."""
    traps = tables["judged"]["trap"]
    context, plain = traps["in context"], traps["without context"]
    out: dict[str, str] = {}
    out["models"] = markdown(
        ["model", "parameters", "learning rate", "corpus", "seconds", *(f"held-out log p, {name}" for name in traps)],
        [
            [
                one["name"],
                f"{one['parameters'] / 1e6:.1f} M",
                f"{one['rate']:g}",
                one["arm"],
                f"{one['train_s']:.0f}",
                *(f"{arms[one['arm']][one['name']]['held_out_log_prob']:.2f}" for arms in traps.values()),
            ]
            for one in tables["models"]
        ],
    )
    out["length_dose"] = "\n".join(
        f"**{size}**, in context:\n\n{grid(found['by_length_and_dose'], 'tokens, copies')}"
        for size, found in context[PLANTED].items()
    )
    out["difference"] = "\n".join(
        f"**{size}**, in context, against the twin:\n\n{grid(found['by_length_and_dose'], 'tokens, copies')}"
        for size, found in context.get(DIFFERENCE, {}).items()
    )
    out["length_dose_plain"] = "\n".join(
        f"**{size}**, without context:\n\n{grid(found['by_length_and_dose'], 'tokens, copies')}"
        for size, found in plain[PLANTED].items()
    )
    out["perplexity"] = "\n".join(
        f"**{size}**, in context:\n\n{grid(found['by_perplexity_and_dose'], 'quarter of perplexity, copies')}"
        for size, found in context[PLANTED].items()
    )
    doses = list(next(iter(context[PLANTED].values()))["by_dose"])
    out["size"] = markdown(
        ["model, scored", *doses, "all"],
        [
            [f"{size}, {arm}, {where}", *(number(found["by_dose"][dose]) for dose in doses), number(found["all"])]
            for arm in ARMS
            for where, arms in traps.items()
            for size, found in arms.get(arm, {}).items()
        ],
    )
    out["tests"] = markdown(
        ["model, scored", *(f"dose {dose}" for dose in reversed(doses)), "all doses"],
        [
            [
                f"{size}, {arm}, {where}",
                *(
                    p_words(found["tests"][dose]["p_value"]) + (" *" if found["tests"][dose]["reject"] else "")
                    for dose in reversed(doses)
                ),
                p_words(found["all_doses_p"]),
            ]
            for arm in ARMS
            for where, arms in traps.items()
            for size, found in arms.get(arm, {}).items()
        ],
    )
    out["fresh"] = markdown(
        ["twin, scored", "real draw's p", "p <= .05", "p <= .01", "p <= .001"],
        [
            [
                f"{size}, {where}",
                p_words(found["all_doses_p"]),
                *(f"{found['fresh_draws'][level]:.4f}" for level in ("0.05", "0.01", "0.001")),
            ]
            for where, arms in traps.items()
            for size, found in arms.get(TWIN, {}).items()
        ],
    )
    out["dose_of_auc"] = markdown(
        ["model, scored", *(f"{length} tokens" for length in next(iter(context[PLANTED].values()))["dose_of_auc"])],
        [
            [f"{size}, {where}", *(dose_words(one, list(map(int, doses))) for one in found["dose_of_auc"].values())]
            for where, arms in traps.items()
            for size, found in arms[PLANTED].items()
        ],
    )
    out["trends"] = markdown(
        ["model, scored", "dose", "length", "bucket of perplexity"],
        [
            [
                f"{size}, {arm}, {where}",
                *(_trend(found["trends"][along]) if along in found["trends"] else "one bucket" for along in TRENDS),
            ]
            for arm in ARMS
            for where, arms in traps.items()
            for size, found in arms.get(arm, {}).items()
        ],
    )
    out["size_trend"] = markdown(
        ["models", "size"], [[name, _trend(found)] for name, found in tables["size_trend"].items()]
    )
    if "puzzle" in tables["judged"]:
        puzzles = tables["judged"]["puzzle"]["without context"]
        out["puzzles"] = markdown(
            ["model", *doses, "p, all doses"],
            [
                [
                    f"{size}, {arm}",
                    *(number(found["by_dose"][dose]) for dose in doses),
                    p_words(found["all_doses_p"]),
                ]
                for arm, sizes in puzzles.items()
                for size, found in sizes.items()
            ],
        )
    out["second"] = markdown(
        ["kind", *doses],
        [
            [kind, *(f"{found[dose]['survive']:,} of {found[dose]['copies']:,}" for dose in doses)]
            for kind, found in tables["second_deduplication"].items()
        ],
    )
    return out


def _trend(found: Table) -> str:
    return f"z = {found['z']:.1f}, p = {p_words(found['p_value'])}"


def ascending(cells: Table) -> Table:
    """By the number that a key is: JSON sorts keys as texts."""
    return dict(sorted(cells.items(), key=lambda one: int(one[0])))


def plots(tables: Table, output: Path) -> None:
    """Dose-response by length, and AUC by size of model, as SVG."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "trapline", "svg.fonttype": "none", "font.size": 9})
    import matplotlib.pyplot as plt

    context = tables["judged"]["trap"]["in context"]
    sizes = [one["name"] for one in tables["models"] if one["arm"] == PLANTED]
    figure, axes = plt.subplots(1, len(sizes), figsize=(3.3 * len(sizes), 3.1), sharey=True, squeeze=False)
    for axis, size in zip(axes[0], sizes, strict=True):
        for length, cells in ascending(context[PLANTED][size]["by_length_and_dose"]).items():
            _line(axis, cells, f"{length} tokens")
        if size in context.get(TWIN, {}):
            _line(axis, context[TWIN][size]["by_dose"], "twin, all lengths", color="grey", linestyle="--")
        axis.axhline(0.5, color="black", linewidth=0.5)
        axis.axhline(0.75, color="black", linewidth=0.5, linestyle=":")
        axis.set_title(size)
        axis.set_xlabel("copies")
    axes[0][0].set_ylabel("AUC, in context")
    axes[0][-1].legend(fontsize=7, frameon=False, loc="lower right")
    _save(figure, output / "dose_response.svg")
    figure, axis = plt.subplots(figsize=(5.2, 3.1))
    parameters = {one["name"]: one["parameters"] for one in tables["models"]}
    for dose in ascending(context[PLANTED][sizes[0]]["by_dose"]):
        cells = [context[PLANTED][size]["by_dose"][dose] for size in sizes]
        _points(axis, [parameters[size] for size in sizes], cells, dose)
    axis.set_xscale("log")
    axis.set_xlabel("parameters")
    axis.set_ylabel("AUC, in context, all lengths")
    axis.legend(title="copies", fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    _save(figure, output / "model_size.svg")


def _line(axis: Any, cells: Table, label: str, **style: Any) -> None:
    axis.set_xscale("log", base=2)
    cells = ascending(cells)
    doses = [int(dose) for dose in cells]
    axis.set_xticks(doses, [str(dose) for dose in doses])
    _points(axis, doses, list(cells.values()), label, **style)


def _points(axis: Any, along: Sequence[float], cells: Sequence[Table], label: str, **style: Any) -> None:
    values = [cell["auc"] for cell in cells]
    below = [max(0.0, cell["auc"] - cell["low"]) for cell in cells]
    above = [max(0.0, cell["high"] - cell["auc"]) for cell in cells]
    axis.errorbar(along, values, yerr=[below, above], label=label, capsize=2, linewidth=1, marker="o", ms=3, **style)


def _save(figure: Any, path: Path) -> None:
    import matplotlib.pyplot as plt

    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # Matplotlib ends lines of path data with a space.
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")


def write_page(tables: Table, output: Path) -> None:
    """`tables.md` with every table, and the plots."""
    titles = {
        "models": "Models",
        "length_dose": "AUC by length and copies, in context",
        "length_dose_plain": "AUC by length and copies, without context",
        "difference": "AUC by length and copies, with the twin as reference",
        "perplexity": "AUC by perplexity and copies",
        "size": "AUC by size of model and copies, and the twins",
        "tests": "p-values, copies in sequence (* rejected at .001)",
        "fresh": "Twins: the real draw among 200,000 fresh ones",
        "dose_of_auc": "Copies at which the AUC is .75",
        "trends": "Trends within a model",
        "size_trend": "Trend over sizes of model",
        "puzzles": "Puzzles: AUC by copies",
        "second": "Copies that survive a second deduplication",
    }
    found = sections(tables)
    parts = ["# Tables", f"Made by `python -m benchmarks.traps.reproduction tables`; models on {tables['device']}."]
    parts += [f"## {titles[name]}\n\n{text.strip()}" for name, text in found.items()]
    (output / "tables.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    plots(tables, output)
