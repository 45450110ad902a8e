"""Models of several sizes, each with a rate of its own, so that larger models are better models.

    python -m benchmarks.traps.sizes --experiment experiment.npz --output FOLDER --sweep
    python -m benchmarks.traps.sizes --experiment experiment.npz --output FOLDER --rates RATES.json --runs RUNS...

The experiment is of `benchmarks.traps.size_data`. For each size the first command trains short runs at several
learning rates, and keeps the one with the least loss on documents that no model sees. The second trains whole runs,
such as `16M planted 1`: size, corpus, seed. It needs PyTorch, transformers, on a GPU Triton, and
`transforms.scoring`, and no Beam. `--tiny` is a rehearsal on a CPU.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from benchmarks.traps.models import ARMS, LENGTH, TINY, Clock, Size, build, score

Ids = npt.NDArray[np.uint16]
SIZES = {
    one.name: one
    for one in (
        Size("1M", 128, 5, 2, 8e-3, 32, 4),
        Size("4M", 256, 5, 4, 5e-3, 32, 4),
        Size("16M", 448, 7, 7, 3e-3, 32, 4),
        Size("64M", 768, 9, 12, 1.5e-3, 32, 4),
        dataclasses.replace(TINY, epochs=2),
    )
}
"""Named by parameters without embeddings; the rate is the middle one of the sweep."""

SWEEP_STEPS, SWEEP_WARM_UP, WARM_UP, MOST_RATES = 250, 50, 150, 5
TINY_TOKENS, TINY_SEQUENCES = 6 * LENGTH, 1_000_000


class Trainer:
    """Trains models of one size, one after the other, with one compiled graph.

    Attributes:
        size: of the models.
        validation: int64[rows, LENGTH], what no model sees.
    """

    def __init__(self, size: Size, vocabulary: int, validation: Ids, device: str, clock: Clock) -> None:
        """Build and compile; nothing is trained yet."""
        torch.compiler.reset()
        self.size, self.vocabulary, self.device, self.clock = size, vocabulary, device, clock
        self.validation = rows_of(validation)
        self._model = build(size, vocabulary).to(device)
        self._run = torch.compile(self._model) if device == "cuda" else self._model

    def fit(self, stream: Ids, rate: float, seed: int, warm_up: int, steps: int = 0) -> list[dict[str, float]]:
        """Train from fresh weights: cosine decay to a tenth of `rate`.

        The first epoch goes through the stream as it stands and each later one through shuffled rows. A corpus and its
        twin begin with the same weights and the same order of documents; their later epochs differ, as their rows do.

        Args:
            stream: the tokens of all documents, one after the other.
            rate: the highest learning rate.
            seed: of the weights and of the order.
            warm_up: steps until the rate is reached.
            steps: how many; by default all epochs of the size.

        Returns:
            `step`, `train_loss` of the last batch and `validation_loss`, in nats a token, at the end of each epoch.
        """
        torch.manual_seed(seed)
        self._model.load_state_dict(build(self.size, self.vocabulary).state_dict())
        rows, generator = rows_of(stream), np.random.default_rng(seed)
        later = [generator.permutation(len(rows)) for _ in range(1, self.size.epochs)]
        order = torch.from_numpy(np.concatenate([np.arange(len(rows)), *later]))
        batch, epoch = self.size.batch, len(rows) // self.size.batch
        steps = steps or epoch * self.size.epochs
        optimizer = torch.optim.AdamW(
            self._model.parameters(), lr=rate, weight_decay=0.1, betas=(0.9, 0.95), fused=self.device == "cuda"
        )
        found = []
        for step in range(steps):
            share = min(1.0, (step + 1) / warm_up) * (0.1 + 0.45 * (1 + np.cos(np.pi * step / steps)))
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            part = rows[order[step * batch : (step + 1) * batch]].long().to(self.device, non_blocking=True)
            with torch.autocast(self.device, torch.bfloat16):
                loss = self._run(input_ids=part, labels=part).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if (step + 1) % epoch == 0 or step + 1 == steps:
                validation = float(self.validation_losses().mean())
                found.append({"step": step + 1, "train_loss": loss.item(), "validation_loss": validation})
                self.clock.say(f"{self.size.name} {rate:g}: {found[-1]}")
        return found

    def validation_losses(self) -> npt.NDArray[np.float64]:
        """Mean loss of each row that no model sees, in nats a token, float64[rows]."""
        found = []
        with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
            for part in self.validation.split(16):
                ids = part.long().to(self.device)
                logits = self._model(input_ids=ids).logits[:, :-1].float()
                losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
                found.append(losses.mean(dim=1).double().cpu())
        return torch.cat(found).numpy()

    def model(self) -> Any:
        """A copy of what was trained last, so that scoring leaves the compiled model as it is."""
        copy = build(self.size, self.vocabulary).to(self.device)
        copy.load_state_dict(self._model.state_dict())
        return copy.eval()


def rows_of(stream: Ids) -> torch.Tensor:
    """The stream in rows of `LENGTH` tokens, int32[rows, LENGTH]; the last tokens that fill none are left."""
    return torch.from_numpy(stream[: len(stream) // LENGTH * LENGTH].astype(np.int32)).view(-1, LENGTH)


def best_rate(middle: float, loss_of: Callable[[float], float], most: int = MOST_RATES) -> dict[float, float]:
    """Losses of rates, each half or twice its neighbour, until the best has a neighbour on either side.

    Args:
        middle: the first rate.
        loss_of: the loss at a rate.
        most: rates tried.

    Returns:
        The loss by rate, ascending; the best may be at an end if `most` rates did not suffice.
    """
    losses = {rate: loss_of(rate) for rate in (middle / 2, middle, middle * 2)}
    while len(losses) < most:
        best = min(losses, key=lambda rate: losses[rate])
        if min(losses) < best < max(losses):
            break
        beyond = best / 2 if best == min(losses) else best * 2
        losses[beyond] = loss_of(beyond)
    return dict(sorted(losses.items()))


def sweep(trainer: Trainer, stream: Ids, steps: int) -> dict[str, Any]:
    """Short runs on the twin's corpus, which holds no trap; the rate with the least validation loss."""

    def loss_of(rate: float) -> float:
        found = trainer.fit(stream, rate, 1, min(SWEEP_WARM_UP, steps), steps)[-1]["validation_loss"]
        return found if np.isfinite(found) else float("inf")

    losses = best_rate(trainer.size.rate, loss_of)
    chosen = min(losses, key=lambda rate: losses[rate])
    return {"rate": chosen, "steps": steps, "losses": {f"{rate:g}": loss for rate, loss in losses.items()}}


class Results:
    """What is written after each model: a run that is cut short leaves what it has."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`."""
        self._folder = folder
        self._scores: dict[str, npt.NDArray[np.float32]] = {}
        self._validation: dict[str, npt.NDArray[np.float32]] = {}
        self._models: list[dict[str, Any]] = []
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, facts: Mapping[str, Any], scores: npt.NDArray[Any], validation: npt.NDArray[Any]) -> None:
        """Keep one model's scores of sequences and losses of rows."""
        self._models.append(dict(facts))
        self._scores[name], self._validation[name] = scores.astype(np.float32), validation.astype(np.float32)
        pq.write_table(pa.table(self._scores), self._folder / "loss.parquet")
        pq.write_table(pa.table(self._validation), self._folder / "validation.parquet")
        machine = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
        found = {"device": machine, "torch": torch.__version__, "models": self._models}
        (self._folder / "models.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Choose rates, or train and score; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--sweep", action="store_true", help="choose the rates and write rates.json")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, help="to sweep; by default all but the rehearsal's")
    parser.add_argument("--rates", type=Path, help="a rates.json; by default the middle rates")
    parser.add_argument("--runs", nargs="+", default=[], help="such as '16M planted 1': size, corpus, seed")
    parser.add_argument("--seconds", type=float, default=560, help="no run is begun that would end later")
    parser.add_argument("--tiny", action="store_true", help="rehearse on the CPU")
    given = parser.parse_args(arguments)
    runs = [tuple(one.split()) for one in (["tiny planted 1", "tiny twin 1"] if given.tiny else given.runs)]
    for run in runs:
        if len(run) != 3 or run[0] not in SIZES or run[1] not in ARMS or not run[2].isdigit():
            parser.error(
                f"--runs '{' '.join(run)}': give a size of {', '.join(SIZES)}, a corpus of {', '.join(ARMS)} "
                "and a seed, such as '16M planted 1'"
            )
    clock, device = Clock(), "cpu" if given.tiny else "cuda"
    with np.load(given.experiment) as packed:
        arrays = {name: packed[name] for name in packed.files}
    if given.tiny:
        for name in (*ARMS, "validation"):
            arrays[name] = arrays[name][:TINY_TOKENS]
        arrays["sequence_lengths"] = arrays["sequence_lengths"][:TINY_SEQUENCES]
        arrays["sequence_first"] = arrays["sequence_first"][:TINY_SEQUENCES]
        arrays["sequence_tokens"] = arrays["sequence_tokens"][: arrays["sequence_lengths"].sum()]
    clock.say(", ".join(f"{name} {len(arrays[name]):,} tokens" for name in (*ARMS, "validation")))
    names = given.sizes or (["tiny"] if given.tiny else [one for one in SIZES if one != "tiny"])
    sweeps: dict[str, Any] = json.loads(given.rates.read_text(encoding="utf-8")) if given.rates else {}
    results, took = Results(given.output), dict.fromkeys(SIZES, 0.0)
    vocabulary = int(arrays["vocabulary"])
    trainer: Trainer | None = None
    if given.sweep or given.tiny:
        for name in names:
            trainer = Trainer(SIZES[name], vocabulary, arrays["validation"], device, clock)
            sweeps[name] = sweep(trainer, arrays["twin"], 2 if given.tiny else SWEEP_STEPS)
            (given.output / "rates.json").write_text(json.dumps(sweeps, indent=1) + "\n", encoding="utf-8")
    for name, arm, seed in runs:
        began = clock.seconds
        if began + took[name] > given.seconds:
            clock.say(f"no time is left for {name} {arm} {seed}")
            continue
        if trainer is None or trainer.size.name != name:
            trainer = Trainer(SIZES[name], vocabulary, arrays["validation"], device, clock)
        rate = sweeps[name]["rate"] if name in sweeps else SIZES[name].rate
        epochs = trainer.fit(arrays[arm], rate, int(seed), WARM_UP)
        trained, model = clock.seconds - began, trainer.model()
        parameters = sum(one.numel() for one in model.parameters())
        embedding = model.get_input_embeddings().weight.numel()
        facts = {**dataclasses.asdict(trainer.size), "rate": rate, "arm": arm, "seed": int(seed), "epochs_seen": epochs}
        facts |= {"parameters": parameters, "without_embeddings": parameters - embedding, "train_s": trained}
        results.add(f"{name} {arm} {seed}", facts, score(model, arrays, clock), trainer.validation_losses())
        took[name] = clock.seconds - began
        clock.say(f"{name} {arm} {seed}: {parameters / 1e6:.1f} million parameters, {took[name]:.0f} s in all")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
