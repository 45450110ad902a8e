"""Tables of `benchmarks.equivalents.models`: copies that differ in exact copies, one copy alone, changed models.

python -m benchmarks.equivalents.tables --experiment E.npz.xz --models FOLDER --output docs/evidence
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.traps.models import read_experiment
from benchmarks.traps.tables import CONTEXTS, Floats, Ints, by_candidate, monotone
from transforms.verification.alignment import parts_of
from transforms.verification.effect import auc, beaten
from transforms.verification.redraws import RedrawRule, counted, null_sums
from transforms.verification.table import ScoreTable

RESAMPLES = 1_999
EXACT = 0


@dataclass(frozen=True)
class Design:
    """The units, in the order of their leaves.

    Attributes:
        blocks: int64[units], substitutions per copy, R; 0 for exact copies.
        dose: int64[units], copies.
        arms: int64[units], the drawn candidate.
        candidates: of each unit.
        seed: of redraws and bootstraps.
    """

    blocks: Ints
    dose: Ints
    arms: Ints
    candidates: int
    seed: bytes

    def seed_of(self, name: str) -> bytes:
        """One for each purpose."""
        return hashlib.sha256(self.seed + name.encode()).digest()


@dataclass(frozen=True)
class Model:
    """One scored model.

    Attributes:
        name: such as `16M int8`.
        facts: size, parameters, held-out loss.
        scores: float64[units, candidates] by context.
    """

    name: str
    facts: dict[str, Any]
    scores: dict[str, Floats]


def read_design(arrays: dict[str, npt.NDArray[Any]]) -> Design:
    """The units of the experiment."""
    candidates = int(arrays["sequence_row"].max() + 1) // len(arrays["unit_dose"])
    return Design(
        arrays["unit_blocks"].astype(np.int64),
        arrays["unit_dose"].astype(np.int64),
        arrays["unit_arm"].astype(np.int64),
        candidates,
        arrays["seed"].tobytes(),
    )


def read_models(arrays: dict[str, npt.NDArray[Any]], folder: Path, candidates: int) -> tuple[list[Model], str]:
    """All models in the folder, and the device that trained them."""
    found, devices = [], set()
    for file in sorted(folder.glob("*.npz")):
        with np.load(file) as packed:
            facts = json.loads(str(packed["facts"]))
            devices.add(facts["device"])
            for one in facts["models"]:
                values = packed[f"loss|{one['what']}"].astype(np.float64)
                scores = by_candidate(arrays["sequence_row"], arrays["sequence_in_context"], values, candidates)
                found.append(Model(f"{one['size']} {one['what']}", {**one, "job": file.stem}, scores))
    return found, ", ".join(sorted(devices))


def against(model: Model, reference: Model) -> Model:
    """A model's scores less those of a reference that read other text: the metric `difference_nll`."""
    scores = {context: values - reference.scores[context] for context, values in model.scores.items()}
    return Model(f"{model.name} against {reference.name}", model.facts, scores)


def gaps(scores: Floats, arms: Ints) -> Floats:
    """What the planted candidate has over the mean of the held-outs of its unit, nats a token, float64[units]."""
    drawn = scores[np.arange(len(arms)), arms]
    others = (scores.sum(axis=1) - drawn) / (scores.shape[1] - 1)
    return np.asarray(drawn - others)


def beyond(design: Design, model: Model, twin: Model | None, context: str) -> Floats:
    """`gaps` of a model, less those of the twin where there is one: what no training would give is the same in both."""
    found = gaps(model.scores[context], design.arms)
    return found if twin is None else np.asarray(found - gaps(twin.scores[context], design.arms))


def equivalent(value: float, doses: Ints, curve: Floats) -> float:
    """The number of exact copies with this effect: between tested doses, linear in the log of the dose.

    Args:
        value: the effect of the copies that differ.
        doses: int64[doses], ascending.
        curve: float64[doses], the effect of exact copies, ascending.

    Returns:
        The dose; 0 below the curve and infinity above it.
    """
    if value < curve[0]:
        return 0.0
    if value > curve[-1]:
        return float("inf")
    above = max(1, int(np.searchsorted(curve, value)))
    low, high = np.log2(doses[above - 1]), np.log2(doses[above])
    step = curve[above] - curve[above - 1]
    return float(2 ** (low + (high - low) * (0.5 if step == 0 else (value - curve[above - 1]) / step)))


def equivalents(design: Design, effect: Floats, name: str) -> dict[str, Any]:
    """Equivalents of every R and dose, with rho = (equivalent - 1) / (dose - 1) and 95 % bootstrap intervals.

    Args:
        design: the units.
        effect: float64[units], such as `gaps`.
        name: of the bootstrap's seed.
    """
    doses = np.unique(design.dose[design.blocks == EXACT])
    cells = {(r, d): np.flatnonzero((design.blocks == r) & (design.dose == d))
             for r in np.unique(design.blocks).tolist() for d in np.unique(design.dose).tolist()}  # fmt: skip
    cells = {key: rows for key, rows in cells.items() if len(rows)}
    sizes = np.array([len(cells[EXACT, int(one)]) for one in doses])

    def curve(means: dict[tuple[int, int], float]) -> Floats:
        return monotone(np.array([means[EXACT, int(one)] for one in doses]), sizes)

    generator = np.random.Generator(np.random.Philox(int.from_bytes(design.seed_of(name)[:16], "big")))
    drawn = {key: effect[generator.choice(rows, (RESAMPLES, len(rows)))].mean(axis=1) for key, rows in cells.items()}
    means = {key: float(effect[rows].mean()) for key, rows in cells.items()}
    whole = curve(means)
    again = [curve({key: float(values[at]) for key, values in drawn.items()}) for at in range(RESAMPLES)]
    found: dict[str, Any] = {"exact": {str(int(one)): value for one, value in zip(doses, whole, strict=True)}}
    for (r, d), mean in means.items():
        if r == EXACT:
            continue
        resampled = np.array([equivalent(float(drawn[r, d][at]), doses, again[at]) for at in range(RESAMPLES)])
        low, high = np.quantile(resampled, [0.025, 0.975], method="nearest")
        value = equivalent(mean, doses, whole)
        found[f"R={r}, {d}"] = {
            "effect": mean, "equivalent": value, "low": float(low), "high": float(high),
            "rho": (value - 1) / (d - 1),
            "rho_low": (float(low) - 1) / (d - 1), "rho_high": (float(high) - 1) / (d - 1),
        }  # fmt: skip
    return found


def p_value(design: Design, scores: Floats, mask: npt.NDArray[np.bool_]) -> float:
    """Of the exact test over some units, aligned ranks within R and dose."""
    strata = np.unique(design.blocks[mask], return_inverse=True)[1]
    table = ScoreTable(
        scores[mask], design.arms[mask], strata, np.ones(int(strata.max()) + 1), design.dose[mask], np.flatnonzero(mask)
    )
    parts = parts_of(table.crossed_with_doses(), "aligned_rank")
    sums = null_sums(parts, RedrawRule(), design.seed, 0)
    return counted(sums[0], parts.sum(table.arms), 0, parts.slack, sums[1]).p_value


def judged(design: Design, model: Model, context: str) -> dict[str, Any]:
    """AUC and p of each cell, and of all."""
    scores = model.scores[context]
    found: dict[str, Any] = {}
    for r in np.unique(design.blocks).tolist():
        for d in np.unique(design.dose[design.blocks == r]).tolist():
            mask = (design.blocks == r) & (design.dose == d)
            name = "exact" if r == EXACT else f"R={r}"
            one = auc(scores[mask], design.arms[mask], design.seed_of(f"{model.name} {context} {r} {d}"))
            found[f"{name}, {d}"] = {
                "auc": one.value, "low": one.low, "high": one.high, "units": one.units,
                "p_value": p_value(design, scores, mask), "gap": float(gaps(scores[mask], design.arms[mask]).mean()),
            }  # fmt: skip
    every = np.ones(len(design.dose), bool)
    found["all"] = {"p_value": p_value(design, scores, every)}
    return found


def compared(design: Design, one: Sequence[Model], other: Sequence[Model], context: str, name: str) -> dict[str, Any]:
    """By how much the AUC of some models is above that of others, in each cell of exact copies.

    Both have scored the same units, so the difference is taken unit by unit: 95 % intervals, bootstrap over units. What
    differs between two trainings of the same model is not in them.

    Args:
        design: the units.
        one: models of one kind, one for each seed, of which the mean counts.
        other: those that are taken off.
        context: of the scores.
        name: of the bootstrap's seed.
    """

    def shares(models: Sequence[Model]) -> Floats:
        whole = 2 * (design.candidates - 1)
        return np.asarray(np.mean([beaten(model.scores[context], design.arms) / whole for model in models], axis=0))

    each = shares(one) - shares(other)
    found: dict[str, Any] = {}
    for dose in np.unique(design.dose[design.blocks == EXACT]).tolist():
        rows = each[(design.blocks == EXACT) & (design.dose == dose)]
        seed = design.seed_of(f"{name} {context} {dose}")
        generator = np.random.Generator(np.random.Philox(int.from_bytes(seed[:16], "big")))
        drawn = rows[generator.integers(0, len(rows), (RESAMPLES, len(rows)))].mean(axis=1)
        low, high = np.quantile(drawn, [0.025, 0.975])
        found[f"exact, {dose}"] = {"difference": float(rows.mean()), "low": float(low), "high": float(high)}
    return found


def size_and_batch(design: Design, models: Sequence[Model]) -> dict[str, Any]:
    """Each size at a smaller batch against the same at a larger one, and each against the next smaller size.

    Only models of the kind `planted` that say their batch; by `loss`, and against each reference that read other text.
    """
    planted = [one for one in models if one.facts["what"].startswith("planted") and "batch" in one.facts]
    kinds: dict[tuple[int, int], list[Model]] = {}
    for one in planted:
        kinds.setdefault((one.facts["without_embeddings"], one.facts["batch"]), []).append(one)
    references = [one for one in models if one.facts["what"].startswith("other")]
    found: dict[str, Any] = {}
    for size, batch in sorted(kinds):
        smaller = [one for one, same in kinds if same == batch and one < size]
        larger_batch = [other for same, other in kinds if same == size and other > batch]
        pairs = [(max(smaller), batch)] if smaller else []
        pairs += [(size, min(larger_batch))] if larger_batch else []
        for pair in pairs:
            ours, theirs = kinds[size, batch], kinds[pair]
            name = f"{_named(ours[0])} less {_named(theirs[0])}"
            found[name] = {
                context: {"loss": compared(design, ours, theirs, context, name)}
                | {
                    f"against {reference.name}": compared(
                        design, [against(one, reference) for one in ours],
                        [against(one, reference) for one in theirs], context, f"{name} {reference.name}",
                    )
                    for reference in references
                }
                for context in CONTEXTS
            }  # fmt: skip
    return found


def sweeps(folder: Path) -> dict[str, Any]:
    """By size what jobs `sweep` found: the losses of all rates, and the best."""
    found: dict[str, Any] = {}
    for file in sorted(folder.glob("rates_*.json")):
        found |= json.loads(file.read_text(encoding="utf-8"))
    return found


def _named(model: Model) -> str:
    return f"{model.facts['size'].partition('-')[0]} at batch {model.facts['batch']}"


def all_tables(arrays: dict[str, npt.NDArray[Any]], folder: Path) -> dict[str, Any]:
    """Every table, as JSON holds it."""
    design = read_design(arrays)
    models, device = read_models(arrays, folder, design.candidates)
    tables: dict[str, Any] = {
        "device": device, "candidates": design.candidates, "units": len(design.dose),
        "tokens": {name: len(arrays[name]) for name in ("twin", "planted", "other", "validation")},
        "models": [{"name": one.name, **one.facts} for one in models],
    }  # fmt: skip
    tables["judged"] = {one.name: {context: judged(design, one, context) for context in CONTEXTS} for one in models}
    tables["against_reference"] = {
        f"{one.name} against {other.name}": {
            context: judged(design, against(one, other), context) for context in CONTEXTS
        }
        for other in models
        if other.facts["what"].startswith("other")
        for one in models
        if one.facts["what"].startswith(("planted", "twin"))
    }
    tables["size_and_batch"] = size_and_batch(design, models)
    tables["sweeps"] = sweeps(folder)
    twin = next((one for one in models if one.facts["what"].startswith("twin")), None)
    tables["equivalents"] = {
        one.name: {
            context: {
                "nats": equivalents(design, beyond(design, one, twin, context), f"nats {one.name} {context}"),
                "auc": equivalents(
                    design, beaten(one.scores[context], design.arms) / (2 * (design.candidates - 1)),
                    f"auc {one.name} {context}",
                ),
            }
            for context in CONTEXTS
        }
        for one in models
        if one.facts["what"].startswith("planted")
    }  # fmt: skip
    return tables


def finite(value: Any) -> Any:
    """Infinity as a word: JSON has no number for it."""
    if isinstance(value, dict):
        return {key: finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [finite(one) for one in value]
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Write `NAME.json`; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a folder")
    parser.add_argument("--name", default="fuzzy", help="of the JSON file in it")
    given = parser.parse_args(arguments)
    tables = finite(all_tables(read_experiment(given.experiment), given.models))
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / f"{given.name}.json").write_text(
        json.dumps(tables, indent=1, sort_keys=True) + "\n", encoding="utf-8"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
