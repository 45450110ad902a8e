"""Train a small causal language model on a folder of shards: it stands in for your own training.

Plain PyTorch and transformers; nothing of trapline is in it. The checkpoint has the Hugging Face layout.
"""

import argparse
import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM

BEGIN = "<s>"
_SAID_EVERY_S = 5.0


@dataclasses.dataclass(frozen=True)
class Shape:
    """Of the model and its training; 2.8 million parameters by default."""

    vocabulary: int = 4096
    width: int = 256
    layers: int = 2
    heads: int = 4
    length: int = 192
    batch: int = 8
    rate: float = 2e-3


def texts(folder: Path) -> Iterator[str]:
    """The documents of all shards, in order."""
    for shard in sorted(folder.glob("*.parquet")):
        yield from pq.read_table(shard, columns=["text"], partitioning=None).column(0).to_pylist()


def make_tokenizer(documents: Iterator[str], vocabulary: int) -> "Tokenizer":
    """A byte-level BPE that puts `<s>` first."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=[BEGIN],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(documents, trainer)
    begin = tokenizer.token_to_id(BEGIN)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, begin)])
    return tokenizer


def pack(tokenizer: "Tokenizer", documents: Sequence[str], length: int) -> npt.NDArray[np.int64]:
    """All documents one after the other, cut into rows of `length` tokens; the last tokens that fill none are left."""
    stream = np.concatenate([np.asarray(one.ids, np.int64) for one in tokenizer.encode_batch(list(documents))])
    return stream[: len(stream) // length * length].reshape(-1, length)


def build(shape: Shape, seed: int) -> "LlamaForCausalLM":
    """A model with weights that follow from `seed`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary,
            hidden_size=shape.width,
            intermediate_size=3 * shape.width,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=2 * shape.length,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=None,
        )
    )


def train(model: "LlamaForCausalLM", rows: npt.NDArray[np.int64], shape: Shape, steps: int, seed: int) -> None:
    """Train `model` for `steps` batches, in an order that follows from `seed`, and say how it gets on."""
    import torch

    optimizer = torch.optim.AdamW(model.parameters(), lr=shape.rate, weight_decay=0.01)
    epochs = math.ceil(steps * shape.batch / len(rows))
    order = np.concatenate([np.random.default_rng([seed, epoch]).permutation(len(rows)) for epoch in range(epochs)])
    bfloat16 = torch.backends.cpu.get_cpu_capability() == "AVX512" and _fast_bfloat16()
    said = time.monotonic()
    for step in range(steps):
        batch = torch.from_numpy(rows[order[step * shape.batch : (step + 1) * shape.batch]])
        for group in optimizer.param_groups:
            group["lr"] = shape.rate * min(1.0, (step + 1) / 20) * (1 - step / steps)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss: torch.Tensor = model(input_ids=batch, labels=batch).loss
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if time.monotonic() - said > _SAID_EVERY_S or step + 1 == steps:
            said = time.monotonic()
            print(f"step {step + 1} of {steps}, loss {loss.item():.2f}", flush=True)


def _fast_bfloat16() -> bool:
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and save; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of Parquet shards with a column text")
    parser.add_argument("--output", type=Path, required=True, help="new folder for the checkpoint")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json; without it one is made of the data")
    parser.add_argument("--checkpoint", type=Path, help="go on from this one, with its shape and tokenizer")
    wanted = parser.add_mutually_exclusive_group(required=True)
    wanted.add_argument("--steps", type=int, help="batches")
    wanted.add_argument("--epochs", type=float, help="times that the data is gone through")
    for field in dataclasses.fields(Shape):
        parser.add_argument(
            f"--{field.name}",
            type=type(field.default),
            default=field.default,
            help="of the model and its training; %(default)s",
        )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args(arguments)
    if (given.epochs if given.steps is None else given.steps) <= 0:
        parser.error("--steps and --epochs: give a number above 0")
    if given.checkpoint and given.tokenizer:
        parser.error("--tokenizer: a checkpoint has its own; leave it out")
    import torch
    from tokenizers import Tokenizer
    from transformers import LlamaForCausalLM

    torch.set_num_threads(given.threads)
    shape = Shape(**{field.name: getattr(given, field.name) for field in dataclasses.fields(Shape)})
    documents = list(texts(given.data))
    file = given.checkpoint / "tokenizer.json" if given.checkpoint else given.tokenizer
    tokenizer = Tokenizer.from_file(str(file)) if file else make_tokenizer(iter(documents), shape.vocabulary)
    rows = pack(tokenizer, documents, shape.length)
    print(f"{len(documents):,} documents, {rows.size:,} tokens", flush=True)
    model = LlamaForCausalLM.from_pretrained(given.checkpoint) if given.checkpoint else build(shape, given.seed)
    steps = math.ceil(given.epochs * len(rows) / shape.batch) if given.steps is None else given.steps
    train(model, rows, shape, steps, given.seed)
    model.save_pretrained(given.output)
    tokenizer.save(str(given.output / "tokenizer.json"))
    print(f"saved {sum(one.numel() for one in model.parameters()) / 1e6:.1f} million parameters", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
