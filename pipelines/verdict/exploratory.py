"""What the scores show besides the primary analysis: effect sizes, breakdowns, other metrics and other models.

Nothing here rejects anything.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pipelines.verdict.case import Case, Tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transforms.verification.breakdown import Cell, Groups
    from transforms.verification.effect import Auc
    from transforms.verification.sequence import Analysis, DoseTest
    from transforms.verification.table import ScoreTable

LEVELS = (0.05, 0.01, 0.001)
FRESH_DRAWS = 10_000
PLANNED_AUC = (0.55, 0.6, 0.65, 0.7, 0.75, 0.8)
PLANNED_CONTROLS = (1, 4, 9, 19)

_CELL = ("auc", "exposure")
"""What a cell of a breakdown says, beside its labels: a covariate of such a name is shown under another."""


def fresh_p_values_of(case: Case, table: "ScoreTable", analysis: "Analysis") -> "NDArray[np.float64]":
    """p-values of fresh draws at the first dose of the sequence, at the checkpoint that is shown."""
    import numpy as np

    from transforms.verification.alignment import parts_of
    from transforms.verification.redraws import fresh_p_values, null_sums

    first = table.take(table.doses == analysis.sequence[0])
    if not len(first):
        return np.empty(0)
    parts = parts_of(first, analysis.statistic)
    sums = null_sums(parts, analysis.rule, analysis.seed, case.threads)
    return fresh_p_values(parts, sums, FRESH_DRAWS, case.seed("fresh-draws"))


def exploratory(
    case: Case, table: "ScoreTable", analysis: "Analysis", tests: "Sequence[DoseTest]", fresh: "NDArray[np.float64]"
) -> Tree:
    """Everything besides the primary analysis; nothing in it rejects."""
    import numpy as np

    from transforms.verification.effect import auc, pooled_roc

    pooled = table.take(np.isin(table.doses, analysis.sequence))
    found: Tree = {
        "note": "Not sealed as the primary analysis: of many such figures some look striking by chance.",
        "shown_checkpoint": case.scores.checkpoints[-1][0],
        "by_dose": _by_dose(case, table, analysis, tests),
        **_breakdowns(case, table),
        "next_campaign": next_campaign(analysis.alpha),
        "fresh_draws": {
            "draws": len(fresh),
            "share_at_or_below": {f"{level:g}": float((fresh <= level).mean()) for level in LEVELS if len(fresh)},
        },
    }
    if len(pooled):
        roc = pooled_roc(pooled.scores, pooled.arms)
        found["auc"] = _auc(auc(pooled.scores, pooled.arms, case.seed("bootstrap")))
        found["pooled_roc"] = {
            "area": roc.area,
            "true_positive_rate_at": {f"{rate:g}": share for rate, share in roc.at.items()},
        }
    if len(case.scores.checkpoints) > 1:
        found["checkpoints"] = _checkpoints(case, analysis)
    if case.metrics:
        found["metrics"] = _metrics(case, analysis)
    if case.baselines:
        found["baselines"] = _baselines(case, analysis)
    return found


def _auc(one: "Auc") -> Tree:
    if not one.units:
        return {"value": None, "low": None, "high": None, "units": 0}
    return {"value": one.value, "low": one.low, "high": one.high, "units": one.units}


def _cell(cell: "Cell", names: Sequence[str]) -> Tree:
    labels = dict(zip(names, cell.labels, strict=True))
    return {**labels, "auc": _auc(cell.auc), "exposure": cell.exposure, "planted_first": cell.rank_1}


def _by_dose(case: Case, table: "ScoreTable", analysis: "Analysis", tests: "Sequence[DoseTest]") -> list[Tree]:
    """The effect by dose, those outside the sequence included, lowest first."""
    import numpy as np

    from transforms.verification.breakdown import by_value, cells
    from transforms.verification.power import detectable_auc
    from transforms.verification.sequence import evidence_of

    known = {one.dose: one.evidence.p_value for one in tests}
    rows = []
    for dose in np.unique(table.doses):
        part = table.take(table.doses == dose)
        (cell,) = cells(part, [by_value(part.doses)], case.seed("bootstrap"))
        p_value = known[int(dose)] if dose in known else evidence_of([part], analysis, case.threads).p_value
        row = {
            "dose": int(dose),
            "p_value": p_value,
            "in_sequence": int(dose) in known,
            "detectable_auc": detectable_auc(len(part), part.controls, analysis.alpha),
        }
        rows.append({**_cell(cell, ["label"]), **row})
    return rows


def _breakdowns(case: Case, table: "ScoreTable") -> Tree:
    """The effect by the sealed covariates and the dose, by stratum and by kind, wherever there is more than one."""
    import numpy as np

    from transforms.verification.breakdown import Groups, by_value, cells

    judged, seed = case.judged, case.seed("bootstrap")
    rows = np.searchsorted(judged.leaves, table.place)
    kinds = sorted({unit.kind for unit in judged.units})
    codes = np.array([kinds.index(judged.units[at].kind) for at in rows], np.int64)
    groupings = {"dose": by_value(table.doses), **_covariates(case, rows)}
    found: Tree = {}
    for first, second in itertools.combinations(groupings, 2):
        # A covariate comes before the dose in names and tables: "by length and dose".
        down, across = (second, first) if first == "dose" else (first, second)
        grid = _grid(table, {down: groupings[down], across: groupings[across]}, seed)
        if grid["cells"]:
            found[f"by_{down}_and_{across}"] = grid
    if len(judged.stratum_names) > 1:
        strata = Groups(table.strata, stratum_labels(case))
        found["by_stratum"] = [_cell(one, ["stratum"]) for one in cells(table, [strata], seed)]
    if len(kinds) > 1:
        found["by_kind"] = [_cell(one, ["kind"]) for one in cells(table, [Groups(codes, tuple(kinds))], seed)]
    return found


def _covariates(case: Case, rows: "NDArray[np.int64]") -> "dict[str, Groups]":
    """Groups of the units in some rows, by each covariate that was sealed with the probes and that they have.

    Values of text are secret as names of strata are: they are numbered unless they may be shown.
    """
    from transforms.verification.breakdown import Groups, binned, by_text

    found: dict[str, Groups] = {}
    for column, kind in case.sealed.covariates.items():
        short = column.removesuffix("_tokens")
        name = (column if short in case.sealed.covariates else short).replace("_", " ")
        if name in _CELL:
            name = f"covariate {name}"
        if kind == "number":
            groups = binned(case.judged.means(column)[rows])
        else:
            values = case.judged.shared(column)
            groups = by_text([values[at] for at in rows])
            if not case.reveal:
                groups = Groups(groups.codes, tuple(f"{name} {at + 1}" for at in range(len(groups.labels))))
        if groups.labels:
            found[name] = groups
    return found


def _grid(table: "ScoreTable", groupings: "Mapping[str, Groups]", seed: bytes) -> Tree:
    """The effect by two columns, with the labels of each in order."""
    from transforms.verification.breakdown import cells

    found = [_cell(one, list(groupings)) for one in cells(table, list(groupings.values()), seed)]
    return {"labels": {name: list(groups.labels) for name, groups in groupings.items()}, "cells": found}


def stratum_labels(case: Case) -> tuple[str, ...]:
    """Names of the strata, or their numbers where they are not to be shown."""
    names = case.judged.stratum_names
    return tuple(names) if case.reveal else tuple(f"stratum {at + 1}" for at in range(len(names)))


def _checkpoints(case: Case, analysis: "Analysis") -> list[Tree]:
    """Each checkpoint by itself, all doses of the sequence together."""
    plan = case.sealed.plan
    return [
        {"checkpoint": name, **_alone(case, case.matrices[plan.metric, name], analysis)}
        for name, _ in case.scores.checkpoints
    ]


def _alone(case: Case, scores: "NDArray[np.float64]", analysis: "Analysis") -> Tree:
    """AUC and p of one table of scores by itself, the doses of the sequence pooled."""
    import numpy as np

    from transforms.verification.effect import auc
    from transforms.verification.sequence import evidence_of
    from transforms.verification.table import complete

    table = case.judged.table(scores).take(complete(scores) & np.isin(case.judged.doses, analysis.sequence))
    evidence = evidence_of([table.crossed_with_doses()], analysis, case.threads)
    return {
        "auc": _auc(auc(table.scores, table.arms, case.seed("bootstrap"))),
        "p_value": evidence.p_value,
        "units": evidence.units,
    }


def _metrics(case: Case, analysis: "Analysis") -> list[Tree]:
    """The primary and the exploratory metrics under shared redraws, adjusted for their number."""
    import numpy as np

    from transforms.verification.alignment import parts_of
    from transforms.verification.redraws import redraw_test
    from transforms.verification.several import holm, largest_standardised
    from transforms.verification.table import complete

    names = [case.sealed.plan.metric, *case.metrics]
    checkpoint = case.scores.checkpoints[-1][0]
    scores = [case.matrices[name, checkpoint] for name in names]
    kept = complete(*scores) & np.isin(case.judged.doses, analysis.sequence)
    tables = [case.judged.table(one).take(kept).crossed_with_doses() for one in scores]
    parts = [parts_of(one, analysis.statistic) for one in tables]
    arms = tables[0].arms
    alone = [redraw_test(one, arms, analysis.rule, analysis.seed, case.threads).p_value for one in parts]
    together = largest_standardised(parts, arms, analysis.rule, analysis.seed, case.threads)
    return [
        {
            "metric": name,
            "version": case.scores.metrics[name],
            "p_value": p_value,
            "p_adjusted_by_maximum": float(adjusted),
            "p_adjusted_by_holm": stepped,
            "auc": _alone(case, matrix, analysis)["auc"],
        }
        for name, p_value, adjusted, stepped, matrix in zip(
            names, alone, together.adjusted_p, holm(alone), scores, strict=True
        )
    ]


def _baselines(case: Case, analysis: "Analysis") -> list[Tree]:
    """Other models' scores of the same candidates, for example those of an untrapped twin."""
    metric = case.sealed.plan.metric
    return [
        {
            "checkpoint": name,
            "checkpoint_sha256": sha256,
            "scores_manifest": folder.manifest_sha256,
            **_alone(case, matrices[metric, name], analysis),
        }
        for folder, matrices in case.baselines
        for name, sha256 in folder.checkpoints
    ]


def next_campaign(alpha: float, power: float = 0.9) -> Tree:
    """Units that a dose needs in the next campaign, by the AUC to be found and the held-outs of a unit."""
    from transforms.verification.power import units_needed

    return {
        "alpha": alpha,
        "power": power,
        "controls": list(PLANNED_CONTROLS),
        "units": [
            {"auc": one, "units": [units_needed(one, controls, alpha, power) for controls in PLANNED_CONTROLS]}
            for one in PLANNED_AUC
        ],
    }
