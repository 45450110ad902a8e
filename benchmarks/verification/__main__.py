"""Figures of the exact test: false positives, power, speed of redraws, and a million scored sequences.

    python -m benchmarks.verification null       # 100,000 campaigns of each design in which the model saw nothing
    python -m benchmarks.verification power      # 2,000 campaigns of each planned design
    python -m benchmarks.verification redraws    # 999,999 redraws of 1,000 units
    python -m benchmarks.verification million    # trapline verify on 100,000 units of 10 candidates
    python -m benchmarks.verification kinds      # 10,000 fresh draws on an untrained model's scores, by kind of probe
    python -m benchmarks.verification            # all of them

Results go to docs/benchmarks/verification.json and, as tables, to docs/benchmarks/verification.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.measuring.measure import run
from benchmarks.verification import null_kinds
from benchmarks.verification.null_campaigns import BATCH, LEVELS, NULL_DESIGNS, POWER_DESIGNS, simulate
from schemas.public.scores import scores
from transforms.base.runs import pretty_json
from transforms.verification.alignment import contributions
from transforms.verification.redraws import RedrawRule, redraw_test

ROOT = Path(__file__).resolve().parents[2]
CAMPAIGNS, SIMULATIONS = 100_000, 2_000
UNITS, CONTROLS = 100_000, 9
PROCESSES = 2
RESULTS = ROOT / "docs/benchmarks/verification.json"
TRAPLINE = (sys.executable, "-m", "pipelines.cli")
Result = dict[str, Any]


def _null(at: int) -> Result:
    design = NULL_DESIGNS[at]
    found = simulate(design, range(CAMPAIGNS // BATCH))
    return {
        "design": design.name,
        "campaigns": len(found.p_values),
        "rates": {f"{level:g}": found.rate(level) for level in LEVELS},
        "at_most": {f"{level:g}": found.most(level) for level in LEVELS},
        "holds": all(found.rate(level) <= found.most(level) for level in LEVELS),
        "uniformity_p": found.uniform_p,
    }


def null() -> list[Result]:
    """Ordinary p-values against their levels, and how uniform the randomised ones are."""
    with ProcessPoolExecutor(PROCESSES) as pool:
        return list(pool.map(_null, range(len(NULL_DESIGNS))))


def power() -> list[Result]:
    """Share of campaigns of a known effect that are found at .001."""
    found = [simulate(design, range(SIMULATIONS // BATCH)) for design in POWER_DESIGNS]
    return [{"design": one.design.name, "simulations": SIMULATIONS, "rejected": one.rate(0.001)} for one in found]


def redraws() -> list[Result]:
    """Seconds for the redraws of one test, after a first call that loads the compiled kernel."""
    found = []
    for units, controls in ((1_000, 1), (1_000, 9), (10_000, 9), (100_000, 9)):
        generator = np.random.default_rng(units)
        table = generator.standard_normal((units, controls + 1))
        arms = generator.integers(0, controls + 1, units)
        parts = contributions(table, np.zeros(units, np.int64), np.ones(1))
        seconds = []
        for _ in range(4):
            began = time.perf_counter()
            redrawn = redraw_test(parts, arms, RedrawRule(), b"a seed of the redraws")
            seconds.append(time.perf_counter() - began)
        found.append({"units": units, "controls": controls, "redraws": redrawn.draws - 1, "seconds": min(seconds[1:])})
    return found


def million() -> Result:
    """`trapline verify` on a million scored sequences, from its start to its end."""
    folder = Path(tempfile.mkdtemp(prefix="trapline-million-"))
    try:
        _probes(folder / "probes.parquet")
        secrets = folder / "secrets"
        setup = {
            "seal": [*TRAPLINE, "seal", "--probes", folder / "probes.parquet", "--secrets", secrets, "--context", "0"],
            "draw": [*TRAPLINE, "draw", "--secrets", secrets, "--self"],
        }
        seconds = {name: run(command, folder / f"{name}.log").wall_s for name, command in setup.items()}
        _scores(folder / "scores", secrets)
        measured = run(
            [*TRAPLINE, "verify", "--scores", folder / "scores", "--secrets", secrets, "--output", folder / "out"],
            folder / "verify.log",
        )
        verdict = json.loads((folder / "out/verdict.json").read_bytes())
        return {
            "sequences": UNITS * (CONTROLS + 1),
            "units": UNITS,
            "verify_s": measured.wall_s,
            "verify_cpu_s": measured.cpu_s,
            "verify_peak_rss": measured.peak_rss,
            "seal_s": seconds["seal"],
            "draw_s": seconds["draw"],
            "p_values": [one["p_value"] for one in verdict["doses"]],
        }
    finally:
        shutil.rmtree(folder)


def _probes(path: Path) -> None:
    units = np.repeat(np.arange(UNITS), CONTROLS + 1)
    candidates = np.tile(np.arange(CONTROLS + 1, dtype=np.int32), UNITS)
    generator = np.random.default_rng(0)
    pairs = list(zip(units.tolist(), candidates.tolist(), strict=True))
    columns = {
        "id": [f"u{unit}-{one}" for unit, one in pairs],
        "kind": ["trap"] * len(pairs),
        "unit": [f"u{unit}" for unit, _ in pairs],
        "candidate": candidates,
        "stratum": [f"{25 << unit // 4 % 3} tokens" for unit, _ in pairs],
        "dose": np.array([1, 10, 100, 1000], np.int32)[units % 4],
        "text": [f"the text of unit {unit}, candidate {one}, " + "with some words " * 8 for unit, one in pairs],
        "length_tokens": (25 << units // 4 % 3).astype(np.int32),
        "perplexity": np.exp(generator.normal(4, 1, len(pairs))),
    }
    pq.write_table(pa.table(columns), path)


def _scores(folder: Path, secrets: Path) -> None:
    """Scores of a model that remembers more the more copies it saw, as `trapline score` leaves them."""
    probes = pq.read_table(secrets / "probes/probes.parquet", columns=["id", "unit", "candidate", "dose"])
    drawn = pq.read_table(secrets / "draw.parquet")
    arms = dict(zip(drawn["unit"].to_pylist(), drawn["arm"].to_pylist(), strict=True))
    planted = np.array([arms[unit] for unit in probes["unit"].to_pylist()]) == probes["candidate"].to_numpy()
    loss = np.random.default_rng(1).standard_normal(len(planted)) + 0.2 * planted * np.log10(probes["dose"].to_numpy())
    count, name = len(planted), "scores/part-00000.parquet"
    columns = [probes["id"], ["model"] * count, np.zeros(count, np.int32), np.full(count, 25, np.int32), loss]
    (folder / "scores").mkdir(parents=True)
    pq.write_table(pa.table(columns, schema=scores(["loss"])), folder / name)
    data = (folder / name).read_bytes()
    sealed = hashlib.sha256((secrets / "probes/probes.parquet").read_bytes()).hexdigest()
    settings = {
        "bos": "checkpoint", "dtype": "float32", "context": 0, "slots": 4, "tokenizer": "checkpoint",
        "tokenizer_sha256": "0" * 64, "metrics": {"loss": 1},
    }  # fmt: skip
    content = {
        "settings": settings,
        "checkpoints": [{"name": "model", "sha256": "0" * 64}],
        "sequences": [{"path": "probes.parquet", "rows": count, "sha256": sealed}],
        "files": [{"path": name, "rows": count, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}],
    }
    manifest = pretty_json({"schema": "trapline.manifest", "version": 1, "command": "score", "content": content})
    (folder / "manifest.json").write_bytes(manifest)
    (folder / "_SUCCESS").write_bytes(pretty_json({"manifest_sha256": hashlib.sha256(manifest).hexdigest()}))


def report(results: Result) -> str:
    """The results as Markdown."""
    lines = ["# The exact test, measured", "", "Made by `python -m benchmarks.verification`; two cores.", ""]
    if "null" in results:
        lines += [
            f"## False positives: {CAMPAIGNS:,} campaigns per design in which the model saw nothing",
            "",
            "Share of p-values at or below each level; last, the Kolmogorov-Smirnov p of their uniformity.",
            "",
            "| design | " + " | ".join(f"p <= {level:g}" for level in LEVELS) + " | randomised p uniform |",
            "|---|" + "---|" * (len(LEVELS) + 1),
        ]
        for one in results["null"]:
            rates = " | ".join(f"{one['rates'][f'{level:g}']:.5f}" for level in LEVELS)
            lines.append(f"| {one['design']} | {rates} | {one['uniformity_p']:.3f} |")
        limits = " | ".join(f"{results['null'][0]['at_most'][f'{level:g}']:.5f}" for level in LEVELS)
        lines += [f"| *level and three standard errors* | {limits} | |", ""]
    if "kinds" in results:
        lines += [*_kinds(results["kinds"]), ""]
    if "power" in results:
        lines += [f"## Power: {SIMULATIONS:,} simulations at alpha .001", "", "| design | rejected |", "|---|---|"]
        lines += [f"| {one['design']} | {100 * one['rejected']:.1f} % |" for one in results["power"]] + [""]
    if "redraws" in results:
        lines += ["## Redraws", "", "| units | m | redraws | seconds |", "|---|---|---|---|"]
        lines += [
            f"| {one['units']:,} | {one['controls']} | {one['redraws']:,} | {one['seconds']:.2f} |"
            for one in results["redraws"]
        ] + [""]
    if "million" in results:
        one = results["million"]
        memory = one["verify_peak_rss"] / 1e9
        lines += [
            "## A million scored sequences",
            "",
            f"{one['sequences']:,} scored sequences ({one['units']:,} units, m = {CONTROLS}), from start to end:",
            "",
            "| command | seconds | CPU seconds | peak memory |",
            "|---|---|---|---|",
            f"| `trapline verify` | {one['verify_s']:.1f} | {one['verify_cpu_s']:.1f} | {memory:.1f} GB |",
            f"| `trapline seal`, before it | {one['seal_s']:.1f} | | |",
            f"| `trapline draw`, before it | {one['draw_s']:.1f} | | |",
            "",
        ]
    return "\n".join(lines)


def _kinds(found: list[Result]) -> list[str]:
    """The table of kinds, with three standard errors of as many draws as its limits."""
    draws = found[0]["draws"]
    levels = [float(level) for level in null_kinds.LEVELS]
    limits = " | ".join(f"{level + 3 * (level * (1 - level) / draws) ** 0.5:.4f}" for level in levels)
    return [
        f"## Kinds of probe: {draws:,} fresh draws on an untrained model's scores",
        "",
        "Share of draws at or below each level (`python -m benchmarks.verification kinds`).",
        "",
        "| kind | question | units | " + " | ".join(f"p <= {level:g}" for level in levels) + " |",
        "|---|---|---|" + "---|" * len(levels),
        *(
            f"| {one['kind']} | {one['ask'] or 'whole text'} | {one['units']:,} | "
            + " | ".join(f"{one[level]:.4f}" for level in null_kinds.LEVELS)
            + " |"
            for one in found
        ),
        f"| *level and three standard errors* | | | {limits} |",
    ]


def kinds() -> list[Result]:
    """Facts, corrupted sums and sentences at their nominal sizes."""
    return list(null_kinds.measured())


PARTS = {"null": null, "power": power, "redraws": redraws, "million": million, "kinds": kinds}


def main() -> None:
    """Measure and write what was found beside what was measured before."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="null, power, redraws, million, kinds; all by default")
    chosen = parser.parse_args().parts or list(PARTS)
    if unknown := sorted(set(chosen) - set(PARTS)):
        parser.error(f"unknown part {unknown[0]}: parts are {', '.join(PARTS)}")
    results = json.loads(RESULTS.read_bytes()) if RESULTS.exists() else {}
    for part in chosen:
        results[part] = PARTS[part]()
        print(json.dumps({part: results[part]}, indent=2), flush=True)
        RESULTS.write_bytes(pretty_json(results))
        RESULTS.with_suffix(".md").write_text(report(results), encoding="utf-8")


if __name__ == "__main__":
    main()
