"""Recognition, recall and retention of sentences that a small model is shown once to three times.

    python -m benchmarks.kinds.sentences --work WORK --output docs/evidence/sentences.json

After Orhan 2023 (arXiv 2303.17557): a model is trained on background text, studies planted sentences and nothing else
(batch 16; rates 1e-4, 3e-4 and 1e-3; 1, 2 and 3 exposures), and is trained on other background at the same rate. Two
campaigns are sealed: `study`, and `inside`, of which each planted sentence stands once in the background on which the
base model is trained. The twin's background is restored, and it studies background in place of sentences. All that is
judged comes from `trapline score`, `verify` and `dynamics`; what is there is not made again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.golden import run_command
from benchmarks.kinds.background import encoded, read_tokenizer, texts_in, write_background
from benchmarks.kinds.command import parsed, saying
from examples.training.scheduled import Phase, Rate, train
from examples.training.shape import Shape, build, parameters_of, save
from examples.training.stream import Stream, of_documents, of_rows, packed

METRICS = ("loss", "recall", "recall_similarity")
GROUPS = ("dose", "stratum")
TWIN, PLANTED = "twin", "planted"


@dataclass(frozen=True)
class Size:
    """Of the experiment.

    Attributes:
        corpus: bytes of background.
        other: bytes of the background that follows the study.
        vocabulary: of the tokenizer.
        width: of the model.
        layers: of the model.
        units: for each dose of `study`; `inside` has three times as many, of dose 1.
        length: of sentences, tokens or words.
        batch: rows of a step.
        row: tokens of a row of background.
        base_rate: learning rate of the base, cosine.
        rates: of the study and of what follows.
        after: updates after the study at which the model is scored.
        seeds: of weights and orders.
    """

    corpus: int = 2_500_000
    other: int = 1_200_000
    vocabulary: int = 2_048
    width: int = 96
    layers: int = 2
    units: int = 40
    length: int = 20
    batch: int = 16
    row: int = 64
    base_rate: float = 3e-3
    rates: tuple[float, ...] = (1e-4, 3e-4, 1e-3)
    after: tuple[int, ...] = (1, 3, 10, 30, 100)
    seeds: tuple[int, ...] = (0, 1)


TINY = Size(120_000, 30_000, 512, 16, 1, 4, 24, 8, 32, 3e-3, (1e-3,), (1, 3), (0,))


def plant(work: Path, size: Size) -> None:
    """Both campaigns, by the product's commands: sealed and drawn; `inside` is planted, and restored for the twin."""
    write_background(work, size.corpus, size.other, size.vocabulary)
    shared = ("--corpus", work / "corpus", "--tokenizer", work / "tokenizer.json", "--length", size.length)
    for name, doses, units in (("study", (1, 2, 3), size.units), ("inside", (1,), 3 * size.units)):
        made, secrets = work / f"made-{name}", work / f"secrets-{name}"
        steps = {
            made: ("sentences", "--output", made, *shared, "--seed", name, "--doses", *doses, "--units", units),
            secrets: ("seal", "--probes", made, "--secrets", secrets, "--nonce-from", "them", "--metric", "loss",
                      "--checkpoint-note", "each model that the benchmark names, by itself"),
            secrets / "draw.json": ("draw", "--secrets", secrets, "--nonce", "5e" * 32),
        }  # fmt: skip
        for done, command in steps.items():
            if not done.exists():
                run_command(*command)
    planted, secrets = work / "planted", work / "secrets-inside"
    limits = ("--max-corpus-share", 0.5, "--max-doc-share", 0.5)
    if not (planted / "_SUCCESS").exists():
        run_command("prepare", "--input", work / "corpus", "--output", planted, "--secrets", secrets, *limits)
    if not (work / "restored/_SUCCESS").exists():
        run_command("restore", "--input", planted, "--output", work / "restored", "--secrets", secrets)


def study(work: Path, seed: int) -> list[str]:
    """What is studied: three passes, each in an order of its own; a unit of dose d is in the last d of them."""
    from transforms.planting.ledger.check_secrets import open_secrets

    sealed = open_secrets(work / "secrets-study")
    pairs = list(zip(sealed.units, sealed.arms, strict=True))
    found = []
    for left in (3, 2, 1):
        order = np.random.default_rng([seed, left]).permutation(len(pairs))
        found += [pairs[at][0].candidates[pairs[at][1]].text for at in order if pairs[at][0].dose >= left]
    return found


@dataclass(frozen=True)
class Course:
    """One model's way: the base, what is studied at one rate, and what follows."""

    work: Path
    size: Size
    arm: str
    seed: int

    @property
    def base(self) -> Path:
        """The checkpoint of the base."""
        return self.work / f"models/{self.arm}-{self.seed}/base"

    def make_base(self) -> None:
        """Train the base once through its background."""
        if (self.base / "tokenizer.json").exists():
            return
        began, size = time.monotonic(), self.size
        texts = texts_in(self.work / ("planted/data" if self.arm == PLANTED else "restored/data"))
        order = np.random.default_rng(self.seed).permutation(len(texts))
        stream = packed(encoded(read_tokenizer(self.work), [texts[at] for at in order]), size.row)
        model = build(Shape(size.vocabulary, size.width, size.layers, positions=512), self.seed)
        train(model, [Phase(stream, Rate(size.base_rate, "cosine", 50), size.batch)], say=saying(self.base.parent.name))
        save(model, self.base, self.work / "tokenizer.json")
        tokens, seconds = stream.rows.size, round(time.monotonic() - began)
        facts = {"parameters": parameters_of(model), "tokens": tokens, "seconds": seconds}
        (self.base.parent / "base.json").write_text(json.dumps(facts))

    def studied(self, rate: float) -> tuple[list[Path], int]:
        """Checkpoints `step-N` from the base on, N updates after it, and the number of updates of the study."""
        size, folder = self.size, self.work / f"models/{self.arm}-{self.seed}/rate-{rate:g}"
        after = self._background()
        rows = self._studied(after)
        updates = len(rows) // size.batch
        steps = [0, updates, *(updates + one for one in size.after)]
        found = [folder / f"step-{step:06d}" for step in steps]
        if not all((one / "tokenizer.json").exists() for one in found):
            from transformers import LlamaForCausalLM

            model = LlamaForCausalLM.from_pretrained(self.base)
            phases = [Phase(rows, Rate(rate), size.batch), Phase(after, Rate(rate), size.batch, size.after[-1])]
            train(
                model, phases, saves=steps, say=saying(folder.as_posix()[-24:]),
                saved=lambda step, one: save(one, folder / f"step-{step:06d}", self.work / "tokenizer.json"),
            )  # fmt: skip
        return found, updates

    def _background(self) -> Stream:
        texts = texts_in(self.work / "other.parquet")
        order = np.random.default_rng([self.seed, 1]).permutation(len(texts))
        rows = packed(encoded(read_tokenizer(self.work), [texts[at] for at in order]), self.size.row).rows
        needed = self.size.batch * self.size.after[-1]
        return of_rows(rows, passes=-(-needed // len(rows)) + 1)

    def _studied(self, after: Stream) -> Stream:
        texts = study(self.work, self.seed)
        if len(texts) % self.size.batch:
            raise SystemExit(
                f"{len(texts)} rows are studied in batches of {self.size.batch}: choose units to fill them"
            )
        if self.arm == TWIN:
            return of_rows(after.rows[-len(texts) :])
        return of_documents(encoded(read_tokenizer(self.work), texts), 128)


def judged(work: Path, campaign: str, checkpoint: Path, name: str) -> dict[str, Any]:
    """The verdict on one checkpoint: p of the sealed test, AUC over all units, AUC and p by dose."""
    scores, verdict = work / f"scores/{campaign}-{name}", work / f"verdicts/{campaign}-{name}"
    secrets = work / f"secrets-{campaign}"
    if not (verdict / "verdict.json").exists():
        score(work, campaign, [checkpoint], scores, ("loss",))
        run_command("verify", "--scores", scores, "--secrets", secrets, "--output", verdict)
    found = json.loads((verdict / "verdict.json").read_text())
    more = found["exploratory"]
    by_dose = [{key: one[key] for key in ("dose", "auc", "p_value")} for one in more["by_dose"]]
    return {"p": found["p_value"], "auc": more["auc"], "by_dose": by_dose}


def score(work: Path, campaign: str, checkpoints: Sequence[Path], output: Path, metrics: Sequence[str]) -> None:
    """`trapline score` on the sealed candidates of a campaign."""
    if not (output / "_SUCCESS").exists():
        sequences = work / f"secrets-{campaign}/probes/probes.parquet"
        run_command(
            *("score", "--checkpoint", *checkpoints, "--sequences", sequences, "--output", output),
            *("--metrics", *metrics, "--device", "cpu", "--threads", 1),
        )


def followed(work: Path, checkpoints: Sequence[Path], updates: int, name: str) -> dict[str, Any]:
    """Curves of `trapline dynamics` over one course: by metric and by dose and stratum."""
    scores, found = work / f"scores/course-{name}", {}
    score(work, "study", checkpoints, scores, METRICS)
    for metric in METRICS:
        for by in GROUPS:
            output = work / f"dynamics/{name}-{metric}-{by}"
            if not (output / "dynamics.json").exists():
                run_command(
                    *("dynamics", "--scores", scores, "--secrets", work / "secrets-study", "--output", output),
                    *("--metric", metric, "--by", by, "--event", updates - 1),
                )
            tree = json.loads((output / "dynamics.json").read_text())
            found["steps"] = [one["step"] - updates for one in tree["checkpoints"]]
            found[f"{metric} by {by}"] = {
                one["group"]: {"units": one["units"], **{key: one["curves"][key] for key in ("difference", "auc")}}
                for one in tree["asked"][0]["groups"]
            }
    return found


def run_all(work: Path, size: Size, output: Path) -> dict[str, Any]:
    """All models, each written as it comes."""
    plant(work, size)
    found: dict[str, Any] = {"size": asdict(size), "models": []}
    for seed in size.seeds:
        for arm in (PLANTED, TWIN):
            course = Course(work, size, arm, seed)
            course.make_base()
            name = f"{arm}-{seed}"
            row: dict[str, Any] = {
                "arm": arm, "seed": seed, **json.loads((course.base.parent / "base.json").read_text()),
                "inside": judged(work, "inside", course.base, f"{name}-base"), "rates": {},
            }  # fmt: skip
            found["models"].append(row)
            for rate in size.rates if arm == PLANTED else size.rates[-1:]:
                checkpoints, updates = course.studied(rate)
                row["rates"][f"{rate:g}"] = {
                    "updates": updates,
                    "verdict": judged(work, "study", checkpoints[1], f"{name}-{rate:g}"),
                    "course": followed(work, checkpoints, updates, f"{name}-{rate:g}"),
                }
                output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
                print(f"{name} at {rate:g}: p {row['rates'][f'{rate:g}']['verdict']['p']:.2g}", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing; returns the exit code."""
    given = parsed(__doc__, arguments)
    run_all(given.work, TINY if given.tiny else Size(), given.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
