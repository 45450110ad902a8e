"""What the scores of `trap_models.py` say: AUC by length, dose, perplexity and size of model, tests, trends."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.verification.alignment import doubled_midranks, parts_of
from transforms.verification.effect import auc, beaten
from transforms.verification.redraws import RedrawRule, counted, fresh_p_values, monte_carlo, null_sums
from transforms.verification.sequence import Analysis, judge_doses, minimum_detected
from transforms.verification.table import ScoreTable

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
ALPHA, TREND_REDRAWS, FRESH_DRAWS, RESAMPLES = 0.001, 99_999, 200_000, 1_999
WANTED_AUC = 0.75
CONTEXTS = ("without context", "in context")


@dataclass(frozen=True)
class Campaign:
    """Units in the order of the leaves, without scores.

    Attributes:
        kind: of each unit, 'trap' or 'puzzle'.
        length: tokens.
        bucket: of perplexity, 0 the lowest.
        dose: copies.
        arms: the drawn candidates.
        stratum: number of the stratum.
        seed: of the redraws.
    """

    kind: npt.NDArray[Any]
    length: Ints
    bucket: Ints
    dose: Ints
    arms: Ints
    stratum: Ints
    seed: bytes

    def table(self, scores: Floats, chosen: npt.NDArray[np.bool_]) -> ScoreTable:
        """The chosen units with scores, as the verdict's kernels take them."""
        strata = np.unique(self.stratum[chosen], return_inverse=True)[1]
        return ScoreTable(
            scores[chosen],
            self.arms[chosen],
            strata,
            np.ones(int(strata.max()) + 1),
            self.dose[chosen],
            np.flatnonzero(chosen),
        )


def read_campaign(secrets: Path) -> tuple[Campaign, int]:
    """The campaign in a folder of secrets, and how many candidates a unit has."""
    from transforms.planting.ledger.check_secrets import open_secrets

    sealed = open_secrets(secrets)
    assert sealed.randomness is not None
    probes = pq.read_table(secrets / "probes/probes.parquet")
    candidates = len(sealed.units[0].candidates)
    first = probes.take(np.arange(0, probes.num_rows, candidates))
    strata = first["stratum"].to_pylist()
    traps = np.array(first["kind"].to_pylist()) == "trap"
    # A trap's stratum is named by its length and bucket, such as 25xb01.
    parts = [name.partition("xb") if trap else ("0", "", "0") for name, trap in zip(strata, traps, strict=True)]
    campaign = Campaign(
        np.where(traps, "trap", "puzzle"),
        np.array([int(length) for length, _, _ in parts]),
        np.array([int(bucket) for _, _, bucket in parts]),
        np.array(first["dose"].to_pylist(), np.int64),
        np.asarray(sealed.arms, np.int64),
        np.unique(strata, return_inverse=True)[1].astype(np.int64),
        hashlib.sha256(sealed.commitment.root).digest(),
    )
    return campaign, candidates


def read_scores(work: Path, candidates: int) -> dict[tuple[str, str, str], Floats]:
    """Scores by size, arm and context, float64[units, candidates]; a candidate's is the mean over its slots.

    Arms are `planted`, `twin`, and `difference`: what the first gives a candidate beyond what the second does.
    """
    index = pq.read_table(work / "sequences.parquet")
    row, inside = index["sequence_row"].to_numpy(), index["sequence_in_context"].to_numpy()
    table = pq.read_table(work / "models/loss.parquet")
    found = {}
    for name in table.column_names:
        size, arm = name.split(" ")
        for context, values in by_candidate(row, inside, table[name].to_numpy().astype(np.float64), candidates).items():
            found[size, arm, context] = values
    for size, arm, context in list(found):
        if arm == "planted" and (size, "twin", context) in found:
            # The metric difference_nll with the twin as reference: same tokens, so the means subtract.
            found[size, "difference", context] = found[size, arm, context] - found[size, "twin", context]
    return found


def by_candidate(row: Ints, inside: Ints, values: Floats, candidates: int) -> dict[str, Floats]:
    """Scores of candidates from those of sequences, float64[units, candidates] by context: the mean over slots.

    Args:
        row: int[sequences], the candidate that a sequence holds.
        inside: int[sequences], 1 in context and 0 without.
        values: float64[sequences].
        candidates: of a unit.
    """
    found = {}
    for number, context in enumerate(CONTEXTS):
        mine = inside == number
        means = np.bincount(row[mine], values[mine]) / np.bincount(row[mine])
        found[context] = means.reshape(-1, candidates)
    return found


def aligned(table: ScoreTable) -> Ints:
    """What each candidate would contribute, in billionths: aligned ranks within strata and doses, -1/2 to 1/2."""
    crossed = table.crossed_with_doses()
    sizes = np.bincount(crossed.strata) * crossed.scores.shape[1] + 1
    ranks = doubled_midranks(crossed.scores, crossed.strata) / 2
    return np.asarray(np.rint((ranks / sizes[crossed.strata][:, None] - 0.5) * 1e9), np.int64)


def trend(contributions: Ints, along: Floats, arms: Ints, seed: bytes) -> dict[str, float]:
    """Test of an increasing trend: sum over units of (x_i - mean x) A_{i, D_i}, against redraws of the draw D.

    Args:
        contributions: int64[units, candidates].
        along: float64[units], what the effect should increase with.
        arms: int64[units].
        seed: of the redraws.
    """
    weights = np.rint((along - along.mean()) / along.std() * 1000).astype(np.int64)
    return _redrawn(contributions // 1000 * weights[:, None], arms, seed)


def size_trend(contributions: Sequence[Ints], along: Floats, arms: Ints, seed: bytes) -> dict[str, float]:
    """The same for models: sum over models k of (x_k - mean x) A^k_{i, D_i}, over all units."""
    weights = np.rint((along - along.mean()) / along.std() * 1000).astype(np.int64)
    total = np.zeros_like(contributions[0])
    for weight, part in zip(weights, contributions, strict=True):
        total += part // 1000 * weight
    return _redrawn(total, arms, seed)


def _redrawn(values: Ints, arms: Ints, seed: bytes) -> dict[str, float]:
    sums = monte_carlo(values[None], TREND_REDRAWS, seed)[0]
    observed = int(values[np.arange(len(arms)), arms].sum())
    redrawn = counted(sums, observed, int(values.max(axis=1).sum()), 0, enumerated=False)
    return {"z": float((observed - sums.mean()) / sums.std()), "p_value": redrawn.p_value}


def dose_of_auc(wins: Floats, doses: Ints, wanted: float = WANTED_AUC) -> float:
    """The dose at which the AUC reaches `wanted`: between tested doses, by log dose, after making the AUC monotone.

    Args:
        wins: float64[units], share of held-outs that the planted one beats.
        doses: int64[units].
        wanted: the AUC.

    Returns:
        The dose; 0 if the lowest is above already, infinity if the highest is below.
    """
    tested = np.unique(doses)
    means = np.array([wins[doses == dose].mean() for dose in tested])
    sizes = np.array([(doses == dose).sum() for dose in tested])
    curve = monotone(means, sizes)
    if curve[0] >= wanted:
        return 0.0
    if curve[-1] < wanted:
        return float("inf")
    above = int(np.argmax(curve >= wanted))
    low, high = np.log2(tested[above - 1]), np.log2(tested[above])
    share = (wanted - curve[above - 1]) / (curve[above] - curve[above - 1])
    return float(2 ** (low + share * (high - low)))


def monotone(values: Floats, sizes: npt.NDArray[Any]) -> Floats:
    """The nearest ascending sequence (pool adjacent violators; weights `sizes`)."""
    blocks: list[tuple[float, float, int]] = []
    for value, size in zip(values, sizes, strict=True):
        mean, weight, count = float(value), float(size), 1
        while blocks and blocks[-1][0] > mean:
            other, more, many = blocks.pop()
            mean, weight, count = (mean * weight + other * more) / (weight + more), weight + more, count + many
        blocks.append((mean, weight, count))
    return np.concatenate([np.full(count, mean) for mean, _, count in blocks])


def with_interval(wins: Floats, doses: Ints, seed: bytes) -> dict[str, float]:
    """The dose of AUC .75 and a 95 % percentile bootstrap interval over the units of each dose."""
    generator = np.random.Generator(np.random.Philox(int.from_bytes(seed[:16], "big")))
    rows = [np.flatnonzero(doses == dose) for dose in np.unique(doses)]
    found = []
    for _ in range(RESAMPLES):
        chosen = np.concatenate([generator.choice(part, len(part)) for part in rows])
        found.append(dose_of_auc(wins[chosen], doses[chosen]))
    low, high = np.quantile(found, [0.025, 0.975], method="nearest")
    return {"dose": dose_of_auc(wins, doses), "low": float(low), "high": float(high)}


def judge(campaign: Campaign, scores: Floats, kind: str, doses: Sequence[int]) -> dict[str, Any]:
    """All tables of one model and one kind of probe."""
    chosen = campaign.kind == kind
    table = campaign.table(scores, chosen)
    length, bucket, dose = campaign.length[chosen], campaign.bucket[chosen], campaign.dose[chosen]

    def cell(mask: npt.NDArray[np.bool_], name: str) -> dict[str, Any]:
        found = auc(table.scores[mask], table.arms[mask], hashlib.sha256(campaign.seed + name.encode()).digest())
        return {"auc": found.value, "low": found.low, "high": found.high, "units": found.units}

    analysis = Analysis("aligned_rank", ALPHA, doses, RedrawRule(), campaign.seed)
    tests = judge_doses([table], analysis)
    parts = parts_of(table.crossed_with_doses(), "aligned_rank")
    sums = null_sums(parts, RedrawRule(), campaign.seed, 0)
    real = counted(sums[0], parts.sum(table.arms), 0, parts.slack, sums[1]).p_value
    fresh = fresh_p_values(parts, sums, FRESH_DRAWS, hashlib.sha256(campaign.seed + b"fresh").digest())
    found: dict[str, Any] = {
        "all": cell(np.ones(len(table), bool), "all"),
        "by_dose": {str(one): cell(dose == one, f"dose {one}") for one in sorted(doses)},
        "tests": {str(one.dose): {"p_value": one.evidence.p_value, "reject": one.reject} for one in tests},
        "held_out_log_prob": float(np.delete(table.scores.ravel(), _drawn(table)).mean()),
        "minimum_detected": minimum_detected(tests),
        "all_doses_p": real,
        "fresh_draws": {str(level): float((fresh <= level).mean()) for level in (0.05, 0.01, 0.001)},
    }
    if kind == "trap":
        wins = beaten(table.scores, table.arms) / (2 * table.controls)
        values = aligned(table)
        found["by_length_and_dose"] = {
            str(long): {str(one): cell((length == long) & (dose == one), f"{long} {one}") for one in sorted(doses)}
            for long in np.unique(length).tolist()
        }
        found["by_perplexity_and_dose"] = {
            str(low): {str(one): cell((bucket == low) & (dose == one), f"b{low} {one}") for one in sorted(doses)}
            for low in np.unique(bucket).tolist()
        }
        found["dose_of_auc"] = {
            str(long): with_interval(wins[length == long], dose[length == long], campaign.seed + bytes([at]))
            for at, long in enumerate(np.unique(length).tolist())
        }
        found["trends"] = {
            "dose": trend(values, np.log2(dose), table.arms, campaign.seed),
            "length": trend(values, np.log2(length), table.arms, campaign.seed),
        }
        if np.ptp(bucket):
            found["trends"]["perplexity"] = trend(values, bucket.astype(float), table.arms, campaign.seed)
    return found


def _drawn(table: ScoreTable) -> Ints:
    """Places of the drawn candidates among all."""
    return np.asarray(np.arange(len(table)) * table.scores.shape[1] + table.arms, np.int64)


def survivors(work: Path) -> dict[str, Any]:
    """Copies that a second deduplication of the planted corpus leaves.

    A trap is there if its document is, by id; of puzzles, which are documents without ids, those with their text are
    counted.
    """
    ledger = pq.read_table(
        work / "secrets/ledger/ledger.parquet", columns=["kind", "dose", "candidate", "shard", "row"]
    )
    probes = pq.read_table(work / "secrets/probes/probes.parquet", columns=["id", "text"])
    texts = dict(zip(probes["id"].to_pylist(), probes["text"].to_pylist(), strict=True))
    ids: dict[tuple[int, int], Any] = {}
    for number, shard in enumerate(sorted((work / "planted/data").glob("*.parquet"))):
        for row, identity in enumerate(pq.read_table(shard, columns=["id"], partitioning=None)["id"].to_pylist()):
            ids[number, row] = identity
    kept: set[Any] = set()
    alone: Counter[str] = Counter()
    for shard in (work / "again/data").glob("*.parquet"):
        for one in pq.read_table(shard, columns=["id", "text"], partitioning=None).to_pylist():
            if one["id"] is None:
                alone[one["text"]] += 1
            else:
                kept.add(one["id"])
    counts: dict[str, dict[str, Counter[str]]] = {}
    for one in ledger.to_pylist():
        counter = counts.setdefault(one["kind"], {}).setdefault(str(one["dose"]), Counter())
        counter["copies"] += 1
        identity, text = ids[one["shard"], one["row"]], texts[one["candidate"]]
        if identity is not None:
            counter["survive"] += identity in kept
        elif alone[text]:
            alone[text] -= 1
            counter["survive"] += 1
    return {kind: {dose: dict(found) for dose, found in sorted(doses.items(), key=lambda one: int(one[0]))}
            for kind, doses in counts.items()}  # fmt: skip


def all_tables(work: Path) -> dict[str, Any]:
    """Every table, as JSON can hold it."""
    campaign, candidates = read_campaign(work / "secrets")
    scores = read_scores(work, candidates)
    facts = json.loads((work / "models/models.json").read_text(encoding="utf-8"))
    parameters = {one["name"]: one["parameters"] for one in facts["models"]}
    tables: dict[str, Any] = {**facts, "candidates": candidates, "judged": {}, "size_trend": {}}
    doses = {kind: sorted(set(campaign.dose[campaign.kind == kind].tolist()), reverse=True)
             for kind in sorted(set(campaign.kind.tolist()))}  # fmt: skip
    tables["units"] = {kind: int((campaign.kind == kind).sum()) for kind in doses}
    for (size, arm, context), values in scores.items():
        for kind, sequence in doses.items():
            if kind == "puzzle" and context != CONTEXTS[0]:
                continue  # documents of their own have no slots
            tables["judged"].setdefault(kind, {}).setdefault(context, {}).setdefault(arm, {})[size] = judge(
                campaign, values, kind, sequence
            )
    chosen = campaign.kind == "trap"
    for arm, context in sorted({(arm, context) for _, arm, context in scores}):
        sizes = [size for size in parameters if (size, arm, context) in scores]
        ranks = {size: aligned(campaign.table(scores[size, arm, context], chosen)) for size in sizes}
        pairs = itertools.combinations(sizes, 2) if len(sizes) > 2 else ()
        for group in (sizes, *pairs):
            along = np.log([float(parameters[size]) for size in group])
            tables["size_trend"][f"{', '.join(group)}: {arm}, {context}"] = size_trend(
                [ranks[size] for size in group], along, campaign.arms[chosen], campaign.seed
            )
    tables["second_deduplication"] = survivors(work)
    tables["perplexity"] = _perplexities(work)
    return tables


def _perplexities(work: Path) -> dict[str, dict[str, float]]:
    """Median perplexity, under the trigram model that made them, by bucket and length."""
    probes = pq.read_table(work / "secrets/probes/probes.parquet", columns=["kind", "stratum", "perplexity"])
    probes = probes.filter(pc.equal(probes["kind"], "trap"))
    found: dict[str, dict[str, list[float]]] = {}
    for one in probes.to_pylist():
        length, _, bucket = one["stratum"].partition("xb")
        found.setdefault(str(int(bucket)), {}).setdefault(length, []).append(one["perplexity"])
    return {
        bucket: {length: float(np.median(values)) for length, values in sorted(row.items(), key=lambda at: int(at[0]))}
        for bucket, row in sorted(found.items())
    }


def write_tables(work: Path, output: Path) -> Mapping[str, Any]:
    """Compute all tables and write `tables.json`, the page and the plots; returns what is worth a look first."""
    from benchmarks.traps.page import write_page

    tables = all_tables(work)
    output.mkdir(parents=True, exist_ok=True)
    (output / "tables.json").write_text(json.dumps(_finite(tables), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_page(tables, output)
    return {
        f"{context}, {arm}, {size}": {"auc": found["all"]["auc"], "p": found["all_doses_p"]}
        for context, arms in tables["judged"]["trap"].items()
        for arm, sizes in arms.items()
        for size, found in sizes.items()
    }


def _finite(value: Any) -> Any:
    """Infinity as a word: JSON has no number for it."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_finite(one) for one in value]
    return "infinite" if value == float("inf") else value
