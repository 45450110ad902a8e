"""The report of a verdict: a page with plots and a table of units that opens."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pipelines.pages import plots
from pipelines.pages.page import Block, Code, Drill, Folded, Page, Plot, Table, Tile
from pipelines.verdict.case import Case
from pipelines.verdict.words import details, probability
from transforms.base import toml
from transforms.base.readable import count, counted, significant

if TYPE_CHECKING:
    from pipelines.verdict.verdict import Findings
    from transforms.verification.table import ScoreTable

UNITS_A_DOSE = 40
"""Units of each dose that the report shows one by one."""

_BINS = 36
_POINTS = 400


def report_page(findings: "Findings", case: Case) -> Page:
    """What the report shows, ready for `pipelines.pages.page.render`; without texts, ids and strata unless revealed."""
    verdict, table = findings.verdict, findings.table
    grave, standing = verdict["caveats"][:-2], verdict["caveats"][-2:]
    blocks: list[Block | None] = [
        _sequence(verdict, standing),
        _dose_response(verdict),
        _distributions(table, verdict),
        _roc(table, verdict),
        _uniformity(findings),
        *_breakdowns(verdict["exploratory"]),
        *_others(verdict["exploratory"]),
        _next_campaign(verdict["exploratory"]["next_campaign"]),
        _units(table, case),
        _sealed(verdict),
    ]
    return Page(
        title="trapline verify",
        kicker="trapline verify: the verdict",
        summary=verdict["statement"],
        lead=" ".join(details(verdict)),
        warnings=[f"{one[0].upper()}{one[1:]}." for one in grave],
        tiles=_tiles(verdict),
        blocks=[one for one in blocks if one is not None],
        footer="Written by trapline. This page is complete in itself"
        + (
            ". It shows no text and no id of a candidate."
            if verdict["redacted"]
            else " and shows the candidates: keep it secret, or count their units as revealed."
        ),
    )


def _tiles(verdict: Mapping[str, Any]) -> list[Tile]:
    units, first = verdict["units"], verdict["doses"][0]
    least = verdict["minimum_detected_dose"]
    row = next((one for one in verdict["exploratory"]["by_dose"] if one["dose"] == first["dose"]), None)
    tiles = [
        Tile(probability(verdict["p_value"]), "p-value", f"alpha {verdict['alpha']:g}, dose {count(first['dose'])}"),
        Tile(
            "—" if least is None else count(least),
            "Smallest dose detected",
            f"of {', '.join(count(one['dose']) for one in verdict['doses'])}",
        ),
        Tile(
            count(units["used"]),
            "Units used",
            f"of {count(units['judged'])}, {counted(verdict['controls'], 'held-out')} each",
        ),
    ]
    if row is not None and row["auc"]["units"]:
        auc = row["auc"]
        note = f"{auc['low']:.2f} to {auc['high']:.2f}, dose {count(first['dose'])}"
        tiles.insert(1, Tile(f"{auc['value']:.2f}", "AUC within units", note))
    return tiles


def _sequence(verdict: Mapping[str, Any], standing: Sequence[str]) -> Block:
    rows = []
    for one in verdict["doses"]:
        if not verdict["confirmatory"]:
            outcome = "exploratory: the plan allows no verdict"
        elif one["reject"]:
            outcome = "rejected: the model saw it"
        elif one["cannot_reject"] and one["tested"]:
            outcome = f"cannot reject: no p below {probability(one['smallest_p'])} is possible"
        else:
            outcome = "not rejected" if one["tested"] else "not tested: the sequence had stopped"
        p_value = probability(one["p_value"]) if one["tested"] else "—"
        draws = "—" if not one["draws"] else f"{'all ' if one['enumerated'] else ''}{count(one['draws'])}"
        rows.append([count(one["dose"]), count(one["units"]), draws, p_value, outcome])
    return Table(
        "The sealed analysis",
        ("Dose", "Units", "Draws", "p", "Outcome"),
        rows,
        numeric=frozenset({0, 1, 2, 3}),
        note=f"Each dose at an alpha of {verdict['alpha']:g}, up to the first that is not rejected. "
        + " ".join(f"{one[0].upper()}{one[1:]}." for one in standing),
        wide=True,
    )


def _dose_response(verdict: Mapping[str, Any]) -> Block | None:
    rows = [one for one in verdict["exploratory"]["by_dose"] if one["auc"]["units"]]
    if not rows:
        return None
    return Plot(
        "Dose and response",
        plots.intervals(
            [count(one["dose"]) for one in rows],
            [(one["auc"]["low"], one["auc"]["value"], one["auc"]["high"]) for one in rows],
            label="AUC within units by dose, with 95 % intervals",
            xlabel="copies planted",
            ylabel="AUC within units",
            reference=0.5,
        ),
        "Share of held-out siblings that a planted candidate beats, with the 95 % interval over units; .5 is chance.",
    )


def _in_sequence(table: "ScoreTable", verdict: Mapping[str, Any]) -> "ScoreTable":
    import numpy as np

    return table.take(np.isin(table.doses, [one["dose"] for one in verdict["doses"]]))


def _distributions(table: "ScoreTable", verdict: Mapping[str, Any]) -> Block | None:
    import numpy as np

    part = _in_sequence(table, verdict)
    if not len(part):
        return None
    centred = part.scores - part.scores.mean(axis=1, keepdims=True)
    planted = centred[np.arange(len(part)), part.arms]
    held_out = centred[np.arange(part.scores.shape[1]) != part.arms[:, None]]
    # What lies far out would squeeze the rest: it is counted at the ends.
    low, high = (float(np.quantile(centred, share)) for share in (0.002, 0.998))
    if not low < high:
        return None
    edges = np.linspace(low, high, _BINS + 1)
    shares = [np.histogram(np.clip(one, low, high), edges)[0] / one.size for one in (planted, held_out)]
    return Plot(
        "Planted and held out",
        plots.compared(
            [float(one) for one in edges],
            [("planted", [float(one) for one in shares[0]]), ("held out", [float(one) for one in shares[1]])],
            label="Distribution of scores less their unit's mean, planted and held out",
            xlabel="score less the mean of its unit",
        ),
        "Shares of planted and of held-out candidates, all doses of the sequence; further to the right is more "
        "memorised. The ends hold what lies beyond them.",
    )


def _roc(table: "ScoreTable", verdict: Mapping[str, Any]) -> Block | None:
    import numpy as np

    from transforms.verification.effect import pooled_roc

    part = _in_sequence(table, verdict)
    if not len(part):
        return None
    roc = pooled_roc(part.scores, part.arms)
    chosen = np.unique(np.linspace(0, len(roc.false_positive_rate) - 1, _POINTS).astype(int))
    x, y = roc.false_positive_rate[chosen], roc.true_positive_rate[chosen]
    at = verdict["exploratory"]["pooled_roc"]["true_positive_rate_at"]
    rates = ", ".join(f"{share:.2f} at {rate}" for rate, share in at.items())
    return Plot(
        "ROC over all candidates",
        plots.curve(
            [float(one) for one in x],
            [float(one) for one in y],
            label="Share of planted against share of held-out candidates above each threshold",
            xlabel="held-out candidates above the threshold",
            ylabel="planted ones",
        ),
        f"Descriptive: units are mixed here. Area {roc.area:.2f}."
        + (f" True positive rate {rates} false positives." if rates else ""),
    )


def _uniformity(findings: "Findings") -> Block | None:
    import numpy as np

    fresh = findings.fresh_p
    if not len(fresh):
        return None
    counts, edges = np.histogram(fresh, np.linspace(0, 1, 21))
    shares = findings.verdict["exploratory"]["fresh_draws"]["share_at_or_below"]
    p_value = findings.verdict["p_value"]
    rates = ", ".join(f"{share:.4f} at or below {level}" for level, share in shares.items())
    return Plot(
        f"The test on {count(len(fresh))} draws that were not made",
        plots.histogram(
            [float(one) for one in edges],
            [float(one) for one in counts],
            label="Histogram of the p-values of fresh draws",
            xlabel="p-value",
            marker=(p_value, "the real draw") if 0.12 < p_value < 0.88 else None,
        ),
        "p-values of fresh draws of the same scores at the first dose: even, or fewer on the left where scores tie. "
        f"Share of them {rates}; the real draw has {probability(p_value)}.",
    )


def _auc_cells(row: Mapping[str, Any]) -> list[str]:
    auc = row["auc"]
    if not auc["units"]:
        return ["0", "—", "—"]
    return [count(auc["units"]), f"{auc['value']:.3f}", f"{auc['low']:.2f} to {auc['high']:.2f}"]


def _breakdowns(found: Mapping[str, Any]) -> list[Block]:
    blocks: list[Block] = []
    columns = ("Units", "AUC", "95 % interval", "Exposure, bits")
    rows = [
        [
            count(one["dose"]),
            *_auc_cells(one),
            significant(one["exposure"], 2),
            probability(one["p_value"]),
            "—" if one["detectable_auc"] is None else f"{one['detectable_auc']:.2f}",
        ]
        for one in found["by_dose"]
    ]
    blocks.append(
        Table(
            "By dose",
            ("Dose", *columns, "p by itself", "AUC that would be found"),
            rows,
            numeric=frozenset(range(7)),
            note="Exploratory. Exposure is -log2 of a unit's own p, its mean over units. Last, the smallest AUC that "
            "so many units find with probability .9 at alpha, for Gaussian scores.",
            wide=True,
        )
    )
    blocks += [_grid(one) for one in found.values() if isinstance(one, Mapping) and "labels" in one]
    for name in ("stratum", "kind"):
        rows = [[one[name], *_auc_cells(one), significant(one["exposure"], 2)] for one in found.get(f"by_{name}", ())]
        if rows:
            heads = (name.capitalize(), *columns)
            numeric = frozenset({1, 2, 3, 4})
            blocks.append(Table(f"By {name}", heads, rows, numeric=numeric, note="Exploratory."))
    return blocks


def _grid(found: Mapping[str, Any]) -> Block:
    """AUC by two columns: one down, one across."""
    row, column = found["labels"]
    by_place = {(one[row], one[column]): one["auc"] for one in found["cells"]}

    def cell(place: tuple[str, str]) -> str:
        auc = by_place.get(place)
        return "—" if auc is None else f"{auc['value']:.2f} ({count(auc['units'])})"

    down, across = found["labels"][row], found["labels"][column]
    return Table(
        f"By {row} and {column}",
        (f"{row.capitalize()}, by {column}", *across),
        [[name, *(cell((name, other)) for other in across)] for name in down],
        numeric=frozenset(range(1, len(across) + 1)),
        note="Exploratory. AUC within units, and in brackets the number of units.",
    )


def _others(found: Mapping[str, Any]) -> list[Block]:
    """Other checkpoints, metrics and models."""
    blocks: list[Block] = []
    for key, title, note in (
        ("checkpoints", "Checkpoint by checkpoint", "Exploratory: each by itself, all doses of the sequence together."),
        ("baselines", "Other models", "Exploratory: the same candidates and the same draw, scored by other models."),
    ):
        rows = [[one["checkpoint"], *_auc_cells(one), probability(one["p_value"])] for one in found.get(key, ())]
        if rows:
            heads = ("Checkpoint", "Units", "AUC", "95 % interval", "p")
            blocks.append(Table(title, heads, rows, numeric=frozenset({1, 2, 3, 4}), note=note))
    rows = [
        [
            one["metric"],
            *_auc_cells(one),
            *(probability(one[key]) for key in ("p_value", "p_adjusted_by_maximum", "p_adjusted_by_holm")),
        ]
        for one in found.get("metrics", ())
    ]
    if rows:
        blocks.append(
            Table(
                "Several metrics",
                ("Metric", "Units", "AUC", "95 % interval", "p", "p, maximum", "p, Holm"),
                rows,
                numeric=frozenset(range(1, 7)),
                note="Exploratory. The last two columns are adjusted for the number of metrics: by the maximum of the "
                "standardised statistics under shared redraws, and by Holm's rule.",
                wide=True,
            )
        )
    return blocks


def _next_campaign(found: Mapping[str, Any]) -> Block:
    return Table(
        "Units for the next campaign",
        ("AUC to find", *(f"m = {one}" for one in found["controls"])),
        [[f"{one['auc']:.2f}", *map(count, one["units"])] for one in found["units"]],
        numeric=frozenset(range(len(found["controls"]) + 1)),
        note=f"Units a dose that find an AUC with probability {found['power']:g} at an alpha of {found['alpha']:g}, by "
        "the number m of held-outs a unit, for Gaussian scores. Held-outs cost nothing in the corpus.",
    )


def _units(table: "ScoreTable", case: Case) -> Block | None:
    """Units one by one, in the order of their leaves, which is random."""
    import numpy as np

    from pipelines.verdict.exploratory import stratum_labels
    from transforms.verification.effect import exposure, unit_p_values

    chosen = [
        row
        for dose in sorted(set(table.doses.tolist()), reverse=True)
        for row in np.flatnonzero(table.doses == dose)[:UNITS_A_DOSE].tolist()
    ]
    if not chosen:
        return None
    strata = stratum_labels(case)
    p_values = unit_p_values(table.scores, table.arms)
    bits = exposure(p_values)
    by_leaf = {int(leaf): unit for leaf, unit in zip(case.judged.leaves, case.judged.units, strict=True)}
    lines = []
    for row in chosen:
        order = np.argsort(-table.scores[row], kind="stable").tolist()
        leaf, arm = int(table.place[row]), int(table.arms[row])
        unit = by_leaf[leaf]
        inner = []
        for at in order:
            cells = ["planted" if at == arm else "held out", significant(float(table.scores[row, at]), 4)]
            inner.append([*cells, unit.candidates[at].id, unit.candidates[at].text] if case.reveal else cells)
        name = unit.id if case.reveal else f"leaf {count(leaf)}"
        place = sum(table.scores[row] >= table.scores[row, arm])
        lines.append(
            Folded(
                [
                    name,
                    count(unit.dose),
                    strata[int(table.strata[row])],
                    f"{place} of {table.scores.shape[1]}",
                    probability(float(p_values[row])),
                    significant(float(bits[row]), 2),
                ],
                ("", "Score", "Id", "Text") if case.reveal else ("", "Score"),
                inner,
                frozenset({order.index(arm)}),
            )
        )
    cut = (
        f" The first {UNITS_A_DOSE} of each dose in the order of the seal, which is random."
        if len(lines) < len(table)
        else ""
    )
    return Drill(
        "Unit by unit",
        ("Unit", "Dose", "Stratum", "Place of the planted", "p", "Exposure, bits"),
        lines,
        numeric=frozenset({1}),
        note=f"Open a line for its candidates, highest score first; the planted one is marked.{cut}",
    )


def _sealed(verdict: Mapping[str, Any]) -> Block:
    shown = {
        "alpha": verdict["alpha"],
        "statistic": verdict["statistic"],
        "metric": f"{verdict['metric']['name']}, version {verdict['metric']['version']}",
        "missing": verdict["missing"],
        "checkpoints": verdict["checkpoints"]["rule"],
        "checkpoint_sha256": [one["sha256"] for one in verdict["checkpoints"]["scored"]],
        **{name: value for name, value in verdict["settings"].items() if isinstance(value, str | int)},
        "randomness": verdict["randomness"]["kind"],
        "monte_carlo_seed": verdict["redraws"]["seed_hex"],
        **verdict["hashes"],
    }
    return Code("What was sealed, and what was held against it", toml.table("verdict", shown), wide=True)
