"""Many small models at once as one stack of tensors, against one after the other: tokens a second of both.

    python -m benchmarks.training.stacked --output stacked.json

Each repeat trains one model by `examples.training.scheduled` for some steps, the stand-in for K of them one after the
other, and K by `examples.training.stacked`; which of the two goes first alternates. On random tokens: what is measured
does not depend on them. `--device cuda` measures a GPU.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from examples.training.scheduled import Phase, Rate, train
from examples.training.shape import Shape, build, parameters_of
from examples.training.stacked import Stack, train_stacked
from examples.training.stream import of_rows

SHAPES = {
    "0.02M": Shape(256, width=24, layers=2, heads=2, positions=64),
    "0.1M": Shape(512, width=56, layers=2, heads=2, positions=64),
    "1M": Shape(1024, width=160, layers=3, heads=4, positions=64),
}
"""By about how many parameters they have."""
LENGTH, RATE = 64, Rate(1e-3)


def sequential(shape: Shape, batch: int, steps: int, device: str) -> float:
    """Tokens a second of one model after the other; one is trained."""
    model: Any = build(shape, 0)
    model = model.to(device)
    rows = np.random.default_rng(0).integers(0, shape.vocabulary, (batch * steps, LENGTH))
    phase = Phase(of_rows(rows), RATE, batch)
    began = _now(device)
    train(model, [phase])
    return rows.size / (_now(device) - began)


def stacked(shape: Shape, size: int, batch: int, steps: int, device: str) -> float:
    """Tokens a second of `size` models at once, over all of them."""
    stack = Stack([build(shape, seed) for seed in range(size)], device)
    chance = np.random.default_rng(0)
    rows = chance.integers(0, shape.vocabulary, (1024, LENGTH)).astype(np.int32)
    order = chance.integers(0, len(rows), (size, batch * steps))
    began = _now(device)
    train_stacked(stack, rows, order, RATE, batch)
    return order.size * LENGTH / (_now(device) - began)


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def measure(name: str, size: int, batch: int, tokens: int, repeats: int, device: str) -> dict[str, Any]:
    """Both, alternating, at about `tokens` tokens a measurement."""
    shape = SHAPES[name]
    alone = {"steps": max(2, tokens // (batch * LENGTH))}
    at_once = max(2, tokens // (batch * LENGTH * size))
    found: dict[str, list[float]] = {"sequential": [], "stacked": []}
    sequential(shape, batch, 2, device)
    stacked(shape, size, batch, 1, device)
    for repeat in range(repeats):
        for kind in ("sequential", "stacked") if repeat % 2 == 0 else ("stacked", "sequential"):
            rate = (
                sequential(shape, batch, alone["steps"], device)
                if kind == "sequential"
                else stacked(shape, size, batch, at_once, device)
            )
            found[kind].append(rate)
    medians = {kind: statistics.median(rates) for kind, rates in found.items()}
    return {
        "shape": name,
        "parameters": parameters_of(build(shape, 0)),
        "models": size,
        "batch": batch,
        "rates": found,
        **medians,
        "ratio": medians["stacked"] / medians["sequential"],
        "ratios": [a / b for a, b in zip(found["stacked"], found["sequential"], strict=True)],
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
    parser.add_argument("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    parser.add_argument("--models", nargs="+", type=int, default=[8, 32], help="K")
    parser.add_argument("--batches", nargs="+", type=int, default=[2, 16], help="rows of 64 tokens a step and model")
    parser.add_argument("--tokens", type=int, default=65_536, help="of a measurement; %(default)s")
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
    for name, size, batch in itertools.product(given.shapes, given.models, given.batches):
        results.append(measure(name, size, batch, given.tokens, given.repeats, given.device))
        print(line(results[-1]), flush=True)
        # After each cell: what is there survives a run that is cut short.
        given.output.write_text(json.dumps({**facts, "results": results}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
