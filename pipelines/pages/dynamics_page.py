"""The report of `trapline dynamics`: curves, what is gained and kept, laws of forgetting, transfer between tasks."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.pages import plots
from pipelines.pages.page import Block, Page, Plot, Table, Tile
from pipelines.pages.plots import Line
from transforms.base.readable import count, counted

Tree = Mapping[str, Any]
_PLOTTED = 12
"""Groups whose curves are drawn; the tables have all."""
_TRANSFER = {
    "average_accuracy": "ACC: mean over tasks at the end",
    "backward_transfer": "BWT: change since a task was learnt",
    "forward_transfer": "FWT: gain before a task is learnt",
    "forgetting": "Forgetting: fall from the best",
}
_VALUES = {"auc": "AUC within units", "difference": "planted minus held-out"}


def dynamics_page(found: Tree) -> Page:
    """What the report shows, ready for `pipelines.pages.page.render`. It shows strata and is secret."""
    checkpoints, metric = found["checkpoints"], found["metric"]["name"]
    groups = [group for asked in found["asked"] for group in asked["groups"]]
    units = sum(group["units"] for group in found["asked"][0]["groups"])
    blocks: list[Block] = [_ends(found)]
    for asked in found["asked"]:
        blocks += _curves(asked, [one["step"] for one in checkpoints], metric)
    for make in (_effectivity, _retained, _laws, _published, _retention):
        block = make(found)
        if block is not None:
            blocks.append(block)
    for matrix in found["matrix"] or ():
        blocks += _matrix(matrix)
    if found["counterfactual"]:
        blocks.append(_counterfactual(found["counterfactual"]))
    dropped = sum(group["dropped"] for group in groups)
    return Page(
        title="trapline dynamics",
        kicker="trapline dynamics: learning and forgetting",
        summary=f"{metric} of planted and held-out candidates at {counted(len(checkpoints), 'checkpoint')}, by "
        f"{found['by']}",
        lead=f"{found['note']} Intervals are 95 %, by bootstrap over units.",
        warnings=[f"{counted(dropped, 'unit')} left out for a missing score at some checkpoint."] if dropped else [],
        tiles=[
            Tile(
                count(len(checkpoints)),
                "Checkpoints",
                f"steps {checkpoints[0]['step']:,} to {checkpoints[-1]['step']:,}",
            ),
            Tile(count(units), "Units", f"in {counted(len(found['asked'][0]['groups']), 'group')}"),
        ],
        blocks=blocks,
        footer="Written by trapline. This page is complete in itself, and shows strata: keep it secret.",
    )


def _name(asked: Tree, group: Tree) -> str:
    return f"{asked['ask']}: {group['group']}" if asked["ask"] else str(group["group"])


def _figure(value: float | None, low: float | None = None, high: float | None = None) -> str:
    if value is None:
        return "—"
    return f"{value:.3f}" + ("" if low is None or high is None else f" ({low:.3f} to {high:.3f})")


def _ends(found: Tree) -> Block:
    rows = []
    for asked in found["asked"]:
        for group in asked["groups"]:
            cells = ["—"] * 4
            if "curves" in group:
                ends = (("difference", 0), ("difference", -1), ("auc", 0), ("auc", -1))
                cells = [
                    _figure(*(group["curves"][name][end][at] for end in ("mean", "low", "high"))) for name, at in ends
                ]
            rows.append([_name(asked, group), count(group["units"]), *cells])
    return Table(
        "First and last checkpoint",
        ("Group", "Units", "Difference first", "Difference last", "AUC first", "AUC last"),
        rows,
        numeric=frozenset({1, 2, 3, 4, 5}),
        note="Difference: planted minus the mean of the held-out siblings. AUC: share of held-outs that the planted "
        "candidate of their unit beats; .5 is chance.",
        wide=True,
    )


def _curves(asked: Tree, steps: Sequence[int], metric: str) -> list[Block]:
    blocks: list[Block] = []
    if len(steps) < 2:
        return blocks
    for group in [one for one in asked["groups"] if "curves" in one][:_PLOTTED]:
        curves, name = group["curves"], _name(asked, group)
        arms = [_line("planted", curves["planted"]), _line("held out", curves["held_out"])]
        if all(value is not None for line in arms for value in line.values):
            reference = curves["held_out"]["mean"][0]
            drawn = plots.lines(
                steps,
                arms,
                label=f"{metric} by step, {name}",
                xlabel="training steps",
                ylabel=metric,
                reference=reference,
            )
            note = "Planted (solid) and held-out siblings (dashed); the thin dashed line is where the held-outs began."
            blocks.append(Plot(f"Both arms: {name}", drawn, note))
        auc = _line("AUC", curves["auc"])
        drawn = plots.lines(
            steps,
            [auc],
            label=f"AUC by step, {name}",
            xlabel="training steps",
            ylabel="AUC within units",
            reference=0.5,
        )
        blocks.append(Plot(f"AUC within units: {name}", drawn, ".5 is chance."))
    return blocks


def _line(name: str, curve: Tree) -> Line:
    return Line(name, curve["mean"], curve["low"], curve["high"])


def _effectivity(found: Tree) -> Block | None:
    rows = [
        [
            _name(asked, group),
            count(one["exposure"]),
            count(one["units"]),
            _figure(one["gain"], one["low"], one["high"]),
            " and ".join(map(str, one["steps_to_maximum"])),
        ]
        for asked in found["asked"]
        for group in asked["groups"]
        for one in group.get("effectivity", ())
    ]
    if not rows:
        return None
    return Table(
        "Effectivity: the gain of each exposure",
        ("Group", "Exposure", "Units", "Gain", "Steps to the maximum"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note="Planted minus held-out at the maximum, over its value right before the exposure. The time of the maximum "
        "is fixed by the other half of the units, since the highest of several noisy values is too high.",
        wide=True,
    )


def _retained(found: Tree) -> Block | None:
    rows = []
    for asked in found["asked"]:
        for group in asked["groups"]:
            if "effectivity" not in group:
                continue
            kept = group["retainability"]
            if kept is None:
                rows.append([_name(asked, group), "—", "—", "—", "—", group["retainability_missing"]])
                continue
            rows.append(
                [
                    _name(asked, group),
                    _figure(kept["best_gain"], kept["best_gain_low"], kept["best_gain_high"]),
                    count(kept["times"][-1]),
                    _figure(kept["shares"][-1], kept["low"][-1], kept["high"][-1]),
                    "—" if kept["first_below_half"] is None else count(kept["first_below_half"]),
                    "",
                ]
            )
    if not rows:
        return None
    return Table(
        "Retainability: the share of the gain that is kept",
        ("Group", "Gain at the maximum", "Steps after it", "Share kept", "First below half", "Note"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note="The mean gain at a later checkpoint by the mean gain at the maximum: a ratio of means over units.",
        wide=True,
    )


def _laws(found: Tree) -> Block | None:
    rows = []
    few = False
    for asked in found["asked"]:
        for group in asked["groups"]:
            laws = group.get("laws")
            if not laws:
                continue
            few = few or laws["few_decades"]
            rows += [
                [
                    _name(asked, group),
                    f"{one['law']}: {one['formula']}",
                    _figure(one["rate"], one["rate_low"], one["rate_high"])
                    if abs(one["rate"]) >= 0.01
                    else f"{one['rate']:.2e}",
                    f"{one['r_squared']:.2f}",
                    f"{one['aic_above_best_median']:.1f}",
                    f"{100 * one['best_in_resamples']:.0f} %",
                ]
                for one in laws["fits"]
            ]
    if not rows:
        return None
    narrow = " The times span fewer than two powers of ten: the laws can hardly be told apart there." if few else ""
    return Table(
        "Laws of forgetting",
        ("Group", "Law", "Rate a", "R squared", "AIC above the best, median", "Best in resamples"),
        rows,
        numeric=frozenset({2, 3, 4, 5}),
        note="Least squares on the share that is kept; AIC compared in bootstrap resamples of the units. A high R "
        f"squared does not single out a law.{narrow}",
        wide=True,
    )


def _published(found: Tree) -> Block | None:
    rows = [
        [
            _name(asked, group),
            *(_figure(one[name]) for name in ("effectivity_planted", "effectivity_held_out", "retainability_planted")),
            count(one["outliers"]),
        ]
        for asked in found["asked"]
        for group in asked["groups"]
        if (one := group.get("published_forms"))
    ]
    if not rows:
        return None
    return Table(
        "The forms that were published",
        ("Group", "Effectivity, planted", "Effectivity, held out", "Retainability, planted", "Outliers left out"),
        rows,
        numeric=frozenset({1, 2, 3, 4}),
        note="Each sequence's own highest value in the window, and the mean of each one's own share without outliers. "
        "What held-outs show here was not learnt from them: it is the rise that all share, and the highest of noise.",
        wide=True,
    )


def _retention(found: Tree) -> Block | None:
    rows = [
        [_name(asked, group), _figure(one["first"]), count(step), _figure(later)]
        for asked in found["asked"]
        for group in asked["groups"]
        if (one := group.get("retention"))
        for step, later in zip(one["steps"], one["later"], strict=True)
    ]
    if not rows:
        return None
    return Table(
        "Retention of recognition",
        ("Group", "Right after the last event", "Step", "Recognition"),
        rows,
        numeric=frozenset({1, 2, 3}),
        note="Share of foils that score below the seen sibling; .5 is chance.",
    )


def _matrix(matrix: Tree) -> list[Block]:
    blocks: list[Block] = []
    asked = f" ({matrix['ask']})" if matrix["ask"] else ""
    for kind, one in matrix["values"].items():
        rows = [[f"before: {matrix['fresh']}", *map(_figure, one["fresh"])]]
        rows += [[stage, *map(_figure, row)] for stage, row in zip(matrix["stages"], one["matrix"], strict=True)]
        blocks.append(
            Table(
                f"Stages and tasks: {_VALUES[kind]}{asked}",
                ("After", *matrix["tasks"]),
                rows,
                numeric=frozenset(range(1, len(matrix["tasks"]) + 1)),
                wide=True,
            )
        )
    rows = [
        [said, *(_figure(one[name]["value"], one[name]["low"], one[name]["high"]) for one in matrix["values"].values())]
        for name, said in _TRANSFER.items()
    ]
    blocks.append(
        Table(
            f"Transfer between tasks{asked}",
            ("Metric", *(_VALUES[kind] for kind in matrix["values"])),
            rows,
            numeric=frozenset({1, 2}),
            note="A rank can stay where a log-probability already fell: read both columns. Forgetting is above 0 where "
            "nothing changes, since the best of several noisy values is too high.",
            wide=True,
        )
    )
    return blocks


def _counterfactual(found: Sequence[Tree]) -> Block:
    rows = [
        [f"{one['ask']}: {one['group']}" if one["ask"] else one["group"], count(one["defined"]), _figure(one["mean"])]
        for one in found
    ]
    return Table(
        "Counterfactual memorisation",
        ("Group", "Sequences", "Mean"),
        rows,
        numeric=frozenset({1, 2}),
        note="Mean score under models that had the sequence in their subset, minus that under those that had not.",
    )
