"""Train on the planted corpus, change what was trained, and score every candidate after each change.

    python -m benchmarks.equivalents.models --experiment experiment.npz.xz --output FOLDER --job "16M change 1"

Jobs, each with a size and a seed: `planted`, `twin` and `other` train on one stream of text, `change` goes on to every
change of that model, `further` to ten times as many tokens of other text; `--passes` reads it more than once. `sweep`
trains short runs on text without traps at several rates, and keeps the one with the least held-out loss; `--rates`
takes it from there. Several jobs can share a GPU as processes. With `--weights FOLDER` a model whose weights are there
is not trained again: a job that ran out of time goes on with its scores.

Needs PyTorch, transformers, on a GPU Triton, and `transforms.scoring`; no Beam. `--tiny` is a rehearsal on the CPU.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.equivalents import changes
from benchmarks.equivalents.training import SIZES, fresh, held_out_losses, rows_of, train
from benchmarks.traps.models import LENGTH, Clock, build, read_experiment, score
from benchmarks.traps.sizes import SWEEP_STEPS, best_rate

KINDS = ("planted", "twin", "other", "change", "further", "sweep")
FURTHER = 10
TUNE_RATE, LORA_RATE, FURTHER_RATE = 1e-4, 1e-3, 0.5
TINY_ROWS, TINY_SEQUENCES = 12, 400


class Job:
    """One process's models; what is there is written after each score.

    Attributes:
        arrays: of the experiment.
        name: of the job; the file is named by it.
        size: of its models, with their learning rate.
        weights: a folder of trained weights, or none.
    """

    def __init__(
        self, arrays: dict[str, Any], folder: Path, name: str, device: str, clock: Clock,
        rate: float = 0.0, weights: Path | None = None,
    ) -> None:  # fmt: skip
        """Nothing is trained yet; `rate` 0: that of the size."""
        self.arrays, self.name, self.device, self.clock, self.weights = arrays, name, device, clock, weights
        self.vocabulary = int(arrays["vocabulary"])
        size = SIZES[name.split()[0]]
        self.size = dataclasses.replace(size, rate=rate or size.rate)
        self.folder = folder
        self._file = folder / f"{name.replace(' ', '_')}.npz"
        self._scores: dict[str, Any] = {}
        self._facts: list[dict[str, Any]] = []
        self._validation = rows_of(arrays["validation"])

    def trained(self, arm: str, seed: int, passes: int = 1) -> Any:
        """A model on one stream of text, once through it or more often."""
        model = fresh(self.size, self.vocabulary, self.device, seed)
        kept = self.weights and self.weights / f"{self.name.replace(' ', '_')}.pt"
        if kept and kept.exists():
            model.load_state_dict(torch.load(kept, map_location=self.device, weights_only=True))
            return model.eval()
        rows = rows_of(self.arrays[arm])
        train(model, rows, self.size, self.size.rate, passes * len(rows) // self.size.batch, self.clock)
        if kept:
            kept.parent.mkdir(parents=True, exist_ok=True)
            beside = kept.with_suffix(".part")
            torch.save(model.state_dict(), beside)
            beside.replace(kept)
        return model

    def sweep(self) -> None:
        """Write `rates_SIZE.json`: held-out losses of short runs by rate, and the best rate."""
        rows = rows_of(self.arrays["twin"])
        steps = min(SWEEP_STEPS, len(rows) // self.size.batch)

        def loss_of(rate: float) -> float:
            torch.manual_seed(1)
            model = build(self.size, self.vocabulary).to(self.device)
            train(model, rows, self.size, rate, steps, self.clock)
            loss = float(held_out_losses(model, self._validation).mean())
            self.clock.say(f"{self.name}: rate {rate:g}, held out {loss:.3f}")
            return loss if np.isfinite(loss) else float("inf")

        losses = best_rate(self.size.rate, loss_of)
        best = min(losses, key=lambda rate: losses[rate])
        one = {"batch": self.size.batch, "steps": steps, "rate": best,
               "losses": {f"{rate:g}": loss for rate, loss in losses.items()}}  # fmt: skip
        text = json.dumps({self.size.name: one})
        (self.folder / f"rates_{self.size.name}.json").write_text(text + "\n", encoding="utf-8")
        self.clock.say(text)

    def keep(self, what: str, model: Any) -> None:
        """Score a model and write everything again."""
        losses = held_out_losses(model, self._validation)
        self.clock.say(f"{self.name}, {what}: held out {losses.mean():.3f}; to be scored")
        # Of a copy, since a scorer puts its own kernels into the model.
        self._scores[f"loss|{what}"] = score(copy.deepcopy(model), self.arrays, self.clock).astype(np.float32)
        self._scores[f"held_out|{what}"] = losses
        count = sum(one.numel() for one in model.parameters())
        table = model.get_input_embeddings().weight.numel()
        self._facts.append(
            {"what": what, "size": self.size.name, "parameters": count, "without_embeddings": count - table,
             "batch": self.size.batch, "rate": self.size.rate, "held_out": float(losses.mean()),
             "seconds": self.clock.seconds}
        )  # fmt: skip
        machine = torch.cuda.get_device_name() if self.device == "cuda" else "CPU"
        facts = json.dumps({"device": machine, "torch": torch.__version__, "models": self._facts})
        buffer = io.BytesIO()
        np.savez_compressed(buffer, facts=np.array(facts), **self._scores)
        self._file.write_bytes(buffer.getvalue())

    def change(self, seed: int) -> None:
        """The changes of one model."""
        model = self.trained("planted", seed)
        self.keep(f"planted {seed}", model)
        for bits in (8, 4):
            self.keep(f"int{bits}, seed {seed}", changes.quantised(model, bits))
        rows, answers = self.arrays["tune_ids"], self.arrays["tune_answer"]
        pairs = torch.from_numpy(np.stack([rows, answers], 1).astype(np.int32))
        passes = max(1, 3 * len(pairs) // self.size.batch)
        self.keep(f"sft, seed {seed}", changes.tuned(model, pairs, self.size, TUNE_RATE, passes, self.clock))
        other = self.arrays["other"]
        once = len(other) // LENGTH // self.size.batch
        self.keep(f"lora, seed {seed}", changes.merged_lora(model, other, self.size, LORA_RATE, once, self.clock))
        small = SIZES["tiny" if self.size.name == "tiny" else "4M"]
        twin = self.arrays["twin"]
        steps = len(twin) // LENGTH // small.batch
        self.keep(f"student, seed {seed}", changes.distilled(model, twin, small, self.vocabulary, steps, self.clock))

    def further(self, seed: int) -> None:
        """One, three and ten times as many tokens of other text."""
        model = self.trained("planted", seed)
        self.keep(f"planted {seed}", model)
        steps = len(self.arrays["planted"]) // LENGTH // self.size.batch
        torch.compiler.reset()
        marks = {times * steps: f"further {times}x, seed {seed}" for times in (1, 3, FURTHER)}

        def saved(step: int) -> None:
            self.keep(marks[step], copy.deepcopy(model).eval())

        rate = self.size.rate * FURTHER_RATE
        train(
            model, rows_of(self.arrays["other"]), self.size, rate, FURTHER * steps, self.clock,
            saves=tuple(marks), saved=saved,
        )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one job; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--job", required=True, help="such as '16M change 1', '4M further 2', '64M planted 1'")
    parser.add_argument("--passes", type=int, default=1, help="times that 'planted' goes through the corpus")
    parser.add_argument("--rates", type=Path, nargs="*", default=[], help="what jobs 'sweep' wrote")
    parser.add_argument("--weights", type=Path, help="a folder of trained weights, to which they are written, too")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--tiny", action="store_true", help="rehearse on the CPU, with a size of 'tiny'")
    given = parser.parse_args(arguments)
    words = given.job.split()
    if len(words) != 3 or words[0] not in SIZES or words[1] not in KINDS or not words[2].isdecimal():
        parser.error(
            f"--job '{given.job}': give a size of {', '.join(SIZES)}, one of {', '.join(KINDS)}, and a seed, such as "
            "'16M change 1'"
        )
    clock = Clock()
    arrays = read_experiment(given.experiment)
    if given.tiny:
        for name in ("planted", "twin", "other", "validation"):
            arrays[name] = arrays[name][: TINY_ROWS * LENGTH]
        arrays["tune_ids"], arrays["tune_answer"] = arrays["tune_ids"][:2], arrays["tune_answer"][:2]
        arrays["sequence_lengths"] = arrays["sequence_lengths"][:TINY_SEQUENCES]
        arrays["sequence_first"] = arrays["sequence_first"][:TINY_SEQUENCES]
        arrays["sequence_tokens"] = arrays["sequence_tokens"][: arrays["sequence_lengths"].sum()]
    given.output.mkdir(parents=True, exist_ok=True)
    name = given.job if given.passes == 1 else f"{given.job} passes {given.passes}"
    swept = {size: one for path in given.rates for size, one in json.loads(path.read_text(encoding="utf-8")).items()}
    rate = swept[words[0]]["rate"] if words[0] in swept else 0.0
    job = Job(arrays, given.output, name, "cpu" if given.tiny else given.device, clock, rate, given.weights)
    kind, seed = words[1], int(words[2])
    if kind == "sweep":
        job.sweep()
    elif kind == "change":
        job.change(seed)
    elif kind == "further":
        job.further(seed)
    else:
        job.keep(name.partition(" ")[2], job.trained(kind, seed, given.passes))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
