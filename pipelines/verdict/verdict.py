"""The verdict: the primary analysis that was sealed, as one tree of plain values."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.verdict.case import Case, Tree
from pipelines.verdict.exploratory import exploratory, fresh_p_values_of
from pipelines.verdict.sources import randomness_facts, randomness_sentence, scorer_sentence
from pipelines.verdict.words import statement

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from transforms.verification.sequence import DoseTest
    from transforms.verification.table import ScoreTable


@dataclass(frozen=True, repr=False)
class Findings:
    """The verdict and what a report draws.

    Attributes:
        verdict: the content of `verdict.json`.
        table: complete units of the primary metric at the checkpoint that is shown: the last.
        fresh_p: float64[fresh draws] of the first dose; empty where no unit is left.
    """

    verdict: Tree
    table: "ScoreTable"
    fresh_p: "NDArray[np.float64]"


def find(case: Case) -> Findings:
    """Do the primary analysis, then the exploratory ones."""
    import numpy as np

    from transforms.verification.sequence import judge_doses, judge_series, minimum_detected
    from transforms.verification.table import complete

    plan, judged, analysis = case.sealed.plan, case.judged, case.analysis()
    names = [name for name, _ in case.scores.checkpoints]
    matrices = [case.matrices[plan.metric, name] for name in names]
    if plan.checkpoints == "series":
        kept = [complete(one) for one in matrices]
        tables = [judged.table(one).take(rows) for one, rows in zip(matrices, kept, strict=True)]
        tests = judge_series(tables, analysis, plan.series_lambda)
    else:
        kept = [complete(*matrices)] * len(matrices)
        tables = [judged.table(one).take(rows) for one, rows in zip(matrices, kept, strict=True)]
        tests = judge_doses(tables, analysis, case.threads)
    shown, rows = tables[-1], kept[-1]
    in_sequence = np.isin(judged.doses, plan.sequence)
    units = {
        "sealed": len(case.sealed.units),
        "judged": int(in_sequence.sum()),
        "used": int((in_sequence & rows).sum()),
        "dropped": int((in_sequence & ~rows).sum()),
        "outside_sequence": int((~in_sequence).sum()),
        "burned": len({unit.id for unit in judged.units} & case.burned),
    }
    fresh = fresh_p_values_of(case, shown, analysis)
    first = tests[0]
    verdict: Tree = {
        "p_value": first.evidence.p_value,
        "confirmatory": not case.not_bound,
        "not_bound": list(case.not_bound),
        "reject": None if case.not_bound else first.reject,
        "alpha": analysis.alpha,
        "alpha_sealed": plan.alpha,
        "minimum_detected_dose": None if case.not_bound else minimum_detected(tests),
        "doses": [_dose(one, analysis.alpha, not case.not_bound) for one in tests],
        "self_attested": case.sealed.commitment.randomness.kind == "self",
        "randomness": randomness_facts(case.sealed, case.asserted),
        "campaign": case.sealed.commitment.campaign,
        "scope": {"kind": "all"} if case.tranche is None else {"kind": "tranche", "tranche": case.tranche},
        "units": units,
        "controls": plan.controls,
        "statistic": plan.statistic,
        "metric": {"name": plan.metric, "version": plan.metric_version, "sign": plan.sign},
        "redraws": {
            "monte_carlo": plan.redraws, "of_many_units": plan.redraws_many, "many_units": plan.many_units,
            "enumerate_up_to": plan.enumerate_up_to, "seed": plan.monte_carlo_seed, "seed_hex": case.seed().hex(),
        },
        "missing": plan.missing,
        "checkpoints": {
            "rule": plan.checkpoints,
            "note": plan.checkpoint_note,
            "names": list(plan.checkpoint_names),
            "scored": [{"name": name, "sha256": sha256} for name, sha256 in case.scores.checkpoints],
        },
        "settings": dict(case.scores.settings),
        "hashes": {
            "commitment": case.sealed.commitment.sha256.hex(),
            "root": case.sealed.commitment.root.hex(),
            "plan": case.sealed.commitment.plan_hash.hex(),
            "scores_manifest": case.scores.manifest_sha256,
            "drawn": case.sealed.announced.hex(),
        },
        "plan_version": plan.version,
        "scorer": dict(case.scorer),
        "redacted": not case.reveal,
        "exploratory": exploratory(case, shown, analysis, tests, fresh),
    }  # fmt: skip
    if plan.ask:
        verdict["asked"] = _asked(case)
    if case.scores.outside:
        verdict["outside"] = dict(case.scores.outside)
    verdict["caveats"] = _caveats(case, verdict, tests)
    verdict["statement"] = statement(verdict)
    return Findings(verdict, shown, fresh)


def _asked(case: Case) -> Tree:
    """The cues whose answers were judged."""
    from transforms.planting.sealing.questions import cues_of_units

    questions, plan = case.sealed.questions, case.sealed.plan
    assert questions is not None  # noqa: S101 - the plan binds them, and the secrets hold
    cues = cues_of_units(questions, plan.ask, case.judged.units)
    return {
        "ask": plan.ask,
        "questions_sha256": plan.questions,
        "cues": sum(cues),
        "cues_of_a_unit": [min(cues), max(cues)],
        "uneven_answers": case.scores.uneven_answers,
    }


def _dose(test: "DoseTest", alpha: float, confirmatory: bool) -> Tree:
    """One step of the sequence; the p of a dose that was not tested is exploratory and stands there."""
    evidence = test.evidence
    return {
        "dose": test.dose,
        "units": evidence.units,
        "tested": test.tested,
        "statistic": evidence.statistic if test.tested and math.isfinite(evidence.statistic) else None,
        "p_value": evidence.p_value if test.tested else None,
        "smallest_p": evidence.smallest_p,
        "cannot_reject": evidence.smallest_p > alpha,
        "draws": evidence.draws,
        "enumerated": evidence.enumerated,
        "reject": test.reject if confirmatory else None,
    }


def _caveats(case: Case, verdict: Mapping[str, Any], tests: "Sequence[DoseTest]") -> list[str]:
    """What a reader must know, gravest first."""
    from transforms.base.readable import count, counted

    sealed, units = case.sealed, verdict["units"]
    said = []
    said += [f"not confirmatory: {one}" for one in case.not_bound]
    said.append(randomness_sentence(verdict["randomness"]))
    said.append(scorer_sentence(verdict["scorer"]))
    if case.scores.outside:
        said.append(
            f"the scores were made outside trapline, by {case.scores.outside['made_by']!r} as they said: exact only if "
            "whoever made them did not know what was planted, and made no others from which these were chosen"
        )
    dull = [one.dose for one in tests if one.evidence.smallest_p > verdict["alpha"]]
    if dull:
        said.append(
            f"cannot reject at a dose of {', '.join(f'{dose:,}' for dose in dull)}: no draw of the units that are left "
            "could have had a p at or below alpha"
        )
    if units["dropped"]:
        said.append(
            f"{counted(units['dropped'], 'unit')} of {count(units['judged'])} dropped for a missing or non-finite "
            "score, whichever candidate had it"
        )
    if case.tranche is not None:
        tranches = len(sealed.plan.tranche_sizes)
        share = f", at its share {verdict['alpha']:g} of the alpha of {sealed.plan.alpha:g}"
        said.append(
            f"judged by tranche {case.tranche} of {tranches} alone" + (share if tranches > 1 and case.level else "")
        )
    uneven = verdict.get("asked", {}).get("uneven_answers")
    if uneven:
        said.append(
            f"{counted(uneven, 'cue')} with answers of different numbers of tokens, of which the totals were compared: "
            "that costs power, and no exactness"
        )
    if units["burned"]:
        said.append(
            f"{counted(units['burned'], 'unit')} had been revealed: about a model trained after that they prove nothing"
        )
    if sealed.planting is None:
        said.append("the secrets hold no record of a planting")
    if sealed.plan.checkpoint_note:
        said.append(f"exact only if what was scored is what the plan names: {sealed.plan.checkpoint_note!r}")
    said += [
        "a rejection says that the model saw the draw: if the planted text leaked elsewhere, that is how",
        f"this is campaign {verdict['campaign']} of its chain; that no other seal was made and hidden cannot be shown",
    ]
    return said
