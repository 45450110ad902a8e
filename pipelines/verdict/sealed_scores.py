"""Scores held against what was sealed: the same settings, exactly the sealed candidates, planted and held-out alike."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.running.errors import RunError
from schemas.outside import is_outside
from transforms.base.readable import count, counted

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from pipelines.scoring.folder import ScoresFolder
    from schemas.plan import Plan
    from transforms.planting.ledger.check_secrets import Sealed
    from transforms.planting.tables.unit import Unit
    from transforms.verification.table import ScoreTable

INSERTED = ("", "insertion")
Setting = tuple[str, Any, Any]
"""Name, what was sealed, what was found."""


@dataclass(frozen=True, repr=False)
class Judged:
    """The units that are judged, in the order of their leaves, and what is known of them beside their scores.

    Attributes:
        units: as sealed.
        leaves: int64[units], place of each among all leaves.
        arms: int64[units].
        strata: int64[units], numbers into `stratum_names`.
        stratum_names: sorted.
        weights: float64[strata].
        doses: int64[units].
    """

    units: "Sequence[Unit]"
    leaves: "NDArray[np.int64]"
    arms: "NDArray[np.int64]"
    strata: "NDArray[np.int64]"
    stratum_names: Sequence[str]
    weights: "NDArray[np.float64]"
    doses: "NDArray[np.int64]"

    def table(self, scores: "NDArray[np.float64]") -> "ScoreTable":
        """With scores of all of its units."""
        from transforms.verification.table import ScoreTable

        return ScoreTable(scores, self.arms, self.strata, self.weights, self.doses, self.leaves)

    def means(self, column: str) -> "NDArray[np.float64]":
        """Mean of a numeric column over each unit's candidates, float64[units]; NaN where a candidate lacks it."""
        import numpy as np

        found = np.full(len(self.units) * len(self.units[0].candidates), np.nan)
        doubles, integers = [], []
        at = 0
        for unit in self.units:
            for candidate in unit.candidates:
                for name, kind, text in candidate.columns:
                    if name == column:
                        if kind == "float64":
                            doubles.append((at, text))
                        elif kind == "integer":
                            integers.append((at, int(text)))
                        break
                at += 1
        if integers:
            places, values = zip(*integers, strict=True)
            found[list(places)] = values
        if doubles:
            # A seal holds a double as the hexadecimal digits of its bytes.
            places, digits = zip(*doubles, strict=True)
            found[list(places)] = np.frombuffer(bytes.fromhex("".join(digits)), ">f8")
        return np.asarray(found.reshape(len(self.units), -1).mean(axis=1))

    def shared(self, column: str) -> list[str | None]:
        """Each unit's value of a column of text; None where its candidates lack it or differ in it."""
        found: list[str | None] = []
        for unit in self.units:
            values = {
                next((value for name, _, value in one.columns if name == column), None) for one in unit.candidates
            }
            found.append(values.pop() if len(values) == 1 else None)
        return found


def judged_units(sealed: "Sealed", tranche: int | None) -> Judged:
    """All units, or those of a tranche.

    Raises:
        RunError: if there is no such tranche, or none of its units is in the primary analysis.
    """
    import numpy as np

    plan = sealed.plan
    try:
        chosen = range(len(sealed.units)) if tranche is None else plan.tranche(tranche)
    except IndexError:
        raise RunError(f"--tranche {tranche}: tranches are 0 to {len(plan.tranche_sizes) - 1}") from None
    units = [sealed.units[at] for at in chosen]
    if not any(unit.dose in plan.sequence for unit in units):
        raise RunError(f"--tranche {tranche}: no unit of the primary analysis is in it")
    names = sorted(plan.weights)
    number = {name: at for at, name in enumerate(names)}
    return Judged(
        units,
        np.array(chosen, np.int64),
        np.array([sealed.arms[at] for at in chosen], np.int64),
        np.array([number[unit.stratum] for unit in units], np.int64),
        names,
        np.array([plan.weights[name] for name in names], np.float64),
        np.array([unit.dose for unit in units], np.int64),
    )


def refuse_other_settings(scores: "ScoresFolder", plan: "Plan", judged: Judged, slots_sha256: str) -> None:
    """Check that scores were made as the plan binds it.

    Candidates that are planted as documents of their own have no slots, and are scored without context.

    Args:
        scores: and how they were made.
        plan: the sealed plan.
        judged: the units.
        slots_sha256: of the slots that were written when planting; empty where there are none.

    Raises:
        RunError: naming the setting, what was sealed and what was found.
    """
    pairs: list[Setting] = [("the kind of question (--ask)", plan.ask, scores.settings.get("ask", ""))]
    if plan.ask:
        pairs.append(("sha256 of the questions", plan.questions, scores.settings.get("questions_sha256")))
    if is_outside(plan.metric) or scores.outside:
        pairs += _made_outside(scores, plan)
        needs_slots = False
    else:
        ours, needs_slots = _made_here(scores, plan, judged, slots_sha256)
        pairs += ours
    pairs.append((f"version of the metric {plan.metric!r}", plan.metric_version, scores.metrics.get(plan.metric)))
    for name, wanted, found in pairs:
        if wanted != found:
            raise RunError(
                f"no verdict: --scores {scores.uri}: {name} is {json.dumps(found)}, and {json.dumps(wanted)} was "
                "sealed: score again as the plan says"
            )
    if needs_slots and not slots_sha256:
        raise RunError(
            "no verdict: the plan has candidates scored in context, at the slots that planting fixed, and the secrets "
            "hold no record of a planting (slots.parquet, planting.json, planted.json, ledger/): put these files back, "
            "or run trapline prepare"
        )
    _refuse_other_checkpoints(scores, plan)


def _made_outside(scores: "ScoresFolder", plan: "Plan") -> list[Setting]:
    """What the plan binds of scores that another program made: that they are, and which of them mean remembered."""
    remembered = ("high" if plan.sign == 1 else "low") if is_outside(plan.metric) else None
    return [
        ("the metric, which must be made outside where that was sealed", plan.metric, ", ".join(scores.metrics)),
        ("the direction that means remembered", remembered, scores.outside.get("remembered")),
    ]


def _made_here(scores: "ScoresFolder", plan: "Plan", judged: Judged, slots_sha256: str) -> tuple[list[Setting], bool]:
    """What the plan binds of our own scores, and whether candidates are scored in the context of slots."""
    settings = scores.settings
    pairs: list[Setting] = [(name, getattr(plan, name), settings[name]) for name in ("bos", "dtype")]
    in_context = not plan.ask and plan.context > 0 and any(_planted_as(unit) in INSERTED for unit in judged.units)
    if in_context or settings["context"]:
        pairs.append(("context", plan.context, settings["context"]))
    if in_context and slots_sha256:
        pairs.append(("sha256 of the slots", slots_sha256, scores.slots_sha256))
    if plan.tokenizer.startswith("sha256:"):
        used = {settings["tokenizer_sha256"], *scores.tokenizers}
        other = sorted(f"sha256:{one}" for one in used if f"sha256:{one}" != plan.tokenizer)
        pairs.append(("tokenizer", plan.tokenizer, other[0] if other else plan.tokenizer))
    elif scores.tokenizer:
        pairs.append(("tokenizer", plan.tokenizer, scores.tokenizer))
    pairs.append(("columns of ids and texts", ("id", "text"), scores.columns))
    generated = scores.settings.get("generation", {})
    for name, wanted in plan.generation.items():
        found = generated.get(name) if isinstance(generated, Mapping) else None
        pairs.append((f"what the metric generates ({name})", wanted, found))
    if plan.references:
        pairs.append(("reference checkpoints", sorted(plan.references), sorted(scores.references)))
    return pairs, in_context


def _refuse_other_checkpoints(scores: "ScoresFolder", plan: "Plan") -> None:
    """Check that the checkpoints are those of the plan."""
    if plan.checkpoints == "single" and len(scores.checkpoints) > 1:
        raise RunError(
            f"no verdict: --scores {scores.uri}: holds {len(scores.checkpoints)} checkpoints, and the plan judges a "
            "single one: score that one alone, into a folder of its own"
        )
    names = [name for name, _ in scores.checkpoints]
    sealed_names = list(plan.checkpoint_names)
    if sealed_names and names != (sealed_names[: len(names)] if plan.checkpoints == "series" else sealed_names):
        raise RunError(
            f"no verdict: --scores {scores.uri}: checkpoints are {json.dumps(names)}, and {json.dumps(sealed_names)} "
            "were sealed: score these, in this order"
        )


def refuse_other_sequences(scores: "ScoresFolder", probes_sha256: str, flag: str = "--scores") -> None:
    """Check that what was scored is the sealed file of candidates, byte for byte.

    Raises:
        RunError: if it is another file, or more than that.
    """
    if list(scores.sequences) != [probes_sha256]:
        raise RunError(
            f"no verdict: {flag} {scores.uri}: what was scored is not the sealed file of candidates (sha256 "
            f"{probes_sha256[:16]}...), and its texts may be others: score probes/probes.parquet of the secrets as it "
            "stands, alone"
        )


def score_matrices(
    scores: "ScoresFolder", sealed: "Sealed", judged: Judged, metrics: Sequence[str], *, planned: bool = True
) -> "dict[tuple[str, str], NDArray[np.float64]]":
    """Scores as float64[units, candidates] by (metric, checkpoint), high for memorised; NaN where one is missing.

    Nothing here looks at the arms. Where nothing is judged (`planned` is false), slots and cues may be others than the
    plan has.

    Raises:
        RunError: unless the scores hold exactly the sealed candidates of the judged units, each once a checkpoint, all
            candidates of a unit at equally many slots.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    candidates = sealed.plan.controls + 1
    ids = pa.array([one.id for unit in judged.units for one in unit.candidates], pa.string())
    primary = np.repeat(np.isin(judged.doses, sealed.plan.sequence), candidates)
    found: dict[tuple[str, str], NDArray[np.float64]] = {}
    names = [name for name, _ in scores.checkpoints]
    if not set(scores.table.column("checkpoint").unique().to_pylist()) <= set(names):
        raise RunError(f"--scores {scores.uri}: has scores of a checkpoint that manifest.json does not list")
    for name in names:
        rows = scores.table.filter(pc.equal(scores.table.column("checkpoint"), name))
        _refuse_strangers(scores.uri, sealed, rows)
        places = pc.index_in(rows.column("id").combine_chunks(), value_set=ids)
        # The sealed file holds all tranches: a tranche's verdict takes its own scores and none of the others.
        rows, places = rows.filter(places.is_valid()), places.drop_null()
        place = places.to_numpy()
        times = np.bincount(place, minlength=len(ids))
        if (times > 1).any():
            twice = counted(int((times > 1).sum()), "candidate")
            raise RunError(f"no verdict: --scores {scores.uri}: holds scores of {twice} more than once: score again")
        if (missing := int(((times == 0) & primary).sum())) > 0:
            raise RunError(
                f"no verdict: --scores {scores.uri}: {count(missing)} of {count(int(primary.sum()))} sealed candidates "
                "have no scores: score every candidate, planted and held out, in one run"
            )
        slots = np.full(len(ids), -1)
        slots[place] = rows.column("slots").to_numpy()
        _refuse_uneven_slots(scores.uri, slots.reshape(-1, candidates))
        if planned:
            _refuse_other_slots(scores.uri, slots[::candidates], judged, sealed)
        for metric in metrics:
            values = np.full(len(ids), np.nan)
            values[place] = rows.column(metric).to_numpy()
            # The sealed sign is that of the primary metric; every stored metric is high for memorised.
            # What was made outside had its sign turned when it was taken in.
            turned = metric == sealed.plan.metric and not scores.outside
            sign = sealed.plan.sign if turned else 1
            found[metric, name] = sign * values.reshape(-1, candidates)
    return found


def _refuse_strangers(uri: str, sealed: "Sealed", rows: "pa.Table") -> None:
    """Check that no score is of anything that was not sealed."""
    import pyarrow as pa
    import pyarrow.compute as pc

    every = pa.array([one.id for unit in sealed.units for one in unit.candidates], pa.string())
    strange = len(rows) - (pc.sum(pc.is_in(rows.column("id"), value_set=every)).as_py() or 0)
    if strange:
        raise RunError(
            f"no verdict: --scores {uri}: holds {counted(strange, 'sequence')} that these secrets do not hold: score "
            "the sealed candidates alone, into a folder of their own"
        )


def _refuse_uneven_slots(uri: str, slots: "NDArray[np.int64]") -> None:
    """Check that the candidates of a unit were scored at equally many slots: int64[units, candidates]."""
    uneven = int((slots != slots[:, :1]).any(axis=1).sum())
    if uneven:
        raise RunError(
            f"no verdict: --scores {uri}: {counted(uneven, 'unit')} whose candidates were not all scored at as many "
            "slots: score planted and held-out candidates alike, in one run"
        )


def _refuse_other_slots(uri: str, slots: "NDArray[np.int64]", judged: Judged, sealed: "Sealed") -> None:
    """Check that units were scored at as many slots as the plan says, or asked as many cues as were sealed.

    Args:
        uri: of the scores.
        slots: int64[units]; -1 where there is no score.
        judged: the units.
        sealed: the secrets, with the plan and the questions.
    """
    import numpy as np

    plan = sealed.plan
    if is_outside(plan.metric) and not plan.ask:
        return
    if plan.ask:
        _refuse_other_cues(uri, slots, judged, sealed)
        return
    inserted = np.array([_planted_as(unit) in INSERTED for unit in judged.units])
    wanted = np.where(inserted & (plan.context > 0), np.minimum(plan.slots, judged.doses), 0)
    wrong = (slots >= 0) & (slots != wanted)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise RunError(
            f"no verdict: --scores {uri}: {counted(int(wrong.sum()), 'unit')} scored at another number of slots than "
            f"was sealed, one of dose {judged.doses[at]} at {slots[at]} in place of {wanted[at]}: give trapline "
            "score the slots that trapline prepare wrote"
        )


def _refuse_other_cues(uri: str, asked: "NDArray[np.int64]", judged: Judged, sealed: "Sealed") -> None:
    """Check that each unit was asked as many cues as were sealed; `asked` is -1 where there is no score."""
    import numpy as np

    from transforms.planting.sealing.questions import cues_of_units

    assert sealed.questions is not None  # noqa: S101 - the plan binds them, and the secrets hold
    wanted = np.array(cues_of_units(sealed.questions, sealed.plan.ask, judged.units), np.int64)
    wrong = (asked >= 0) & (asked != wanted)
    if wrong.any():
        at = int(np.flatnonzero(wrong)[0])
        raise RunError(
            f"no verdict: --scores {uri}: {counted(int(wrong.sum()), 'unit')} asked another number of cues than was "
            f"sealed, one of them {asked[at]} in place of {wanted[at]}: score with the sealed questions.parquet"
        )


def _planted_as(unit: "Unit") -> str:
    return next((value for name, _, value in unit.candidates[0].columns if name == "planted_as"), "")
