"""Many small models at once as one stack of tensors, against one after the other: tokens a second of both.

    python -m benchmarks.training.stacked --output stacked.json

Each repeat trains one model by `examples.training.scheduled` for some steps, the stand-in for K of them one after the
other, and K by `examples.training.stacked`; which of the two goes first alternates. On random tokens: what is measured
does not depend on them. Afterwards some models of the stack are compared with models that are trained alone.

    python -m benchmarks.training.stacked --device cuda --cells 0.1M:256:16 1M:32:16 5M:8:16 --seconds 0.6 \
        --limit 75 --output stacked-gpu.json

measures a GPU, where models are trained alone as `train` does by itself there, compiled and in bfloat16, and stacked
with products in bfloat16; both in float32 are measured, too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from examples.training.scheduled import Phase, Rate, next_token, train
from examples.training.shape import Shape, build, parameters_of
from examples.training.stacked import Stack, losses_of, train_stacked
from examples.training.stream import of_rows

SHAPES = {
    "0.02M": Shape(256, width=24, layers=2, heads=2, positions=64),
    "0.1M": Shape(512, width=56, layers=2, heads=2, positions=64),
    "1M": Shape(1024, width=160, layers=3, heads=4, positions=64),
    "5M": Shape(1024, width=256, layers=6, heads=4, positions=64),
}
"""By about how many parameters they have."""
LENGTH, RATE = 64, Rate(1e-3)


@dataclass(frozen=True)
class Cell:
    """What is measured: a shape by its name, K models of it, rows of a step, and the device."""

    shape: str
    models: int
    batch: int
    device: str

    def ways(self) -> dict[str, Callable[[int], float]]:
        """Tokens a second of some steps, alone and stacked; the float32 ones differ from the others on a GPU only."""
        model: Any = build(SHAPES[self.shape], 0)
        model = model.to(self.device)
        found = {"sequential": partial(self._alone, model, None), "stacked": partial(self._stacked, True)}
        if self.device == "cuda":
            found["sequential_float32"] = partial(self._alone, model, False)
            found["stacked_float32"] = partial(self._stacked, False)
        return found

    @cached_property
    def _fresh(self) -> list[Any]:
        """Models with random weights, of which stacks are made."""
        return [build(SHAPES[self.shape], seed) for seed in range(self.models)]

    def tokens(self, way: str) -> int:
        """Of a step."""
        return LENGTH * self.batch * (self.models if way.startswith("stacked") else 1)

    def _alone(self, model: Any, fast: bool | None, steps: int) -> float:
        rows = np.random.default_rng(0).integers(0, SHAPES[self.shape].vocabulary, (self.batch * steps, LENGTH))
        phase = Phase(of_rows(rows), RATE, self.batch)
        began = _now(self.device)
        train(model, [phase], fast=fast)
        return rows.size / (_now(self.device) - began)

    def _stacked(self, half: bool, steps: int) -> float:
        stack = Stack(self._fresh, self.device)
        rows, order = self._rows_and_order(steps)
        began = _now(self.device)
        train_stacked(stack, rows, order, RATE, self.batch, half=half and self.device == "cuda")
        return order.size * LENGTH / (_now(self.device) - began)

    def _rows_and_order(self, steps: int) -> tuple[Any, Any]:
        chance = np.random.default_rng(0)
        rows = chance.integers(0, SHAPES[self.shape].vocabulary, (1024, LENGTH)).astype(np.int32)
        return rows, chance.integers(0, len(rows), (self.models, self.batch * steps))

    def agreement(self, steps: int = 20, compared: int = 3) -> dict[str, float]:
        """The largest differences between some models of the stack and the same ones trained alone, in float32.

        Returns:
            Of the loss on the same rows after some steps, nats, and of single weights.
        """
        rows, order = self._rows_and_order(steps)
        stack = Stack(self._fresh, self.device)
        train_stacked(stack, rows, order, RATE, self.batch)
        asked = torch.from_numpy(rows[: self.batch].astype(np.int64)).to(self.device)
        with torch.no_grad():
            at_once = losses_of(stack, *[asked.expand(self.models, -1, -1)] * 2)
        losses, weights = [], []
        for number in list(range(self.models))[:: max(1, self.models // compared)][:compared]:
            model: Any = build(SHAPES[self.shape], number)
            model = model.to(self.device)
            train(model, [Phase(of_rows(rows[order[number]]), RATE, self.batch)], fast=False)
            with torch.no_grad():
                alone = next_token(model(input_ids=asked).logits, asked, asked[:, 0])
            losses.append(float((alone - at_once[number]).abs()))
            own = dict(model.named_parameters())
            weights += [float((own[name] - one[number]).detach().abs().max()) for name, one in stack.weights.items()]
        return {"steps": steps, "compared": len(losses), "loss": max(losses), "weight": max(weights)}


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(cell: Cell, tokens: int, seconds: float, repeats: int) -> dict[str, Any]:
    """All ways, in alternating order, at about `tokens` tokens or `seconds` seconds a measurement."""
    ways, steps = cell.ways(), dict[str, int]()
    for way, run in ways.items():
        run(2)
        rate = run(5) if seconds else 0.0
        steps[way] = max(2, int(seconds * rate) // cell.tokens(way) if seconds else tokens // cell.tokens(way))
    found: dict[str, list[float]] = {way: [] for way in ways}
    for repeat in range(repeats):
        for way in list(ways)[:: -1 if repeat % 2 else 1]:
            found[way].append(ways[way](steps[way]))
    medians = {way: statistics.median(rates) for way, rates in found.items()}
    return {
        "shape": cell.shape,
        "parameters": parameters_of(build(SHAPES[cell.shape], 0)),
        "models": cell.models,
        "batch": cell.batch,
        "steps": steps,
        "rates": found,
        **medians,
        "ratio": medians["stacked"] / medians["sequential"],
        "ratios": [a / b for a, b in zip(found["stacked"], found["sequential"], strict=True)],
        "agreement": cell.agreement(),
    }


def line(one: dict[str, Any]) -> str:
    """A row of the table."""
    ratios = one["ratios"]
    return (
        f"| {one['shape']} | {one['models']} | {one['batch']} | {one['sequential']:,.0f} | {one['stacked']:,.0f} "
        f"| {one['ratio']:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) |"
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print a table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True, help="JSON")
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=["0.02M", "0.1M", "1M"])
    parser.add_argument("--models", nargs="+", type=int, default=[8, 32], help="K")
    parser.add_argument("--batches", nargs="+", type=int, default=[2, 16], help="rows of 64 tokens a step and model")
    parser.add_argument("--cells", nargs="*", default=[], help="in place of these three: SHAPE:K:ROWS, such as 5M:8:16")
    parser.add_argument("--tokens", type=int, default=65_536, help="of a measurement; %(default)s")
    parser.add_argument("--seconds", type=float, default=0.0, help="of a measurement, in place of --tokens")
    parser.add_argument("--limit", type=float, default=float("inf"), help="seconds after which no cell is begun")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    head = ("parameters", "K", "rows a step", "one after the other, tokens/s", "stacked, tokens/s", "ratio (range)")
    print(f"| {' | '.join(head)} |", flush=True)
    print("|---|---|---|---|---|---|", flush=True)
    device = torch.cuda.get_device_name() if given.device == "cuda" else f"CPU, {given.threads} thread(s)"
    facts = {"device": device, "torch": torch.__version__, "length": LENGTH, "repeats": given.repeats}
    results: list[dict[str, Any]] = []
    cells = [one.split(":") for one in given.cells] or itertools.product(given.shapes, given.models, given.batches)
    began = time.monotonic()
    for name, size, batch in cells:
        if time.monotonic() - began > given.limit:
            print(f"no time is left for {name}", flush=True)
            continue
        cell = Cell(name, int(size), int(batch), given.device)
        results.append(measure(cell, given.tokens, given.seconds, given.repeats))
        print(line(results[-1]), flush=True)
        # After each cell: what is there survives a run that is cut short.
        given.output.write_text(json.dumps({**facts, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
