"""Rehearsal of old tasks by age: the same copies in the orders of several schedules, learnt one task after the other.

    python -m benchmarks.kinds.schedules --work WORK --output docs/evidence/schedules.json

After Gandhi et al. 2024 (arXiv 2401.10393), in text: a task is a set of sentences, learnt in a block of steps amid
background. In every arm each unit has the same copies: `own` in the block of its task, and `rehearsals`, which the arm
puts in blocks of later tasks (none: in its own block, too). `trapline order` writes each arm's corpus; a model that
read other background is trained on it in that order, and is scored in each block. All that is judged comes from
`trapline dynamics` and `verify`, but for the differences between arms: a paired
bootstrap over units of the AUCs of their scores.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.golden import run_command
from benchmarks.kinds.background import encoded, read_tokenizer, texts_in, write_background
from benchmarks.kinds.command import parsed, saying
from examples.training.asking import TEXTS, Asking
from examples.training.scheduled import Phase, Rate, train
from examples.training.shape import Shape, build, parameters_of, save
from examples.training.stream import of_documents, packed, read_texts
from schemas.probes import conform

LAWS = ("none", "uniform", "power:1", "power:2", "power:0.5", "exponential:0.5")
TWIN = "twin"
RESAMPLES = 2_000
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Size:
    """Of the experiment.

    Attributes:
        corpus: bytes of the background amid which tasks are learnt; the base model reads as much other text.
        other: bytes of the background of the base model.
        vocabulary: of the tokenizer.
        width: of the model.
        layers: of the model.
        tasks: one after the other.
        units: of each task.
        own: copies in the block of the unit's task.
        rehearsals: further copies of each unit.
        length: of sentences, tokens.
        batch: documents of a step.
        row: most tokens of a document.
        block: steps of a task.
        rate: learning rate of the tasks.
        seeds: of weights, and of the orders.
    """

    corpus: int = 1_050_000
    other: int = 1_200_000
    vocabulary: int = 2_048
    width: int = 96
    layers: int = 2
    tasks: int = 6
    units: int = 20
    own: int = 3
    rehearsals: int = 4
    length: int = 20
    batch: int = 8
    row: int = 64
    block: int = 42
    rate: float = 1e-3
    seeds: tuple[int, ...] = (0, 1)

    @property
    def names(self) -> list[str]:
        """Of the tasks, in order."""
        return [f"task {number}" for number in range(self.tasks)]

    @property
    def dose(self) -> int:
        """Copies of each unit."""
        return self.own + self.rehearsals


TINY = Size(120_000, 20_000, 512, 16, 1, 3, 4, 1, 1, 24, 4, 32, 12, 1e-3, (0, 1))


def plant(work: Path, size: Size) -> None:
    """Sentences dealt to tasks, sealed, drawn and planted by the product's commands; the twin's corpus is restored."""
    write_background(work, size.corpus, size.other, size.vocabulary)
    made, secrets, planted = work / "made", work / "secrets", work / "planted"
    if not made.exists():
        run_command(
            *("sentences", "--output", made, "--corpus", work / "corpus", "--tokenizer", work / "tokenizer.json"),
            *("--length", size.length, "--doses", size.dose, "--units", size.units * size.tasks, "--seed", "tasks"),
            *("--near", 0, "--words", 0, "--letters", 0),
        )
    if not (work / "tasks.parquet").exists():
        pq.write_table(in_tasks(pq.read_table(made / "probes.parquet"), size), work / "tasks.parquet")
    steps = {
        secrets: ("seal", "--probes", work / "tasks.parquet", "--secrets", secrets, "--nonce-from", "them",
                  "--metric", "loss", "--redraws", 99_999, "--checkpoint-note", "the last model of each arm"),
        secrets / "draw.json": ("draw", "--secrets", secrets, "--nonce", "7a" * 32),
        planted / "_SUCCESS": ("prepare", "--input", work / "corpus", "--output", planted, "--secrets", secrets,
                               "--max-corpus-share", 0.9, "--max-doc-share", 0.5),
        work / "restored/_SUCCESS": ("restore", "--input", planted, "--output", work / "restored",
                                     "--secrets", secrets),
    }  # fmt: skip
    for done, command in steps.items():
        if not done.exists():
            run_command(*command)


def in_tasks(probes: pa.Table, size: Size) -> pa.Table:
    """The same probes with the task of their unit as stratum: units in the order of their ids, which are keyed."""
    units = sorted(set(probes["unit"].to_pylist()))
    names = {unit: size.names[at % size.tasks] for at, unit in enumerate(units)}
    strata = pa.array([names[unit] for unit in probes["unit"].to_pylist()])
    at = probes.schema.get_field_index("stratum")
    return conform([("tasks", probes.set_column(at, probes.schema.field(at), strata))])


def ordered(work: Path, size: Size, law: str, seed: int) -> tuple[Path, dict[str, Any]]:
    """An arm's corpus in its order, by `trapline order`, and how its rows are spent."""
    output = work / f"ordered/{law}-{seed}"
    if not (output / "_SUCCESS").exists():
        schedule = "blocked" if law == "none" else f"rehearsed:{size.rehearsals},{law}"
        file = work / f"{law}.toml"
        tasks = json.dumps(size.names)
        phases = f'[[phase]]\nname = "tasks"\nsteps = {size.tasks * size.block}\n[[phase]]\nname = "rest"\n'
        file.write_text(f'{phases}[[rule]]\nschedule = "{schedule}"\nphase = "tasks"\ntasks = {tasks}\n')
        run_command(
            *("order", "--input", work / "planted", "--output", output, "--secrets", work / "secrets"),
            *("--schedule", file, "--batch", size.batch, "--seed", seed),
        )
    run = json.loads((output / "manifest.json").read_text())["run"]
    events = pq.read_table(work / f"secrets/orders/{run}/events.parquet")
    task = np.array([size.names.index(one) for one in events["stratum"].to_pylist()])
    step = events["step"].to_numpy()
    rows, rehearsals = size.tasks * size.block * size.batch, int((step // size.block != task).sum())
    return output, {
        "rows": rows,
        "copies": len(step),
        "rehearsals": rehearsals,
        "share_of_rows": rehearsals / rows,
        "moved": int((step != events["wanted"].to_numpy()).sum()),
    }


def make_base(work: Path, size: Size, seed: int) -> Path:
    """A model that has read other background once."""
    base = work / f"models/base-{seed}"
    if not (base / "tokenizer.json").exists():
        texts = texts_in(work / "other.parquet")
        order = np.random.default_rng(seed).permutation(len(texts))
        rows = packed(encoded(read_tokenizer(work), [texts[at] for at in order]), size.row)
        model = build(Shape(size.vocabulary, size.width, size.layers, positions=512), seed)
        train(model, [Phase(rows, Rate(3e-3, "cosine", 50), 2 * size.batch)], say=saying(base.name))
        save(model, base, work / "tokenizer.json")
        (base / "facts.json").write_text(json.dumps({"parameters": parameters_of(model), "tokens": rows.rows.size}))
    return base


def saves(size: Size) -> list[int]:
    """Steps done when a model is scored: before all, and after each half of a block."""
    return [0, *(half * size.block // 2 for half in range(1, 2 * size.tasks + 1))]


def course(work: Path, size: Size, law: str, seed: int) -> dict[str, Any]:
    """One arm: trained, scored in memory, judged; the twin is trained on the restored corpus."""
    name, facts = f"{law}-{seed}", dict[str, Any]()
    scores = work / f"scores/{name}"
    if law == TWIN:
        texts = texts_in(work / "restored/data")
        # It has no copies: what they fill in the arms is a second pass over background.
        order = [np.random.default_rng([seed, turn]).permutation(len(texts)) for turn in (2, 3)]
        rows = of_documents(encoded(read_tokenizer(work), [texts[at] for at in np.concatenate(order)]), size.row)
    else:
        data, facts = ordered(work, size, law, seed)
        rows = read_texts(data, work / "tokenizer.json", size.row)
    done = scores / "done.json"
    if not done.exists():
        from transformers import LlamaForCausalLM

        began = time.monotonic()
        model = LlamaForCausalLM.from_pretrained(make_base(work, size, seed))
        asking = Asking(model, work / "tokenizer.json", work / "secrets/probes/probes.parquet")
        steps = min(size.tasks * size.block, len(rows) // size.batch)
        train(
            model, [Phase(rows, Rate(size.rate), size.batch, steps)], saves=saves(size), say=saying(name),
            saved=lambda step, one: _ask(asking, one, step, scores),
        )  # fmt: skip
        done.write_text(json.dumps({"seconds": round(time.monotonic() - began), "steps": steps}))
    return {"law": law, "seed": seed, **facts, **json.loads(done.read_text()), **judged(work, size, name)}


def _ask(asking: Asking, model: Any, step: int, scores: Path) -> None:
    asking.write(model, step, scores)


def judged(work: Path, size: Size, name: str) -> dict[str, Any]:
    """The matrix and curves of `trapline dynamics`, steps to learn each task, and the verdict on the last model."""
    at = [work / f"scores/{name}/{TEXTS}/step-{step:06d}" for step in saves(size)]
    output, verdict = work / f"dynamics/{name}", work / f"verdicts/{name}"
    stages = [(number + 1) * size.block for number in range(size.tasks)]
    if not (output / "dynamics.json").exists():
        run_command(
            *("dynamics", "--scores", *at, "--secrets", work / "secrets", "--output", output),
            *("--tasks", *size.names, "--stages", *stages),
        )
    if not (verdict / "verdict.json").exists():
        run_command("verify", "--scores", at[-1], "--secrets", work / "secrets", "--output", verdict)
    tree = json.loads((output / "dynamics.json").read_text())
    said = json.loads((verdict / "verdict.json").read_text())
    steps = [one["step"] for one in tree["checkpoints"]]
    curves = {one["group"]: one["curves"]["auc"]["mean"] for one in tree["asked"][0]["groups"]}
    return {
        "p": said["p_value"],
        "auc": said["exploratory"]["auc"],
        "matrix": tree["matrix"][0]["values"],
        "steps_to_learn": {task: _to_learn(steps, curves[task], number * size.block, size.block)
                           for number, task in enumerate(size.names)},
    }  # fmt: skip


def _to_learn(steps: Sequence[int], auc: Sequence[float], begin: int, block: int, level: float = 0.8) -> int | None:
    """Steps in a task's block until its AUC is at `level`, linear between checkpoints; None if not in its block."""
    inside = [(step - begin, value) for step, value in zip(steps, auc, strict=True) if begin <= step <= begin + block]
    for (first, low), (last, high) in itertools.pairwise(inside):
        if low < level <= high:
            return round(first + (last - first) * (level - low) / (high - low))
    return None


def unit_aucs(work: Path, size: Size, name: str, step: int) -> Floats:
    """Of each task and unit, the share of held-outs below the planted one: float64[tasks, units]."""
    from transforms.planting.ledger.check_secrets import open_secrets
    from transforms.scoring.metrics.analysis.arms import recognition

    sealed = open_secrets(work / "secrets")
    table = pq.read_table(work / f"scores/{name}/{TEXTS}/step-{step:06d}/scores")
    score = dict(zip(table["id"].to_pylist(), table["loss"].to_pylist(), strict=True))
    found: dict[str, list[float]] = {task: [] for task in size.names}
    for unit, arm in zip(sealed.units, sealed.arms, strict=True):
        values = np.array([score[one.id] for one in unit.candidates])
        seen, foils = values[arm], np.delete(values, arm)
        found[unit.stratum].append(float(recognition(np.array([seen]), foils[None])[0]))
    return np.array([found[task] for task in size.names])


def differences(work: Path, size: Size, seeds: Sequence[int], arms: Sequence[str]) -> list[dict[str, Any]]:
    """Final AUC of old tasks (all but the last) of each arm less that of another, over units and seeds in pairs."""
    last, found = size.tasks * size.block, []
    final = {law: np.stack([unit_aucs(work, size, f"{law}-{seed}", last)[:-1] for seed in seeds]) for law in arms}
    generator = np.random.default_rng(0)
    picks = generator.integers(size.units, size=(RESAMPLES, size.tasks - 1, size.units))
    for first, other in [(law, "none") for law in arms if law != "none"] + [(law, "uniform") for law in arms[2:]]:
        gap = (final[first] - final[other]).mean(axis=0)
        drawn = np.take_along_axis(np.broadcast_to(gap, picks.shape), picks, axis=2).mean(axis=(1, 2))
        low, high = np.quantile(drawn, [0.025, 0.975])
        by_seed = (final[first] - final[other]).mean(axis=(1, 2)).tolist()
        row = {"arm": first, "less": other, "value": float(gap.mean()), "low": float(low), "high": float(high)}
        found.append({**row, "by_seed": by_seed, "by_age": gap.mean(axis=1)[::-1].tolist()})
    return found


def run_all(work: Path, size: Size, output: Path) -> dict[str, Any]:
    """All arms of one seed after the other; what there is, is written as it comes."""
    plant(work, size)
    found: dict[str, Any] = {"size": asdict(size), "courses": [], "differences": []}
    for number, seed in enumerate(size.seeds):
        for law in (LAWS[0], TWIN, *LAWS[1:]):
            found["courses"].append(course(work, size, law, seed))
            output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            print(f"{law} {seed}: p {found['courses'][-1]['p']:.2g}", flush=True)
        found["base"] = json.loads((work / f"models/base-{seed}/facts.json").read_text())
        found["differences"] = differences(work, size, size.seeds[: number + 1], LAWS)
        output.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is missing; returns the exit code."""
    given = parsed(__doc__, arguments)
    run_all(given.work, TINY if given.tiny else Size(), given.output)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
