"""Train a base and its twin, let copies of them study at several rates, and ask them on the way.

    python -m benchmarks.sentences.models --experiment experiment.npz.xz --output FOLDER --seed 0

One process a seed; several can share a GPU. Needs PyTorch and transformers, on a GPU Triton; neither Beam nor Arrow.
All courses of a seed are trained as one stack. What is there is written after each save, and a run ends by itself after
`--seconds`. `--design tiny` with the data of that design is a rehearsal on the CPU.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.equivalents.training import fresh, held_out_losses, train
from benchmarks.sentences.answers import Asked, in_rows, losses, recalled
from benchmarks.sentences.design import DESIGNS, INSIDE, PASSES, PLANTED, STUDY, TEXTS, TWIN, Design, shown
from benchmarks.traps.models import LENGTH, Clock, read_experiment
from examples.training.scheduled import Rate
from examples.training.stacked import Stack, train_stacked
from examples.training.stream import PAD

Arrays = dict[str, npt.NDArray[Any]]
CHECKS, HELD_OUT = 250, 16
"""Updates between looks at the clock; rows of other background on which bases are compared."""


def weights_sha256(stack: Stack, number: int) -> str:
    """SHA-256 of all names and weights of one model, in order of the names, in hexadecimal."""
    whole = hashlib.sha256()
    for name, one in sorted(stack.weights.items()):
        whole.update(name.encode())
        whole.update(one[number].detach().cpu().numpy().tobytes())
    return whole.hexdigest()


class LateError(Exception):
    """The time is over."""


def base_stream(arrays: Arrays, arm: str, seed: int) -> npt.NDArray[np.uint16]:
    """The background `PASSES` times, documents in another order each time.

    The copies of `inside` are in one pass each, of even units in the first one; the twin has none.
    """
    unit = arrays["background_unit"]
    ends = np.cumsum(arrays["background_lengths"].astype(np.int64))
    begins = ends - arrays["background_lengths"]
    parts = []
    for turn in range(PASSES):
        kept = (unit < 0) | ((unit % PASSES == turn) & (arm == PLANTED))
        order = np.random.default_rng([seed, turn]).permutation(len(unit))
        parts += [arrays["background"][begins[at] : ends[at]] for at in order[kept[order]]]
    return np.concatenate(parts)


def read_all(experiment: Path) -> Arrays:
    """The experiment, and beside it the background, which is encoded here: documents and copies of `inside`."""
    from tokenizers import Tokenizer

    arrays = read_experiment(experiment)
    tokenizer = Tokenizer.from_file(str(experiment.with_name("tokenizer.json")))
    parts = bz2.decompress(experiment.with_name(TEXTS).read_bytes()).decode().split("\1")
    for name, part in zip(("background", "other"), parts, strict=True):
        ids = [np.asarray(one.ids, np.uint16) for one in tokenizer.encode_batch_fast(part.split("\0"))]
        arrays[name], arrays[f"{name}_lengths"] = np.concatenate(ids), np.array([len(one) for one in ids], np.int32)
    plain, copies = len(arrays["background_lengths"]), len(arrays["copies_lengths"])
    arrays["background_unit"] = np.concatenate([np.full(plain, -1), np.arange(copies)]).astype(np.int16)
    arrays["background"] = np.concatenate([arrays["background"], arrays["copies"]])
    arrays["background_lengths"] = np.concatenate([arrays["background_lengths"], arrays["copies_lengths"]])
    return arrays


class Seed:
    """One seed's models; the file is written after each save.

    Attributes:
        arrays: of the experiment.
        design: its sizes.
    """

    def __init__(
        self, arrays: Arrays, design: Design, seed: int, folder: Path, device: str, seconds: float, clock: Clock
    ) -> None:
        """Nothing is trained yet."""
        self.arrays, self.design, self.seed, self.device = arrays, design, seed, device
        self.seconds, self.clock = seconds, clock
        self._file = folder / f"sentences-{seed}.npz"
        self._asked = {name: Asked.of(arrays, name) for name in (STUDY, INSIDE)}
        self._found: Arrays = {}
        self._facts: dict[str, Any] = {
            "seed": seed,
            "device": torch.cuda.get_device_name() if device == "cuda" else "CPU",
            "torch": torch.__version__,
            "arms": list(design.arms),
            "saves": [],
        }

    def bases(self) -> dict[str, Any]:
        """Base and twin, of the same weights at the start."""
        size, vocabulary, found = self.design.size, self.design.vocabulary, {}
        held = torch.from_numpy(self._other(LENGTH)[-HELD_OUT:].astype(np.int32))
        for arm in (PLANTED, TWIN):
            stream = base_stream(self.arrays, arm, self.seed)
            rows = torch.from_numpy(stream[: len(stream) // LENGTH * LENGTH].astype(np.int32)).view(-1, LENGTH)
            model = fresh(size, vocabulary, self.device, self.seed)
            began = self.clock.seconds
            train(model, rows, size, size.rate, len(rows) // size.batch, self.clock)
            found[arm] = model
            count, table = sum(one.numel() for one in model.parameters()), model.get_input_embeddings().weight.numel()
            self._facts[arm] = {
                "parameters": count, "without_embeddings": count - table, "tokens": rows.numel(),
                "sha256": weights_sha256(Stack([model]), 0), "seconds": self.clock.seconds - began,
                "held_out": float(held_out_losses(model, held).mean()),
            }  # fmt: skip
            self._found[f"loss|{INSIDE}|{arm}"] = losses(Stack([model], self.device), self._asked[INSIDE])[0]
            self.write()
            self.clock.say(f"seed {self.seed}, {arm}: held out {self._facts[arm]['held_out']:.3f}")
        return found

    def courses(self, bases: dict[str, Any]) -> None:
        """Study and what follows, all courses as one stack; the rates are shares of the highest."""
        design, high = self.design, max(self.design.rates)
        stack = Stack([bases[arm] for arm, _ in design.arms], self.device)
        shares = [rate / high for _, rate in design.arms]
        rows, order = self._rows_and_order()
        torch.set_float32_matmul_precision("high")
        checks = range(0, order.shape[1] // design.batch, CHECKS)
        try:
            train_stacked(
                stack, rows, order, Rate(high), design.batch, shares=shares, saved=self._saved,
                saves=sorted({*design.saves, *checks}),
            )  # fmt: skip
        except LateError:
            self.clock.say(f"seed {self.seed}: no time is left")

    def _rows_and_order(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]:
        """Rows of background and of what is studied, and which of them each course sees: int64[arms, rows seen]."""
        arrays, design = self.arrays, self.design
        plain = self._other(design.row)[: -HELD_OUT * LENGTH // design.row or None]
        studied = in_rows(arrays["shown"], arrays["shown_lengths"].astype(np.int64))
        width = max(plain.shape[1], studied.shape[1])
        rows = np.full((len(plain) + len(studied), width), PAD, np.int32)
        rows[: len(plain), : plain.shape[1]], rows[len(plain) :, : studied.shape[1]] = plain, studied
        place = {pair: at for at, pair in enumerate(zip(arrays["shown_unit"].tolist(), arrays["shown_copy"].tolist(),
                                                        strict=True), len(plain))}  # fmt: skip
        study = np.array([place[pair] for pair in shown(arrays["study_dose"], self.seed)])
        shuffled = np.random.default_rng([self.seed, 1]).permutation(len(plain))
        # The twin studies the last rows, which are read again at the end of a long course.
        instead, needed = shuffled[-len(study) :], design.batch * design.after[-1]
        after = np.tile(shuffled, -(-needed // len(shuffled)))[:needed]
        self._facts["passes_of_other"] = needed / len(shuffled)
        arms = [np.concatenate([study if arm == PLANTED else instead, after]) for arm, _ in design.arms]
        return rows, np.stack(arms)

    def _other(self, length: int) -> npt.NDArray[np.uint16]:
        flat = self.arrays["other"]
        return flat[: len(flat) // length * length].reshape(-1, length)

    def _saved(self, step: int, stack: Stack) -> None:
        if self.clock.seconds > self.seconds:
            raise LateError
        if step not in self.design.saves:
            return
        torch.set_float32_matmul_precision("highest")
        began, asked = self.clock.seconds, self._asked[STUDY]
        self._found[f"loss|{STUDY}|{step}"] = losses(stack, asked)
        self._found[f"hits|{step}"], self._found[f"edits|{step}"] = recalled(stack, asked)
        torch.set_float32_matmul_precision("high")
        hashes = [weights_sha256(stack, number) for number in range(stack.size)]
        took = self.clock.seconds - began
        self._facts["saves"].append({"step": step, "at": began, "asking": took, "sha256": hashes})
        self.write()
        shares = self._found[f"hits|{step}"].mean(axis=1) / (asked.lengths - asked.cut).mean()
        self.clock.say(f"seed {self.seed}, step {step}: hits {np.round(shares, 4).tolist()}")

    def write(self) -> None:
        """All that is there, compressed."""
        self._facts["seconds"] = self.clock.seconds
        buffer = io.BytesIO()
        np.savez_compressed(buffer, facts=np.array(json.dumps(self._facts)), **self._found)  # type: ignore[arg-type]
        partial = self._file.with_suffix(".part")
        partial.write_bytes(buffer.getvalue())
        partial.replace(self._file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train one seed's models; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0, help="of weights and orders")
    parser.add_argument("--seconds", type=float, default=400, help="after which nothing more is begun")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--design", choices=list(DESIGNS), default="full")
    given = parser.parse_args(arguments)
    given.output.mkdir(parents=True, exist_ok=True)
    clock = Clock()
    arrays = read_all(given.experiment)
    clock.say(f"read {len(arrays['background']):,} and {len(arrays['other']):,} tokens of background")
    seed = Seed(arrays, DESIGNS[given.design], given.seed, given.output, given.device, given.seconds, clock)
    seed.courses(seed.bases())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
