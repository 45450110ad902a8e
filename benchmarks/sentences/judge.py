"""What `benchmarks.sentences.models` brought back, judged: verdicts by the product's command, curves by its metrics.

    python -m benchmarks.sentences.judge --work WORK --models FOLDER --output docs/evidence/sentences-gpu.json

WORK is that of `benchmarks.sentences.data`. Scores become folders as `trapline score` leaves them, for `trapline
verify`; a verdict that is there is not made again. Curves are computed from the arrays by the functions of `trapline
dynamics`.
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
from benchmarks.sentences.curves import Candidates, course
from benchmarks.sentences.design import DESIGNS, INSIDE, PLANTED, STUDY, Design
from benchmarks.traps.models import read_experiment
from examples.training.asking import write_scores
from examples.training.shape import Shape, build, save

METRIC = "loss"
LATER = (1_000, 3_000, 10_000)
"""Updates after the study of further verdicts, on the planted course of the highest rate."""
_WHOLE = ("p", "p_value", "rate", "facts", "design")
"""What is not rounded."""
Floats = npt.NDArray[np.float64]


class Scores:
    """Writes folders of scores of one campaign, for the sealed metric."""

    def __init__(self, work: Path, campaign: str, vocabulary: int) -> None:
        """Look at the sequences, with a checkpoint of no account that has the tokenizer."""
        from pipelines.score import ScoreConfig
        from pipelines.scoring.input import look_at_scoring
        from transforms.base.folders import Folder

        checkpoint = work / "checkpoint"
        if not (checkpoint / "tokenizer.json").exists():
            save(build(Shape(vocabulary, 16, 1), 0), checkpoint, work / "tokenizer.json")
        probes = work / f"secrets-{campaign}/probes/probes.parquet"
        output = Folder.of(str(work / "unwritten"))
        config = ScoreConfig(
            checkpoint=(str(checkpoint),), sequences=(str(probes),), output=output.uri, metrics=(METRIC,), device="cpu"
        )
        self._found = look_at_scoring(config, output)
        self._settings = self._found.settings(config)
        self._ids = pq.read_table(probes, columns=["id"])["id"]

    def write(self, folder: Path, sha256: str, tokens: npt.NDArray[np.int64], values: Floats) -> None:
        """One checkpoint's: float64[n] of the metric, int64[n] scored tokens."""
        from schemas.public.scores import scores

        if (folder / "_SUCCESS").exists():
            return
        columns = {
            "id": self._ids,
            "checkpoint": pa.repeat(pa.scalar(folder.name), len(tokens)),
            "slots": pa.array(np.zeros(len(tokens), np.int32)),
            "tokens": pa.array(tokens.astype(np.int32)),
            METRIC: pa.array(values),
        }
        table = pa.table(columns, schema=scores([METRIC]))
        write_scores(folder, table, folder.name, sha256, self._found, self._settings)


def verdict(secrets: Path, scores: Path, output: Path) -> dict[str, Any]:
    """P of the sealed test, AUC over all units, AUC and p by dose."""
    if not (output / "verdict.json").exists():
        run_command("verify", "--scores", scores, "--secrets", secrets, "--output", output)
    found = json.loads((output / "verdict.json").read_text())
    more = found["exploratory"]
    by_dose = [
        {"dose": one["dose"], "p_value": one["p_value"], "auc": _interval(one["auc"])} for one in more["by_dose"]
    ]
    return {"p": found["p_value"], "auc": _interval(more["auc"]), "by_dose": by_dose}


def _interval(auc: dict[str, Any]) -> dict[str, float]:
    return {key: auc[key] for key in ("value", "low", "high")}


class Judge:
    """Both campaigns of one experiment."""

    def __init__(self, work: Path, design: Design) -> None:
        """Open the secrets."""
        self._work, self._design = work, design
        arrays = read_experiment(work / "experiment.npz.xz")
        self._tokens: dict[str, npt.NDArray[np.int64]] = {}
        self._scores: dict[str, Scores] = {}
        for name in (STUDY, INSIDE):
            self._tokens[name] = (arrays[f"{name}_lengths"] - arrays[f"{name}_first"]).astype(np.int64)
            self._scores[name] = Scores(work, name, design.vocabulary)
        self._candidates = {name: Candidates.of(work / f"secrets-{name}") for name in (STUDY, INSIDE)}
        self._rest = (arrays["study_lengths"] - arrays["study_cut"]).astype(np.float64)

    def seed(self, file: Path) -> dict[str, Any]:
        """All that one seed's file holds."""
        with np.load(file) as brought:
            own = {name: brought[name] for name in brought.files}
        facts = json.loads(str(own.pop("facts")))
        brief = {key: one for key, one in facts.items() if key not in ("arms", "saves")}
        row: dict[str, Any] = {"facts": brief, "inside": {}, "courses": []}
        for key in [one for one in own if one.startswith(f"loss|{INSIDE}|")]:
            arm = key.rpartition("|")[2]
            place = (f"{INSIDE}-{arm}-{facts['seed']}/step-000000", f"{INSIDE}-{arm}-{facts['seed']}")
            found = self._verdict(INSIDE, place, facts[arm]["sha256"], own[key])
            row["inside"][arm] = found | {"by_stratum": self._candidates[INSIDE].strata_auc(own[key])}
        for number, (arm, rate) in enumerate(facts["arms"]):
            row["courses"].append(self._course(own, facts, number))
            print(f"{arm} {facts['seed']} {rate:g}: p {row['courses'][-1]['verdicts']['0']['p']:.2g}", flush=True)
        return row

    def _course(self, own: dict[str, Any], facts: dict[str, Any], number: int) -> dict[str, Any]:
        (arm, rate), updates = facts["arms"][number], self._design.updates
        verdicts: dict[str, Any] = {}
        for one in facts["saves"]:
            later = one["step"] - updates
            far = arm == PLANTED and rate == max(self._design.rates) and later in LATER
            if later == 0 or far:
                values = own[f"loss|{STUDY}|{one['step']}"][number]
                name = f"{arm}-{facts['seed']}-{rate:g}"
                place = (f"{name}/step-{one['step']:06d}", f"{STUDY}-{name}+{later}" if later else f"{STUDY}-{name}")
                verdicts[str(later)] = self._verdict(STUDY, place, one["sha256"][number], values)
        steps = [one["step"] for one in facts["saves"]]
        values = {
            "loss": np.stack([own[f"loss|{STUDY}|{step}"][number] for step in steps]).astype(np.float64),
            "recall": np.stack([own[f"hits|{step}"][number] for step in steps]) / self._rest,
        }
        found = course(self._candidates[STUDY], values, [step - updates for step in steps])
        found["by dose and stratum"] = rounded(found["by dose and stratum"], 2)
        return {"arm": arm, "rate": rate, "verdicts": verdicts, **found}

    def _verdict(self, campaign: str, place: tuple[str, str], sha256: str, values: npt.NDArray[Any]) -> dict[str, Any]:
        """Place: the folders of scores and of the verdict."""
        scores, output = self._work / "scores" / place[0], self._work / "verdicts" / place[1]
        if not (output / "verdict.json").exists():
            self._scores[campaign].write(scores, sha256, self._tokens[campaign], values.astype(np.float64))
        return verdict(self._work / f"secrets-{campaign}", scores, output)


def rounded(value: Any, digits: int = 3) -> Any:
    """A tree with its numbers at so many decimal places, p values, rates and facts as they are."""
    if isinstance(value, dict):
        return {key: one if key in _WHOLE else rounded(one, digits) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(one, digits) for one in value]
    return round(value, digits) if isinstance(value, float) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Judge all seeds; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--models", type=Path, required=True, help="folder with sentences-SEED.npz")
    parser.add_argument("--output", type=Path, required=True, help="JSON")
    parser.add_argument("--design", choices=list(DESIGNS), default="full")
    given = parser.parse_args(arguments)
    design = DESIGNS[given.design]
    judge = Judge(given.work, design)
    seeds: list[dict[str, Any]] = []
    for file in sorted(given.models.glob("sentences-*.npz")):
        seeds.append(judge.seed(file))
        found = rounded({"design": {**asdict(design), "updates": design.updates}, "seeds": seeds})
        given.output.write_text(json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
