"""What `benchmarks.sentences.models` brought back, judged by the product: scores, verdicts and curves.

    python -m benchmarks.sentences.judge --work WORK --models FOLDER --output docs/evidence/sentences-gpu.json

WORK is that of `benchmarks.sentences.data`. Scores become folders as `trapline score` leaves them; `trapline verify` and
`trapline dynamics` do the rest. What is there is not made again.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.golden import run_command
from benchmarks.sentences.design import DESIGNS, INSIDE, STUDY, Design
from benchmarks.traps.models import read_experiment
from examples.training.asking import write_scores
from examples.training.shape import Shape, build, save

METRICS = ("loss", "recall", "recall_similarity")
CURVES = (
    ("loss", "dose"),
    ("loss", "stratum"),
    ("recall", "dose"),
    ("recall", "stratum"),
    ("recall_similarity", "dose"),
)
Floats = npt.NDArray[np.float64]


class Scores:
    """Writes folders of scores of one campaign."""

    def __init__(self, work: Path, campaign: str, metrics: Sequence[str], vocabulary: int) -> None:
        """Look at the sequences, with a checkpoint of no account that has the tokenizer."""
        from pipelines.score import ScoreConfig
        from pipelines.scoring.input import look_at_scoring
        from transforms.base.folders import Folder

        checkpoint = work / "checkpoint"
        if not checkpoint.exists():
            save(build(Shape(vocabulary, 16, 1), 0), checkpoint, work / "tokenizer.json")
        probes = work / f"secrets-{campaign}/probes/probes.parquet"
        output = Folder.of(str(work / "unwritten"))
        config = ScoreConfig(
            checkpoint=(str(checkpoint),), sequences=(str(probes),), output=output.uri, metrics=tuple(metrics),
            device="cpu",
        )  # fmt: skip
        self._found = look_at_scoring(config, output)
        self._settings = self._found.settings(config)
        self._ids = pq.read_table(probes, columns=["id"])["id"]
        self._metrics = list(metrics)

    def write(self, folder: Path, sha256: str, tokens: npt.NDArray[np.int64], values: dict[str, Floats]) -> None:
        """One checkpoint's: float64[n] of each metric, int64[n] scored tokens."""
        from schemas.public.scores import scores

        if (folder / "_SUCCESS").exists():
            return
        columns = {
            "id": self._ids,
            "checkpoint": pa.repeat(pa.scalar(folder.name), len(tokens)),
            "slots": pa.array(np.zeros(len(tokens), np.int32)),
            "tokens": pa.array(tokens.astype(np.int32)),
            **{name: pa.array(values[name]) for name in self._metrics},
        }
        table = pa.table(columns, schema=scores(self._metrics))
        write_scores(folder, table, folder.name, sha256, self._found, self._settings)


def verdict(work: Path, campaign: str, scores: Path, name: str) -> dict[str, Any]:
    """P of the sealed test, AUC over all units, AUC and p by dose."""
    output = work / f"verdicts/{campaign}-{name}"
    if not (output / "verdict.json").exists():
        run_command("verify", "--scores", scores, "--secrets", work / f"secrets-{campaign}", "--output", output)
    found = json.loads((output / "verdict.json").read_text())
    more = found["exploratory"]
    by_dose = [{key: one[key] for key in ("dose", "auc", "p_value")} for one in more["by_dose"]]
    return {"p": found["p_value"], "auc": more["auc"], "by_dose": by_dose}


def course(work: Path, folders: Sequence[Path], updates: int, name: str) -> dict[str, Any]:
    """Curves of `trapline dynamics` over one course, and the half-life of recall by dose."""
    found: dict[str, Any] = {}
    for metric, by in CURVES:
        output = work / f"dynamics/{name}-{metric}-{by}"
        if not (output / "dynamics.json").exists():
            run_command(
                *("dynamics", "--scores", *folders, "--secrets", work / f"secrets-{STUDY}", "--output", output),
                *("--metric", metric, "--by", by, "--event", updates - 1),
            )
        tree = json.loads((output / "dynamics.json").read_text())
        found["steps"] = [one["step"] - updates for one in tree["checkpoints"]]
        found[f"{metric} by {by}"] = {
            one["group"]: {"units": one["units"], **{key: one["curves"][key] for key in ("difference", "auc")}}
            for one in tree["asked"][0]["groups"]
        }
    for metric in METRICS[1:]:
        found[f"half-life of {metric}"] = {
            dose: half_life(found["steps"], one["difference"]) for dose, one in found[f"{metric} by dose"].items()
        }
    return found


def half_life(steps: Sequence[int], curve: dict[str, list[float]]) -> dict[str, Any] | None:
    """Updates after the study between which planted less held-out falls to below half of what it was right after it.

    Returns:
        The last save before and the first one below, None for the latter where it never is; None for all where the
        interval right after the study holds 0.
    """
    after = steps.index(0)
    if curve["low"][after] <= 0:
        return None
    half = curve["mean"][after] / 2
    below = next((at for at in range(after, len(steps)) if curve["mean"][at] < half), None)
    return {"from": steps[below - 1 if below else -1], "to": None if below is None else steps[below]}


def by_both(work: Path, folders: Sequence[Path], metric: str) -> dict[str, list[float]]:
    """Planted less mean of held-out by dose and stratum at each checkpoint: means over units."""
    from transforms.planting.ledger.check_secrets import open_secrets

    sealed = open_secrets(work / f"secrets-{STUDY}")
    found: dict[str, list[float]] = {}
    for folder in folders:
        table = pq.read_table(folder / "scores")
        score = dict(zip(table["id"].to_pylist(), table[metric].to_pylist(), strict=True))
        gaps: dict[str, list[float]] = {}
        for unit, arm in zip(sealed.units, sealed.arms, strict=True):
            values = np.array([score[one.id] for one in unit.candidates])
            gap = float(values[arm] - np.delete(values, arm).mean())
            gaps.setdefault(f"{unit.dose} {unit.stratum}", []).append(gap)
        for name, one in sorted(gaps.items()):
            found.setdefault(name, []).append(float(np.mean(one)))
    return found


def judged(work: Path, arrays: dict[str, Any], file: Path, design: Design) -> dict[str, Any]:
    """All of one seed."""
    with np.load(file) as brought:
        own = {name: brought[name] for name in brought.files}
    facts = json.loads(str(own.pop("facts")))
    row: dict[str, Any] = {"facts": facts, "inside": {}, "courses": []}
    seed, scorers = facts["seed"], {
        STUDY: Scores(work, STUDY, METRICS, design.vocabulary),
        INSIDE: Scores(work, INSIDE, METRICS[:1], design.vocabulary),
    }  # fmt: skip
    tokens = {name: (arrays[f"{name}_lengths"] - arrays[f"{name}_first"]).astype(np.int64) for name in scorers}
    for key in [one for one in own if one.startswith(f"loss|{INSIDE}|")]:
        arm = key.rpartition("|")[2]
        folder = work / f"scores/{INSIDE}-{arm}-{seed}/step-000000"
        scorers[INSIDE].write(folder, facts[arm]["sha256"], tokens[INSIDE], {"loss": own[key].astype(np.float64)})
        row["inside"][arm] = verdict(work, INSIDE, folder, f"{arm}-{seed}")
    rest = (arrays["study_lengths"] - arrays["study_cut"]).astype(np.float64)
    for number, (arm, rate) in enumerate(facts["arms"]):
        name, folders = f"{arm}-{seed}-{rate:g}", []
        for one in facts["saves"]:
            step = one["step"]
            values = {
                "loss": own[f"loss|{STUDY}|{step}"][number].astype(np.float64),
                "recall": own[f"hits|{step}"][number] / rest,
                "recall_similarity": 1 - own[f"edits|{step}"][number] / rest,
            }
            folders.append(work / f"scores/{name}/step-{step:06d}")
            scorers[STUDY].write(folders[-1], one["sha256"][number], tokens[STUDY], values)
        row["courses"].append(
            {
                "arm": arm, "rate": rate, "verdict": verdict(work, STUDY, folders[1], name),
                "last": verdict(work, STUDY, folders[-1], f"{name}-last"),
                "curves": course(work, folders, design.updates, name),
                "recall by dose and stratum": by_both(work, folders, "recall"),
            }
        )  # fmt: skip
        print(f"{name}: p {row['courses'][-1]['verdict']['p']:.2g}", flush=True)
    return row


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge all seeds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="folder with sentences-SEED.npz")
    parser.add_argument("--output", type=Path, required=True, help="JSON")
    parser.add_argument("--design", choices=list(DESIGNS), default="full")
    given = parser.parse_args(arguments)
    design, arrays = DESIGNS[given.design], read_experiment(given.work / "experiment.npz.xz")
    found: dict[str, Any] = {"design": {**asdict(design), "updates": design.updates}, "seeds": []}
    for file in sorted(given.models.glob("sentences-*.npz")):
        found["seeds"].append(judged(given.work, arrays, file, design))
        given.output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
