"""Candidates a second from a Llama-shaped checkpoint of 1.3 billion random weights on one GPU.

    python -m benchmarks.traps.lm --output DIR

Needs PyTorch, transformers, tokenizers, NumPy and PyArrow; no Beam. Weights are random, which costs the same as trained
ones; the output layer is scaled so that the ladder's temperatures reach from perplexity 1 to beyond 101. A word is a
token, so that every candidate is stable.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from transforms.probes.traps.design import absolute_edges, bucket_of, share_out
from transforms.probes.traps.generators.lm import LmGenerator

LENGTHS = (25, 50, 100)
BUCKETS, PROBE = 10, 256


def generator(scale: float, layers: int, device: str) -> LmGenerator:
    """The generator, and with it the model on the device."""
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=32_000, hidden_size=2048, intermediate_size=5504, num_hidden_layers=layers, num_attention_heads=16,
        num_key_value_heads=16, max_position_embeddings=2048, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False,
    )  # fmt: skip
    torch.set_default_dtype(torch.bfloat16)
    with torch.device(device):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    with torch.no_grad():
        model.lm_head.weight.mul_(scale)
    words = {"<unk>": 0, "<s>": 1, "</s>": 2, **{f"w{at}": at for at in range(3, 32_000)}}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    print(f"{sum(p.numel() for p in model.parameters()) / 1e9:.2f} billion weights", flush=True)
    return LmGenerator("lm/benchmark", model, tokenizer, 1, b"k" * 32, "line")


def throughput(made: LmGenerator, length: int, batch: int) -> dict[str, float]:
    """Candidates a second, decoding and checking of the text included, after one warm-up."""
    made.batch = batch
    rungs = len(made.ladder(length))
    counts = np.zeros(rungs, np.int64)
    counts[1] = batch
    made.sample(min(length, 5), np.zeros(rungs, np.int64), counts[: len(made.ladder(min(length, 5)))])
    torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    made.sample(length, np.zeros(rungs, np.int64), counts)
    seconds = time.perf_counter() - began
    memory = torch.cuda.max_memory_allocated() / 1e9
    return {"length": length, "batch": batch, "seconds": seconds, "per_second": batch / seconds, "gb": memory}


def filled(made: LmGenerator, length: int, needed: int, seconds: float) -> dict[str, object]:
    """Steer the temperatures until each of ten buckets has `needed` candidates, or the time is up."""
    edges, rungs = absolute_edges(BUCKETS), len(made.ladder(length))
    tried, useful, have = np.zeros(rungs, np.int64), np.zeros((rungs, BUCKETS), np.int64), np.zeros(BUCKETS, np.int64)
    began = time.perf_counter()
    while (have < needed).any() and time.perf_counter() - began < seconds:
        counts = share_out(np.maximum(needed - have, 0), tried, useful, PROBE)
        counts = np.minimum(counts, 4096)
        for rung, batch in enumerate(made.sample(length, tried, counts)):
            bucket = bucket_of(batch.perplexity, edges)
            useful[rung] += np.bincount(bucket[bucket >= 0], minlength=BUCKETS)
        tried += counts
        have = useful.sum(axis=0)
    return {
        "length": length,
        "needed_a_bucket": needed,
        "seconds": time.perf_counter() - began,
        "made": int(tried.sum()),
        "have": have.tolist(),
        "made_by_temperature": dict(zip(map(str, made.ladder(length)), tried.tolist(), strict=True)),
    }


def rescored(made: LmGenerator) -> float:
    """The largest relative difference between perplexities summed while sampling and those of one whole pass."""
    counts = np.zeros(len(made.ladder(25)), np.int64)
    counts[[0, 3, 7]] = 8
    worst = 0.0
    for batch in made.sample(25, np.zeros(len(counts), np.int64), counts):
        for text, perplexity in zip(batch.texts.to_pylist(), batch.perplexity, strict=True):
            ids = torch.tensor([[1, *made.tokenizer.encode(text).ids]], device=made.model.device)
            with torch.inference_mode():
                logits = made.model(ids).logits.float().log_softmax(-1)[0, :-1]
            again = float(torch.exp(-logits.gather(1, ids[0, 1:, None]).mean()))
            worst = max(worst, abs(again - perplexity) / again)
    return worst


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=8.0)
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--batches", type=int, nargs="+", default=[256, 1024, 2048])
    parser.add_argument("--needed", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    on = torch.cuda.get_device_name() if given.device == "cuda" else given.device
    made = generator(given.scale, given.layers, given.device)
    found: dict[str, object] = {"card": on, "torch": torch.__version__, "ready_seconds": time.perf_counter() - began}
    print(found, flush=True)
    if given.device == "cuda":
        found["throughput"] = [throughput(made, length, batch) for batch in given.batches for length in LENGTHS]
        for row in found["throughput"]:
            print(row, flush=True)
    made.batch = max(given.batches) if given.device == "cuda" else 64
    found["rescored"] = rescored(made)
    print("largest relative difference of perplexities:", found["rescored"], flush=True)
    found["filled"] = []
    for length in LENGTHS:
        found["filled"].append(filled(made, length, given.needed, given.seconds))
        print(found["filled"][-1], flush=True)
        (given.output / "traps_lm.json").write_text(json.dumps(found, indent=2))
