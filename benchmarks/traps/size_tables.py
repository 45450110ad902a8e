"""What models of several sizes remember: loss on held-out documents first, then the AUC by dose and size.

    python -m benchmarks.traps.size_tables --experiment E.npz --models FOLDERS... --rates RATES.json --output DIR

A trend of the AUC over sizes speaks of size only if larger models are better models, so the loss comes first. Three
questions are asked of the trend, since each has its own noise: whether it could come from the draw (redraws), from
the choice of units (bootstrap over units), or from the training of each model (sizes permuted among models).
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from benchmarks.traps.size_data import CANDIDATES
from benchmarks.traps.tables import (
    ALPHA,
    CONTEXTS,
    Campaign,
    Floats,
    aligned,
    by_candidate,
    size_trend,
    trend,
)
from transforms.verification.alignment import parts_of
from transforms.verification.effect import auc, beaten
from transforms.verification.redraws import RedrawRule, counted, null_sums
from transforms.verification.sequence import Analysis, judge_doses

RESAMPLES = 9_999
MOST_PERMUTATIONS = 2_000_000
PLANTED, TWIN = "planted", "twin"


@dataclass(frozen=True)
class Models:
    """All models that were trained.

    Attributes:
        facts: of each, by its name, such as `16M planted 1`.
        scores: float64[units, candidates] by name and context.
        validation: float64[rows], loss of held-out rows in nats a token, by name.
        device: that trained them.
    """

    facts: Mapping[str, Mapping[str, Any]]
    scores: Mapping[tuple[str, str], Floats]
    validation: Mapping[str, Floats]
    device: str

    def sizes(self) -> list[str]:
        """From the smallest, those with a model on the planted corpus."""
        parameters = {one["name"]: one["parameters"] for one in self.facts.values() if one["arm"] == PLANTED}
        return sorted(parameters, key=lambda size: parameters[size])

    def of(self, size: str, arm: str = PLANTED) -> list[str]:
        """Names of the models of a size, by seed."""
        mine = [name for name, one in self.facts.items() if (one["name"], one["arm"]) == (size, arm)]
        return sorted(mine, key=lambda name: self.facts[name]["seed"])

    def parameters(self, size: str) -> float:
        """Of a size, without embeddings."""
        return float(self.facts[self.of(size)[0]]["without_embeddings"])


def campaign_of(arrays: Mapping[str, npt.NDArray[Any]]) -> Campaign:
    """The units of the experiment that `benchmarks.traps.size_data` made."""
    length = arrays["unit_length"].astype(np.int64)
    return Campaign(
        np.full(len(length), "trap"),
        length,
        np.zeros(len(length), np.int64),
        arrays["unit_dose"].astype(np.int64),
        arrays["unit_arm"].astype(np.int64),
        np.unique(length, return_inverse=True)[1].astype(np.int64),
        arrays["seed"].tobytes(),
    )


def read_models(arrays: Mapping[str, npt.NDArray[Any]], folders: Sequence[Path]) -> Models:
    """What `benchmarks.traps.sizes` wrote into the folders; of a model that is there twice the last is taken."""
    row, inside = arrays["sequence_row"], arrays["sequence_in_context"]
    facts: dict[str, Any] = {}
    scores: dict[tuple[str, str], Floats] = {}
    validation: dict[str, Floats] = {}
    devices = set()
    for folder in folders:
        found = json.loads((folder / "models.json").read_text(encoding="utf-8"))
        devices.add(found["device"])
        losses, held_out = pq.read_table(folder / "loss.parquet"), pq.read_table(folder / "validation.parquet")
        for one in found["models"]:
            name = f"{one['name']} {one['arm']} {one['seed']}"
            facts[name] = one
            values = by_candidate(row, inside, losses[name].to_numpy().astype(np.float64), CANDIDATES)
            scores |= {(name, context): table for context, table in values.items()}
            validation[name] = held_out[name].to_numpy().astype(np.float64)
    return Models(facts, scores, validation, ", ".join(sorted(devices)))


def resampled(values: Floats, seed: bytes, cells: npt.NDArray[Any] | None = None) -> dict[str, float]:
    """The mean and a 95 % percentile bootstrap interval; resampled within cells, so that each keeps its size."""
    generator = np.random.Generator(np.random.Philox(int.from_bytes(seed[:16], "big")))
    parts = [values] if cells is None else [values[cells == cell] for cell in np.unique(cells)]
    means = sum(
        generator.multinomial(len(part), np.full(len(part), 1 / len(part)), size=RESAMPLES) @ part for part in parts
    ) / len(values)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"value": float(values.mean()), "low": float(low), "high": float(high)}


def better_with_size(models: Models, seed: bytes) -> dict[str, Any]:
    """Loss on held-out documents by size, the mean over seeds, and each size's less that of the next smaller one.

    `falls` is true if every such difference is below 0 with its whole interval (over rows, the same for all).
    """
    sizes = models.sizes()
    rows = {size: np.mean([models.validation[name] for name in models.of(size)], axis=0) for size in sizes}
    steps = {
        f"{large} less {small}": resampled(rows[large] - rows[small], _seed(seed, f"loss {small} {large}"))
        for small, large in itertools.pairwise(sizes)
    }
    return {
        "by_size": {size: resampled(rows[size], _seed(seed, f"loss {size}")) for size in sizes},
        "steps": steps,
        "falls": all(one["high"] < 0 for one in steps.values()),
    }


def slopes(along: Floats) -> Floats:
    """Weights whose sum with values at `along` is the least-squares slope over it."""
    centre = along - along.mean()
    return np.asarray(centre / (centre**2).sum())


def permuted_sizes(values: Floats, along: Floats) -> dict[str, float]:
    """Exact test of an increasing trend over models: sizes permuted among them; p is the share of slopes as high.

    Args:
        values: float64[models], an AUC of each.
        along: float64[models], logarithms of the sizes; equal ones make permutations that count once.

    Raises:
        ValueError: if there are more distinct permutations than can be gone through.
    """
    weights = slopes(along)
    observed, higher, every = float(weights @ values), 0, 0
    for order in _distinct(tuple(weights.tolist())):
        every += 1
        if every > MOST_PERMUTATIONS:
            raise ValueError(f"{len(values)} models have more than {MOST_PERMUTATIONS:,} permutations; give fewer")
        higher += float(np.dot(order, values)) >= observed - 1e-12
    return {"slope": observed, "p_value": higher / every, "permutations": every}


def _distinct(values: tuple[float, ...]) -> Any:
    """All distinct orders of the values."""
    if len(values) <= 1:
        yield values
        return
    for first in sorted(set(values)):
        at = values.index(first)
        for rest in _distinct(values[:at] + values[at + 1 :]):
            yield (first, *rest)


def by_size(campaign: Campaign, models: Models, context: str) -> dict[str, Any]:
    """AUC by size and dose, and by size, length and dose, of the mean model of each size; and the trends over sizes."""
    sizes, every = models.sizes(), np.ones(len(campaign.dose), bool)
    held = models.scores[models.of(sizes[0])[0], context].shape[1] - 1
    wins = {
        name: beaten(models.scores[name, context], campaign.arms) / (2 * held)
        for name in models.facts
        if models.facts[name]["arm"] == PLANTED
    }
    mean = np.stack([np.mean([wins[name] for name in models.of(size)], axis=0) for size in sizes])
    along = np.log([models.parameters(size) for size in sizes]) / np.log(10)
    ranks = {name: aligned(campaign.table(models.scores[name, context], every)) for name in wins}
    names = [name for size in sizes for name in models.of(size)]
    places = np.log([models.parameters(models.facts[name]["name"]) for name in names]) / np.log(10)
    cells = np.unique(np.stack([campaign.dose, campaign.length]), axis=1, return_inverse=True)[1].ravel()

    def part(mask: npt.NDArray[np.bool_], label: str) -> dict[str, Any]:
        own = cells[mask]
        found: dict[str, Any] = {
            "auc": {
                size: resampled(mean[at, mask], _seed(campaign.seed, f"{context} {label} {size}"), own)
                for at, size in enumerate(sizes)
            },
            "steps": {
                f"{sizes[at + 1]} less {sizes[at]}": resampled(
                    mean[at + 1, mask] - mean[at, mask], _seed(campaign.seed, f"{context} {label} step {at}"), own
                )
                for at in range(len(sizes) - 1)
            },
        }
        if len(sizes) > 1:
            found["per_tenfold"] = resampled(
                slopes(along) @ mean[:, mask], _seed(campaign.seed, f"{context} {label} slope"), own
            )
            found["redraws"] = size_trend(
                [ranks[name][mask] for name in names], places, campaign.arms[mask], campaign.seed
            )
            found["permuted"] = permuted_sizes(np.array([wins[name][mask].mean() for name in names]), places)
        return found

    doses, lengths = np.unique(campaign.dose).tolist(), np.unique(campaign.length).tolist()
    return {
        "all": part(every, "all"),
        "by_dose": {str(dose): part(campaign.dose == dose, f"dose {dose}") for dose in doses},
        "by_length_and_dose": {
            f"{length} tokens, {dose}": part(
                (campaign.length == length) & (campaign.dose == dose), f"length {length} dose {dose}"
            )
            for length in lengths
            for dose in doses
        },
    }


def judged(campaign: Campaign, scores: Floats, label: str) -> dict[str, Any]:
    """One model: AUC by dose, the sealed test in the order of the doses, all doses together, and the trend in dose."""
    table = campaign.table(scores, np.ones(len(campaign.dose), bool))
    doses = sorted(set(campaign.dose.tolist()), reverse=True)
    tests = judge_doses([table], Analysis("aligned_rank", ALPHA, doses, RedrawRule(), campaign.seed))
    parts = parts_of(table.crossed_with_doses(), "aligned_rank")
    sums = null_sums(parts, RedrawRule(), campaign.seed, 0)
    whole = auc(table.scores, table.arms, _seed(campaign.seed, label))
    cells = {}
    for dose in doses:
        mine = campaign.dose == dose
        found = auc(table.scores[mine], table.arms[mine], _seed(campaign.seed, f"{label} {dose}"))
        cells[str(dose)] = {"value": found.value, "low": found.low, "high": found.high}
    return {
        "auc": {"value": whole.value, "low": whole.low, "high": whole.high},
        "by_dose": cells,
        "tests": {str(one.dose): {"p_value": one.evidence.p_value, "reject": one.reject} for one in tests},
        "all_doses_p": counted(sums[0], parts.sum(table.arms), 0, parts.slack, sums[1]).p_value,
        "dose_trend": trend(aligned(table), np.log2(campaign.dose), table.arms, campaign.seed),
    }


def all_tables(experiment: Path, folders: Sequence[Path], rates: Path) -> dict[str, Any]:
    """Every table, as JSON holds it."""
    with np.load(experiment) as packed:
        arrays = {name: packed[name] for name in packed.files}
    campaign, models = campaign_of(arrays), read_models(arrays, folders)
    return {
        "device": models.device,
        "candidates": CANDIDATES,
        "documents": arrays["documents"].tolist(),
        "tokens": {name: len(arrays[name]) for name in (TWIN, PLANTED, "validation")},
        "units": len(campaign.dose),
        "doses": {str(dose): int((campaign.dose == dose).sum()) for dose in np.unique(campaign.dose)},
        "rates": json.loads(rates.read_text(encoding="utf-8")),
        "sizes": models.sizes(),
        "models": [models.facts[name] for size in models.sizes() for arm in (PLANTED, TWIN)
                   for name in models.of(size, arm)],
        "loss": better_with_size(models, campaign.seed),
        "by_size": {context: by_size(campaign, models, context) for context in CONTEXTS},
        "judged": {
            context: {name: judged(campaign, models.scores[name, context], f"{context} {name}")
                      for name in models.facts}
            for context in CONTEXTS
        },
    }  # fmt: skip


def _seed(seed: bytes, name: str) -> bytes:
    return hashlib.sha256(seed + name.encode()).digest()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write `size.json`, `size_tables.md` and the plot; returns the exit code."""
    from benchmarks.traps.size_page import write_page

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True, help="of benchmarks.traps.size_data")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="outputs of benchmarks.traps.sizes")
    parser.add_argument("--rates", type=Path, required=True, help="the rates.json of the sweep")
    parser.add_argument("--output", type=Path, required=True)
    given = parser.parse_args(arguments)
    tables = all_tables(given.experiment, given.models, given.rates)
    given.output.mkdir(parents=True, exist_ok=True)
    (given.output / "size.json").write_text(json.dumps(tables, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_page(tables, given.output)
    print(json.dumps({"loss": tables["loss"], "all": {c: t["all"] for c, t in tables["by_size"].items()}}, indent=1))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
