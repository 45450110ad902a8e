"""Continuing prompts: trapline beside `model.generate` of transformers; the same model and prompts, one run.

    python -m benchmarks.scoring.generation --device cpu --threads 1
    python -m benchmarks.scoring.generation --device cuda

Greedy continuations of prompts of mixed lengths, then several drawn ones of each. The model has random weights (the
shapes of `benchmarks.scoring`), and no token ends a continuation, so that all make as many. Batches of transformers are
padded on the left. `like alone`: the share of continuations that equal those of one prompt at a time, token for token.
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.scoring.__main__ import SHAPES
from transforms.base.texts import Ragged, offsets_of
from transforms.scoring.generation.continuation import GenerationSettings, generate
from transforms.scoring.generation.sampling import SamplingScheme

Prompts = Sequence[Sequence[int]]
Run = Callable[[Prompts], list[list[int]]]
PROMPTS = {"cuda": 1024, "cpu": 64}
SAMPLES = 8


def transformers(model: Any, batch: int, new: int, samples: int) -> Run:
    """Batches in the order of lengths, padded on the left."""
    device = model.device

    def run(prompts: Prompts) -> list[list[int]]:
        order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
        found: list[list[int]] = [[] for _ in range(len(prompts) * samples)]
        for begin in range(0, len(order), batch):
            rows = order[begin : begin + batch]
            longest = max(len(prompts[row]) for row in rows)
            ids = torch.zeros((len(rows), longest), dtype=torch.int64, device=device)
            mask = torch.zeros_like(ids)
            for at, row in enumerate(rows):
                ids[at, longest - len(prompts[row]) :] = torch.tensor(prompts[row], device=device)
                mask[at, longest - len(prompts[row]) :] = 1
            drawn = {"do_sample": True, "top_k": 0, "temperature": 0.8} if samples > 1 else {"do_sample": False}
            out = model.generate(
                ids, attention_mask=mask, max_new_tokens=new, num_return_sequences=samples, pad_token_id=0, **drawn
            )
            for at, row in enumerate(rows):
                for sample in range(samples):
                    found[row * samples + sample] = out[at * samples + sample, longest:].tolist()
        return found

    return run


def trapline(model: Any, new: int, samples: int) -> Run:
    """Ours."""
    scheme = SamplingScheme() if samples == 1 else SamplingScheme(temperature=0.8)
    settings = GenerationSettings(scheme=scheme, samples=samples)

    def run(prompts: Prompts) -> list[list[int]]:
        values = np.array([token for one in prompts for token in one], np.int64)
        ragged = Ragged(values, offsets_of(np.array([len(one) for one in prompts])))
        made = generate(model, ragged, [str(at) for at in range(len(prompts))], new, settings)
        values, offsets = made.tokens.values.tolist(), made.tokens.offsets.tolist()
        return [values[begin:end] for begin, end in itertools.pairwise(offsets)]

    return run


def timed(run: Run, prompts: Prompts, device: str) -> tuple[float, float, list[list[int]]]:
    """Seconds, seconds of the CPU's cores, and what was made."""
    if device == "cuda":
        torch.cuda.synchronize()
    began, busy = time.perf_counter(), time.process_time()
    found = run(prompts)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, time.process_time() - busy, found


def main() -> None:
    """Run all contenders in turns and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--new-tokens", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    torch.manual_seed(0)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    dtype = torch.bfloat16 if asked.device == "cuda" else torch.float32
    model = LlamaForCausalLM(LlamaConfig(**SHAPES[asked.device], max_position_embeddings=2048))
    model.generation_config.eos_token_id = model.config.eos_token_id = None
    model = model.to(asked.device, dtype).eval()
    generator = np.random.default_rng(1)
    lengths = generator.integers(25, 101, PROMPTS[asked.device]).tolist()
    prompts = [generator.integers(3, model.config.vocab_size, length).tolist() for length in lengths]
    rows = []
    for label, samples, new in (("greedy", 1, asked.new_tokens), (f"{SAMPLES} samples", SAMPLES, asked.new_tokens)):
        contenders = {
            "one at a time": transformers(model, 1, new, samples),
            "transformers, batch 16": transformers(model, 16, new, samples),
            "transformers, batch 64": transformers(model, 64, new, samples),
            "trapline": trapline(model, new, samples),
        }
        best: dict[str, tuple[float, float]] = {}
        made: dict[str, list[list[int]]] = {}
        for number in range(asked.rounds + 1):
            for name, run in contenders.items():
                some = prompts[:4] if number == 0 else prompts  # the first call warms up
                took, busy, made[name] = timed(run, some, asked.device)
                if number:
                    best[name] = min(best.get(name, (9e9, 9e9)), (took, busy))
        tokens = len(prompts) * samples * new
        assert all(len(one) == new for one in made["trapline"])
        for name, (took, busy) in best.items():
            same = float(np.mean([a == b for a, b in zip(made[name], made["one at a time"], strict=True)]))
            row = {"task": label, "contender": name, "tokens_per_second": tokens / took, "cpu_seconds": busy}
            rows.append(row | ({"like_alone": same} if samples == 1 else {}))
            alike = f"  like alone {same:.3f}" if samples == 1 else ""
            print(f"{label:10s} {name:24s} {tokens / took:10,.0f} tokens/s  {busy:7.2f} s of CPU{alike}", flush=True)
    if asked.output:
        asked.output.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
