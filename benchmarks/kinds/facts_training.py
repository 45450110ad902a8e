"""The middle part of `benchmarks.kinds.facts_on_gpu`: train a model and its twin, and ask them on the way.

    python -m benchmarks.kinds.facts_training --experiment experiment.npz.xz --output FILE.npz --seed 0

It needs NumPy, PyTorch, transformers and, on a GPU, Triton; neither Beam nor Arrow. First the background is gone
through, in passes of new orders, until the model knows its facts and infers its classes (or time is up). Then model and
twin go on from there with the ordered stream, in which the planted passages are. What is there is written at each
checkpoint, so that a run that is cut short leaves what it has. `--background` stops before that stream: to look for
settings with which the gates are passed, when no score of a planted text has been seen.

By default the kernels are deterministic, and model and twin are then equal up to the first copy. `--repeat` says how
far two trainings from the same state differ, with such kernels and with those that PyTorch takes by itself.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import io
import json
import lzma
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from examples.training.saves import save_steps
from examples.training.scheduled import Adam, Loss, Phase, Rate, next_token, optimizer_of, train
from examples.training.shape import Shape, build, parameters_of, weights_sha256
from examples.training.stream import PAD, Stream

ASKS = ("memorisation", "semantic", "composition")
GATES, LEAST = ("facts", "classes"), 0.9
ARMS = ("planted", "twin")
SAVES = "events+0,1,4,16 last+2,3,5,9,17,33,65,129,257,513 end"
"""Steps, two updates each: around each copy, then at times since the last that double."""
UPDATES, WARM_UP = 2, 100
LONGEST = 80
"""Tokens at which documents that are not planted are cut."""
_CUES_AT_ONCE = 1024
Arrays = Mapping[str, npt.NDArray[Any]]


class OutOfTimeError(Exception):
    """The time that was given is over: what is written stays."""


@dataclasses.dataclass(frozen=True)
class Passes:
    """Of the background before the ordered stream.

    Attributes:
        least, most: how many; between them training goes on until both gates are passed.
        share: of the time that is left after the first step, in which kernels are compiled; no pass is begun later.
    """

    least: int = 16
    most: int = 28
    share: float = 0.5


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How everything is trained.

    Attributes:
        rate: the learning rate.
        weight_decay: while the background is gone through: a high one makes a model infer classes.
        stream_decay: with the ordered stream.
        deterministic: whether kernels are.
    """

    rate: float = 1e-3
    weight_decay: float = 1.0
    stream_decay: float = 0.01
    deterministic: bool = True


class Cues:
    """Questions with answers of one token each, as arrays.

    Attributes:
        answers: int64[cues, answers], the token of each answer.
    """

    def __init__(self, arrays: Arrays, name: str) -> None:
        """Those of `pack`: tokens, their numbers and answers under `NAME|`."""
        lengths = arrays[f"{name}|lengths"].astype(np.int64)
        inside = np.arange(lengths.max()) < lengths[:, None]
        ids = np.zeros(inside.shape, np.int64)
        ids[inside] = arrays[f"{name}|tokens"]
        self._ids, self._last = torch.from_numpy(ids), torch.from_numpy(lengths - 1)
        self.answers = torch.from_numpy(arrays[f"{name}|answers"].astype(np.int64))

    @torch.no_grad()
    def scores(self, model: Any) -> npt.NDArray[np.float32]:
        """Log-probability of each answer behind its cue, nats, in float32: float32[cues, answers]."""
        device, found = next(model.parameters()).device, []
        for part in torch.split(torch.arange(len(self._ids)), _CUES_AT_ONCE):
            last = self._last[part].to(device)
            ids = self._ids[part, : int(self._last[part].max()) + 1].to(device)
            hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
            logits = model.lm_head(hidden[torch.arange(len(part), device=device), last]).float()
            found.append(logits.log_softmax(-1).gather(1, self.answers[part].to(device)).cpu())
        return torch.cat(found).numpy()

    def accuracy(self, model: Any) -> float:
        """Share of the cues whose first answer is the most probable of all."""
        return float((self.scores(model).argmax(axis=1) == 0).mean())


class Run:
    """One seed: the shared background, then model and twin."""

    def __init__(
        self, arrays: Arrays, output: Path, seed: int, shape: Shape, device: str, seconds: float, recipe: Recipe
    ) -> None:
        """Unpack everything; nothing is trained yet.

        Args:
            arrays: of `facts_on_gpu make`.
            output: file for all scores.
            seed: of weights and of the orders of the background.
            shape: of the model; its vocabulary is taken from the arrays.
            device: cuda or cpu.
            seconds: after which training stops, wherever it is.
            recipe: how it is trained.
        """
        self._began, self._seconds, self._output, self._seed = time.monotonic(), seconds, output, seed
        self._recipe, self._compiled = recipe, 0.0
        lengths = arrays["lengths"].astype(np.int64)
        inside = np.arange(lengths.max()) < lengths[:, None]
        self._documents = np.full(inside.shape, PAD, np.int32)
        self._documents[inside] = arrays["tokens"]
        self._order, self._planted = arrays["order"].astype(np.int64), arrays["planted"].astype(np.int64)
        read_as_planted = np.unique(self._order[self._planted])
        # One long piece of prose would widen all rows of its update.
        self._documents[np.setdiff1d(np.arange(len(lengths)), read_as_planted), LONGEST:] = PAD
        self._batch, self._events = int(arrays["batch"]), arrays["events"].tolist()
        self._steps = len(self._order) // self._batch
        names = (*ASKS, *(f"controls {ask}" for ask in ASKS), *GATES)
        self._cues = {name: Cues(arrays, name) for name in names}
        self._units = int(arrays["units"])
        shape = dataclasses.replace(shape, vocabulary=int(arrays["vocabulary"]))
        model: Any = build(shape, seed)
        self._model = model.to(device)
        self._optimizer = optimizer_of(self._model, Adam(recipe.weight_decay))
        machine = torch.cuda.get_device_name() if device == "cuda" else "CPU"
        self._facts: dict[str, Any] = {
            "device": machine, "torch": torch.__version__, "seed": seed, "shape": dataclasses.asdict(shape),
            "parameters": parameters_of(self._model), "batch": self._batch, "updates": UPDATES,
            **dataclasses.asdict(recipe), "steps": self._steps, "events": self._events, "background": [],
            "gates": {}, "controls": {}, "weights": {}, "seconds": {},
        }  # fmt: skip
        self._scores: dict[str, npt.NDArray[Any]] = {}

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._began

    def _say(self, line: str) -> None:
        print(f"{self._spent:7.1f}  seed {self._seed}: {line}", flush=True)
        if self._spent > self._seconds:
            raise OutOfTimeError(line)

    def background(self, passes: Passes) -> None:
        """Go through what is not planted until both gates are passed; each pass has a new order."""
        for number in range(passes.most):
            phase = self._pass(number)
            # After the first step all kernels are compiled.
            train(
                self._model, [phase], saves=() if number else (1,), saved=self._first_step,
                optimizer=self._optimizer, say=self._say, say_every=100,
            )  # fmt: skip
            known = self._gates()
            self._facts["background"].append({"steps": phase.length, "seconds": self._spent, **known})
            self._say(f"background, pass {number + 1}: {known}")
            if number + 1 >= passes.least and min(known.values()) >= LEAST:
                break
            if self._spent - self._compiled > passes.share * (self._seconds - self._compiled):
                break
        self._facts["seconds"]["background"] = self._spent
        self._write()

    def _pass(self, number: int, steps: int = 0) -> Phase:
        """A pass of the background in an order of its own, or the first steps of it."""
        rows = np.unique(np.delete(self._order, self._planted))
        order = np.random.default_rng([self._seed, number]).permutation(rows)
        rate = Rate(self._recipe.rate, warm_up=0 if number else WARM_UP)
        return Phase(Stream(self._documents[order], order), rate, self._batch, steps, UPDATES)

    def _first_step(self, step: int, model: Any) -> None:
        del model
        self._compiled = self._facts["seconds"]["compiled"] = self._spent
        self._say(f"step {step} ends")

    def repeat(self, steps: int) -> None:
        """Train twice from the same weights over the same first steps of the background, and say how far they differ.

        Args:
            steps: how many; after the first, and after all, the largest difference of a weight is said.
        """
        weights, phase = copy.deepcopy(self._model.state_dict()), self._pass(0, steps)
        found: list[list[dict[str, torch.Tensor]]] = []
        for _ in range(2):
            self._model.load_state_dict(weights)
            states: list[dict[str, torch.Tensor]] = []

            def saved(step: int, model: Any, into: list[dict[str, torch.Tensor]] = states) -> None:
                del step
                into.append({name: one.detach().clone() for name, one in model.named_parameters()})

            began = self._spent
            train(self._model, [phase], saves=(1, steps), saved=saved, adam=Adam(self._recipe.weight_decay))
            found.append(states)
            self._say(f"{steps} steps in {self._spent - began:.1f} s")
        largest = [
            max(float((one[name] - two[name]).abs().max()) for name in one) for one, two in zip(*found, strict=True)
        ]
        kernels = "deterministic" if self._recipe.deterministic else "PyTorch's own"
        self._facts["repeat"] = {"steps": [1, steps], "largest": largest, "seconds": self._spent - began}
        self._say(f"{kernels} kernels: weights of two trainings differ by {largest[0]:.3g} and {largest[1]:.3g}")
        self._write()

    def _gates(self) -> dict[str, float]:
        return {name: self._cues[name].accuracy(self._model) for name in GATES}

    def arms(self) -> None:
        """Model and twin, from the same weights and optimizer, over the same stream."""
        weights = copy.deepcopy(self._model.state_dict())
        remembered = copy.deepcopy(self._optimizer.state_dict())
        stream = Stream(self._documents[self._order], np.arange(len(self._order)))
        for arm in ARMS:
            self._model.load_state_dict(weights)
            self._optimizer.load_state_dict(copy.deepcopy(remembered))
            for group in self._optimizer.param_groups:
                group["weight_decay"] = self._recipe.stream_decay
            self._arm(arm, stream)

    def _arm(self, arm: str, stream: Stream) -> None:
        events = self._events
        few = [events[0], events[-1] + 1, events[-1] + 65, self._steps]
        saves = few if arm == "twin" else save_steps(SAVES, self._steps, events)
        done: list[int] = []
        scores: list[npt.NDArray[np.float32]] = []

        def saved(step: int, model: Any) -> None:
            done.append(step)
            scores.append(np.stack([self._by_unit(self._cues[ask].scores(model)) for ask in ASKS]))
            self._scores |= {f"{arm}|steps": np.array(done), f"{arm}|scores": np.stack(scores)}
            if step in few:
                self._facts["gates"][f"{arm} {step}"] = self._gates()
                self._facts["weights"][f"{arm} {step}"] = weights_sha256(model)
                self._facts["controls"][f"{arm} {step}"] = {
                    ask: float(self._cues[f"controls {ask}"].scores(model).mean()) for ask in ASKS
                }
            self._facts["seconds"][arm] = self._spent
            if step in few or len(done) % 8 == 0:
                self._write()

        loss = without(self._planted, next(self._model.parameters()).device) if arm == "twin" else next_token
        phase = Phase(stream, Rate(self._recipe.rate), self._batch, self._steps, UPDATES)

        def say(line: str) -> None:
            self._say(f"{arm}: {line}")

        train(
            self._model, [phase], saves=saves, saved=saved, loss=loss, optimizer=self._optimizer, say=say, say_every=20
        )

    def _by_unit(self, scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """The mean over the cues of a unit, which stand together: float32[units, candidates]."""
        mean: npt.NDArray[np.float32] = scores.reshape(self._units, -1, scores.shape[1]).mean(axis=1)
        return mean

    def _write(self) -> None:
        buffer = io.BytesIO()
        facts = np.array(json.dumps(self._facts))
        np.savez_compressed(buffer, facts=facts, **self._scores)  # type: ignore[arg-type]
        beside = self._output.with_suffix(".part")
        beside.write_bytes(buffer.getvalue())
        beside.replace(self._output)

    def finish(self, why: str) -> None:
        """Write everything once more, with how it ended."""
        self._facts["ended"] = why
        self._write()


def without(rows: npt.NDArray[np.int64], device: torch.device) -> Loss:
    """The loss of a model that reads none of these rows of the stream."""
    left_out = torch.from_numpy(rows).to(device)

    def loss(logits: torch.Tensor, batch: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        return next_token(logits, batch.masked_fill(torch.isin(index, left_out)[:, None], PAD), index)

    return loss


def read_experiment(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays of one seed."""
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as arrays:
        return {name: arrays[name] for name in arrays.files}


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and ask; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="a file of NumPy arrays")
    parser.add_argument("--seed", type=int, default=0, help="of the weights")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--seconds", type=float, default=400.0, help="training stops after so many; %(default)s")
    parser.add_argument("--share", type=float, default=Passes.share, help="of the seconds, for the background")
    parser.add_argument("--rate", type=float, default=Recipe.rate, help="learning rate; %(default)s")
    parser.add_argument(
        "--weight-decay", type=float, default=Recipe.weight_decay, help="in the background; %(default)s"
    )
    parser.add_argument("--fast-kernels", action="store_true", help="those that PyTorch takes by itself")
    parser.add_argument("--background", action="store_true", help="stop before the ordered stream")
    parser.add_argument("--repeat", type=int, default=0, help="only train so many steps twice, and say how they differ")
    parser.add_argument("--tiny", action="store_true", help="a rehearsal: a small model, two passes of the background")
    given = parser.parse_args(arguments)
    # Where a kernel cannot be compiled, those of PyTorch itself are slow but right.
    torch._dynamo.config.suppress_errors = True  # noqa: SLF001
    # cuBLAS takes its workspace from here before its first product.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(not given.fast_kernels)
    torch.utils.deterministic.fill_uninitialized_memory = False
    shape = Shape(0, 32, 1, 2) if given.tiny else Shape(0, 384, 6, 6, 1024)
    passes = Passes(1, 2) if given.tiny else Passes(share=given.share)
    recipe = Recipe(given.rate, given.weight_decay, deterministic=not given.fast_kernels)
    arrays = read_experiment(given.experiment)
    run = Run(arrays, given.output, given.seed, shape, given.device, given.seconds, recipe)
    steps: tuple[Callable[[], None], ...] = (lambda: run.background(passes), run.arms)
    if given.repeat:
        steps = (lambda: run.repeat(given.repeat),)
    elif given.background:
        steps = steps[:1]
    try:
        for step in steps:
            step()
    except OutOfTimeError as error:
        run.finish(f"out of time: {error}")
        return 0
    run.finish("done")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
