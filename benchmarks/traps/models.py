"""The middle part of `trap_reproduction.py`: train language models from scratch and score candidates.

    python -m benchmarks.traps.models --experiment experiment.npz.xz --output FOLDER

It needs PyTorch, transformers, on a GPU Triton, and `transforms.scoring`, and no Beam. `--device cpu` trains smaller
models, for the data of `--design cpu`; `--tiny` a very small one for a few steps: a rehearsal.
"""

from __future__ import annotations

import argparse
import dataclasses
import gc
import io
import json
import lzma
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

LENGTH = 1024
ARMS = ("planted", "twin")
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclasses.dataclass(frozen=True)
class Size:
    """A Llama-shaped model, its learning rate, sequences of a batch, and times that it goes through the data."""

    name: str
    width: int
    layers: int
    heads: int
    rate: float
    batch: int = 16
    epochs: int = 1


SIZES = (Size("5M", 192, 4, 3, 2e-3), Size("25M", 384, 10, 6, 1.5e-3), Size("100M", 768, 12, 12, 1e-3))
CPU_SIZES = (
    Size("0.3M", 48, 2, 2, 6e-3, 2, 20),
    Size("1M", 128, 3, 4, 4e-3, 2, 20),
    Size("4M", 256, 4, 4, 2e-3, 2, 20),
)
TINY = Size("tiny", 32, 1, 2, 2e-3, 1)
TINY_STEPS, TINY_SEQUENCES = 3, 500


class Clock:
    """Says what happens, and when."""

    def __init__(self) -> None:
        """Begin now."""
        self.began = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self.began

    def say(self, text: str) -> None:
        """A line with the time."""
        print(f"{self.seconds:7.1f}  {text}", flush=True)


def read_experiment(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The arrays that `trap_reproduction.py data` packed."""
    with np.load(io.BytesIO(lzma.decompress(path.read_bytes()))) as arrays:
        return {name: arrays[name] for name in arrays.files}


def build(size: Size, vocabulary: int) -> Any:
    """A model with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=size.width,
            intermediate_size=8 * size.width // 3 // 32 * 32,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            num_key_value_heads=size.heads,
            max_position_embeddings=LENGTH,
            tie_word_embeddings=True,
            attn_implementation="sdpa",
            bos_token_id=0,
            eos_token_id=None,
        )
    )


def train(
    size: Size, stream: npt.NDArray[np.uint16], vocabulary: int, device: str, clock: Clock, steps: int = 0
) -> Any:
    """Over `stream` as it stands, then in shuffled rows: cosine decay to a tenth after 100 steps of warm-up.

    Trapped model and twin start from the same weights and go through documents in the same order.
    """
    torch.compiler.reset()
    torch.manual_seed(1)
    model = build(size, vocabulary).to(device)
    rows = torch.from_numpy(stream[: len(stream) // LENGTH * LENGTH].astype(np.int32)).view(-1, LENGTH)
    generator = np.random.default_rng(1)
    later = [generator.permutation(len(rows)) for _ in range(1, size.epochs)]
    order = torch.from_numpy(np.concatenate([np.arange(len(rows)), *later]))
    steps = steps or len(order) // size.batch
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=size.rate, weight_decay=0.1, betas=(0.9, 0.95), fused=device == "cuda"
    )
    run = torch.compile(model) if device == "cuda" else model
    began, first = time.monotonic(), 0.0
    for step in range(steps):
        share = min(1.0, (step + 1) / 100) * (0.1 + 0.45 * (1 + np.cos(np.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = size.rate * share
        batch = rows[order[step * size.batch : (step + 1) * size.batch]].long().to(device, non_blocking=True)
        with torch.autocast(device, torch.bfloat16):
            loss = run(input_ids=batch, labels=batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step == 0:
            loss.item()
            first = time.monotonic() - began
            began = time.monotonic()
        if step % 200 == 0 or step + 1 == steps:
            clock.say(f"{size.name}: step {step + 1} of {steps}, loss {loss.item():.3f}")
    rate = (steps - 1) * size.batch * LENGTH / (time.monotonic() - began)
    clock.say(f"{size.name}: {rate:,.0f} tokens/s; first step {first:.0f} s")
    return model.eval()


def score(model: Any, arrays: Arrays, clock: Clock) -> npt.NDArray[np.float64]:
    """Mean log-probability of each sequence's own tokens, float64[sequences]: the metric `loss`."""
    from transforms.scoring.model.batches import Sequences
    from transforms.scoring.model.scorer import Scorer

    torch.backends.cuda.matmul.allow_tf32 = False
    offsets = np.concatenate([[0], np.cumsum(arrays["sequence_lengths"].astype(np.int64))])
    sequences = Sequences(
        arrays["sequence_tokens"].astype(np.int64), offsets, arrays["sequence_first"].astype(np.int64)
    )
    scorer = Scorer.of(model)
    statistics = scorer.score(sequences)
    clock.say(
        f"scored {len(sequences):,} sequences, {scorer.spent.tokens:,} tokens in {scorer.spent.seconds:.1f} s, "
        f"packed {scorer.forward.packed}"
    )
    scored = sequences.scored
    begins = np.cumsum(scored) - scored
    return np.asarray(np.add.reduceat(statistics[:, 0].astype(np.float64), begins) / scored)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and score everything; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--experiment", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--threads", type=int, default=2, help="on the CPU")
    parser.add_argument("--models", nargs="+", help="in this order, such as '5M planted'; by default all of the device")
    parser.add_argument("--seconds", type=float, help="no model is begun that would take longer; 560 on a GPU")
    parser.add_argument("--tiny", action="store_true", help="rehearse on the CPU")
    given = parser.parse_args(arguments)
    clock = Clock()
    device = "cpu" if given.tiny else given.device
    torch.set_num_threads(given.threads)
    every = [f"{size.name} {arm}" for size in (CPU_SIZES if device == "cpu" else SIZES) for arm in ARMS]
    seconds = given.seconds or (560 if device == "cuda" else float("inf"))
    if not given.tiny and not set(given.models or []) <= set(every):
        parser.error(f"--models {' '.join(given.models)}: there are {', '.join(every)}")
    arrays = read_experiment(given.experiment)
    vocabulary = int(arrays["vocabulary"])
    clock.say(f"read {len(arrays['planted']):,} and {len(arrays['twin']):,} tokens")
    if given.tiny:
        arrays["sequence_lengths"] = arrays["sequence_lengths"][:TINY_SEQUENCES]
        arrays["sequence_first"] = arrays["sequence_first"][:TINY_SEQUENCES]
        arrays["sequence_tokens"] = arrays["sequence_tokens"][: arrays["sequence_lengths"].sum()]
    by_name = {size.name: size for size in (*SIZES, *CPU_SIZES, TINY)}
    wanted = [f"{TINY.name} {arm}" for arm in ARMS] if given.tiny else given.models or every
    columns: dict[str, npt.NDArray[np.float64]] = {}
    models: list[dict[str, Any]] = []
    took: dict[str, float] = {}
    for name in wanted:
        size, arm = by_name[name.split()[0]], name.split()[1]
        if clock.seconds + took.get(size.name, 0.0) > seconds:
            clock.say(f"no time is left for {name}")
            continue
        began = clock.seconds
        model = train(size, arrays[arm], vocabulary, device, clock, TINY_STEPS if given.tiny else 0)
        parameters = sum(one.numel() for one in model.parameters())
        trained = clock.seconds - began
        columns[name] = score(model, arrays, clock)
        took[size.name] = clock.seconds - began
        models.append({**dataclasses.asdict(size), "arm": arm, "parameters": parameters, "train_s": trained})
        clock.say(f"{name}: {parameters / 1e6:.1f} million parameters, done in {took[size.name]:.0f} s")
        del model
        gc.collect()
        if device == "cuda":
            torch.cuda.empty_cache()
        # After each model: what is there survives a run that is cut short.
        _write(given.output, columns, models, device)
    return 0


def _write(folder: Path, columns: Mapping[str, npt.NDArray[np.float64]], models: Any, device: str) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(
        pa.table({name: values.astype(np.float32) for name, values in columns.items()}), folder / "loss.parquet"
    )
    machine = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    facts = {"device": machine, "torch": torch.__version__, "models": models}
    (folder / "models.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    raise SystemExit(main())
