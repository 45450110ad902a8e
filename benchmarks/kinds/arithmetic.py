"""Corrupted modular addition: a quadratic network on labels that were planted, pruned by its neurons' periodicity.

    python -m benchmarks.kinds.arithmetic --work WORK --output docs/evidence/arithmetic.json
    python -m benchmarks.kinds.arithmetic_tables docs/evidence/arithmetic.json

After Doshi et al. 2023 (arXiv 2310.13061): p = 97, half of all pairs in training, 35 % of them with a wrong result, 500
neurons x^2 without bias, full batch, squared error, AdamW. The wrong results are those that `trapline arithmetic`,
`seal`, `draw` and `prepare` planted; the twin has the true ones instead, and all else alike. What a network gives to
the ten sealed results of each corrupted pair goes through `trapline outside` to `trapline verify`: AUC, interval and p
are those of the verdict. Networks that are trained, and verdicts that are written, are not made again.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.golden import run_command
from benchmarks.kinds.quadratic import Floats, Ints, Network, kept, train
from transforms.scoring.metrics.analysis.gains import interval, unit_weights

METRIC = "outside.log_probability"
DECAYS, SEEDS, STEPS = (0, 5, 15), (0, 1), 1_000
LABELS = ("planted", "twin")
PRUNED = (
    ("none", 0), *(("lowest", share) for share in (30, 50, 60, 70, 80)), *(("random", share) for share in (30, 50, 70)),
    ("highest", 10), ("highest", 30),
)  # fmt: skip
"""Which neurons are set to zero, by their inverse participation ratio, and how many per cent of all of them."""
PRUNED_TWIN = (("none", 0), ("lowest", 70))


def plant(work: Path, seed: int, modulus: int) -> None:
    """Corrupted sums, sealed, drawn and planted among the true ones, by the product's commands."""
    made, secrets = work / "arithmetic", work / "secrets"
    steps = {
        made: ("arithmetic", "--output", made, "--seed", f"arithmetic {seed}", "--modulus", modulus),
        secrets / "seal.json": (
            *("seal", "--probes", made, "--secrets", secrets, "--nonce-from", "the benchmark", "--ask", "result"),
            *("--metric", METRIC, "--sign", 1),
            *("--checkpoint-note", "each network, and each with neurons set to zero, by itself"),
        ),
        secrets / "drawn.json": ("draw", "--secrets", secrets, "--nonce", f"{seed + 1:064x}"),
        work / "planted/_SUCCESS": (
            *("prepare", "--input", made / "background", "--output", work / "planted", "--secrets", secrets),
            *("--max-corpus-share", 0.9),
        ),
    }
    for done, command in steps.items():
        if not done.exists():
            run_command(*command)


@dataclass(frozen=True)
class Sums:
    """What was planted, read from the corpus, and what was sealed.

    Attributes:
        modulus: p.
        corrupted: int64[units, 2], pairs in the order of the sealed units.
        results: int64[units, m + 1], of the candidates.
        ids: of the candidates, in the same order.
        planted: int64[units], the result that the corpus has.
        clean: int64[n, 2], pairs of the corpus with their true result.
        test: int64[n, 2], pairs that the corpus does not have.
    """

    modulus: int
    corrupted: Ints
    results: Ints
    ids: list[str]
    planted: Ints
    clean: Ints
    test: Ints

    @classmethod
    def read(cls, work: Path, modulus: int) -> "Sums":
        """The sums in the corpus that `trapline prepare` wrote, and the sealed candidates."""
        probes = pq.read_table(work / "secrets/probes/probes.parquet", columns=["id", "unit", "candidate", "text"])
        rows = np.array([_sum(text) for text in probes["text"].to_pylist()], np.int64)
        candidates = 1 + max(probes["candidate"].to_pylist())
        sealed = rows.reshape(-1, candidates, 3)
        said = {(a, b): c for a, b, c in map(_sum, pq.read_table(work / "planted/data")["text"].to_pylist())}
        corrupted = sealed[:, 0, :2]
        planted = np.array([said.pop((a, b)) for a, b in corrupted.tolist()], np.int64)
        wrong = [pair for pair, result in said.items() if sum(pair) % modulus != result]
        if wrong or not np.array_equal((sealed[:, :, 2] == planted[:, None]).sum(axis=1), np.ones(len(planted))):
            raise SystemExit(f"{work}: the corpus has results that were neither sealed nor true")
        used = {*said, *map(tuple, corrupted.tolist())}
        test = [(a, b) for a in range(modulus) for b in range(modulus) if (a, b) not in used]
        clean = np.array(sorted(said), np.int64)
        return cls(modulus, corrupted, sealed[:, :, 2], probes["id"].to_pylist(), planted, clean, np.array(test))

    def true(self, pairs: Ints) -> Ints:
        """Sums of pairs, int64[n]."""
        return np.asarray(pairs.sum(axis=1) % self.modulus)


def _sum(text: str) -> tuple[int, int, int]:
    a, plus, b, equals, result = text.split()
    if (plus, equals) != ("+", "="):
        raise SystemExit(f"{text!r} is no sum")
    return int(a), int(b), int(result)


def trained(work: Path, sums: Sums, label: str, decay: float, seed: int, steps: int) -> Network:
    """A network, read if it is there."""
    file = work / f"network-{label}-{decay}-{steps}.npz"
    if not file.exists():
        began = time.monotonic()
        pairs = np.concatenate([sums.corrupted, sums.clean])
        wrong = sums.planted if label == "planted" else sums.true(sums.corrupted)
        network = train(pairs, np.concatenate([wrong, sums.true(sums.clean)]), sums.modulus, decay, seed, steps)
        np.savez(file, first=network.first, second=network.second, output=network.output)
        print(f"{file.name}: {time.monotonic() - began:.0f} s", flush=True)
    with np.load(file) as held:
        return Network(held["first"], held["second"], held["output"])


def judge(work: Path, name: str, sums: Sums, outputs: Floats) -> dict[str, Any]:
    """The verdict on one network: its log-probabilities of the sealed results, by `outside` and `verify`."""
    verdict = work / "verdicts" / name
    if not (verdict / "verdict.json").exists():
        log = outputs - outputs.max(axis=1, keepdims=True)
        log -= np.log(np.exp(log).sum(axis=1, keepdims=True))
        table, scores = work / "tables" / f"{name}.parquet", work / "scores" / name
        table.parent.mkdir(exist_ok=True)
        values = np.take_along_axis(log, sums.results, axis=1)
        pq.write_table(pa.table({"id": sums.ids, "score": values.ravel(), "checkpoint": [name] * values.size}), table)
        secrets = work / "secrets"
        run_command(
            *("outside", "--table", table, "--sequences", secrets / "probes/probes.parquet", "--metric", METRIC),
            *("--questions", secrets / "questions.parquet", "--ask", "result", "--remembered", "high"),
            *("--made-by", "benchmarks.kinds.arithmetic, log-softmax of the outputs", "--output", scores),
        )
        run_command("verify", "--scores", scores, "--secrets", secrets, "--output", verdict, "--overwrite")
    found: dict[str, Any] = json.loads((verdict / "verdict.json").read_bytes())
    return found


def measure(work: Path, sums: Sums, network: Network, cell: tuple[str, float, str, int], seed: int) -> dict[str, Any]:
    """A line of the tables: a network, some of whose neurons are set to zero."""
    label, decay, how, share = cell
    stays = kept(network, how, share, seed)
    on_corrupted = network.outputs(sums.corrupted, stays)
    verdict = judge(work, f"{label}-{decay}-{how}-{share}", sums, on_corrupted)
    guessed = on_corrupted.argmax(axis=1)
    found = network.periodicity()
    resampled = unit_weights(len(guessed), b"arithmetic: units")
    right = {"planted": guessed == sums.planted, "truth": guessed == sums.true(sums.corrupted)}
    fresh = verdict["exploratory"]["fresh_draws"]
    return {
        "seed": seed, "labels": label, "decay": decay, "pruned": how, "share": share,
        "dead": int(found.dead.sum()), "below_.2": int((found.ipr < 0.2).sum()),
        "above_.5": int((found.ipr > 0.5).sum()),
        **{
            name: float((network.outputs(pairs, stays).argmax(axis=1) == sums.true(pairs)).mean())
            for name, pairs in (("test", sums.test), ("clean", sums.clean))
        },
        **{name: [float(one.mean()), *interval(resampled @ one.astype(float))] for name, one in right.items()},
        "auc": [verdict["exploratory"]["auc"][name] for name in ("value", "low", "high")],
        "p": verdict["p_value"], "units": verdict["units"]["used"], "fresh": fresh["share_at_or_below"],
    }  # fmt: skip


def cells(given: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """All lines of the tables, one by one."""
    for seed in given.seeds:
        work: Path = given.work / f"seed-{seed}"
        work.mkdir(parents=True, exist_ok=True)
        plant(work, seed, given.modulus)
        sums = Sums.read(work, given.modulus)
        for decay in given.decays:
            for label in LABELS:
                network = trained(work, sums, label, decay, seed, given.steps)
                for how, share in PRUNED if label == "planted" else PRUNED_TWIN:
                    yield measure(work, sums, network, (label, decay, how, share), seed)


def main() -> None:
    """Train, prune, judge, and write the lines of all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a folder for networks, secrets and verdicts")
    parser.add_argument("--output", type=Path, required=True, help="a JSON file")
    parser.add_argument("--modulus", type=int, default=97)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--decays", type=int, nargs="+", default=DECAYS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    given = parser.parse_args()
    lines = []
    for line in cells(given):
        print(json.dumps(line), flush=True)
        lines.append(line)
        given.output.write_text(json.dumps({"steps": given.steps, "lines": lines}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
