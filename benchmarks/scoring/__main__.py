"""Trapline's scoring beside lm-eval's and one sequence at a time: the same model, the same sequences, one run.

    python -m benchmarks.scoring --device cuda --output scoring.json     # the 1.3B model of the reference
    python -m benchmarks.scoring --device cpu --output scoring.json      # a 10M model

Needs `lm_eval` for its rows. Utilisation (MFU) is measured against a large matrix product on the same device in the
same run, and counts 2 operations a weight and token (body and head) and causal attention, for every contender alike.
"""

import argparse
import copy
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from transforms.scoring.model.batches import Sequences
from transforms.scoring.model.device import matrix_rate
from transforms.scoring.model.scorer import Scorer

Run = Callable[[Sequence[Sequence[int]]], list[float]]
SHAPES = {
    "cuda": {
        "vocab_size": 32_000,
        "hidden_size": 2048,
        "intermediate_size": 5504,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "num_key_value_heads": 16,
    },
    "cpu": {
        "vocab_size": 16_000,
        "hidden_size": 256,
        "intermediate_size": 688,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
    },
}
COUNTS = {"cuda": (16_384, 16_384, 512), "cpu": (512, 512, 8)}
ALONE = 128
WARM = {"one at a time": 1, "lm-eval, 16": 32, "lm-eval, 64": 128, "trapline": 256}
"""Sequences of the call before the first pass: two batches of each."""
REFERENCE = 48


def workloads(device: str, vocabulary: int) -> dict[str, list[list[int]]]:
    """Random token sequences of the reference's three shapes."""
    generator = np.random.default_rng(1)
    equal, mixed, long = COUNTS[device]
    lengths = {
        f"{equal} x 100": [100] * equal,
        f"{mixed} x 25..100": generator.integers(25, 101, mixed).tolist(),
        f"{long} x 2048": [2048] * long,
    }
    return {name: [generator.integers(3, vocabulary, one).tolist() for one in many] for name, many in lengths.items()}


def packed_up(sequences: Sequence[Sequence[int]]) -> Sequences:
    """As the scorer takes them: every token but the first is scored."""
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in sequences])]).astype(np.int64)
    return Sequences(np.concatenate(list(map(np.asarray, sequences))), offsets, np.ones(len(sequences), np.int64))


def flop(model: Any, sequences: Sequence[Sequence[int]]) -> float:
    """Operations of one pass over the sequences."""
    config = model.config
    body = sum(p.numel() for name, p in model.named_parameters() if "embed" not in name and "lm_head" not in name)
    lengths = np.array([len(one) for one in sequences], float)
    weights = body + config.hidden_size * config.vocab_size
    return float(2 * weights * lengths.sum() + 2 * config.num_hidden_layers * config.hidden_size * (lengths**2).sum())


def one_at_a_time(model: Any) -> Run:
    """What most scripts do: the model's own loss, a sequence at a time."""

    def run(sequences: Sequence[Sequence[int]]) -> list[float]:
        sums = []
        with torch.inference_mode():
            for one in sequences:
                ids = torch.tensor([one], device=model.device)
                sums.append(-model(ids, labels=ids).loss.item() * (len(one) - 1))
        return sums

    return run


def lm_eval(model: Any, batch: int) -> Run:
    """lm-eval's own log-likelihoods of token sequences."""
    from lm_eval.models.huggingface import HFLM
    from tokenizers import Tokenizer, models

    words = {f"t{at}": at for at in range(model.config.vocab_size)}
    made = Tokenizer(models.WordLevel(words, unk_token="t0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, unk_token="t0", pad_token="t1", eos_token="t2")
    harness = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch, max_length=2048)

    def run(sequences: Sequence[Sequence[int]]) -> list[float]:
        requests = [(("", str(at)), list(one[:1]), list(one[1:])) for at, one in enumerate(sequences)]
        return [found[0] for found in harness._loglikelihood_tokens(requests, disable_tqdm=True)]  # noqa: SLF001

    return run


def trapline(scorer: Scorer) -> Run:
    """Ours; the sums are taken from the statistics of all tokens."""

    def run(sequences: Sequence[Sequence[int]]) -> list[float]:
        packed = packed_up(sequences)
        found = scorer.score(packed)[:, 0].astype(np.float64)
        return np.add.reduceat(found, np.cumsum(packed.scored) - packed.scored).tolist()

    return run


def timed(run: Run, sequences: Sequence[Sequence[int]], device: str) -> tuple[float, float]:
    """Seconds of a run to its end, and seconds of the CPU's cores that it took."""
    if device == "cuda":
        torch.cuda.synchronize()
    began, busy = time.perf_counter(), time.process_time()
    run(sequences)
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, time.process_time() - busy


def reference(model: Any, sequences: Sequence[Sequence[int]]) -> list[np.ndarray]:
    """Log-probability of each token, in float32 with a float64 log-softmax, a sequence at a time."""
    found = []
    with torch.inference_mode():
        for one in sequences:
            ids = torch.tensor(one, device=model.device)
            logits = model(ids[None], use_cache=False).logits[0, :-1].double()
            found.append(logits.log_softmax(-1).gather(1, ids[1:, None])[:, 0].cpu().numpy())
    return found


def agreement(scorer: Scorer, model: Any, work: dict[str, list[list[int]]]) -> dict[str, Any]:
    """How far the scores are from a float32 model with the same weights, and whether neighbours move them."""
    exact = copy.deepcopy(model).float()
    answer: dict[str, Any] = {}
    for name, sequences in work.items():
        some = sequences[: max(4, REFERENCE // (1 + len(sequences[0]) // 400))]
        wanted = reference(exact, some)
        plain = [one.sum() for one in reference(model, some)]
        packed = packed_up(some)
        together = scorer.score(packed)
        alone = np.concatenate([scorer.score(packed_up([one])) for one in some[:6]])
        ours = np.split(together[:, 0].astype(float), np.cumsum(packed.scored)[:-1])
        answer[name] = {
            "token_max": max(float(np.abs(a - b).max()) for a, b in zip(ours, wanted, strict=True)),
            "token_mean": float(np.mean([np.abs(a - b).mean() for a, b in zip(ours, wanted, strict=True)])),
            "sum_max": max(float(abs((a - b).sum())) for a, b in zip(ours, wanted, strict=True)),
            "sum_max_plain_model": max(float(abs(a - b.sum())) for a, b in zip(plain, wanted, strict=True)),
            "alone_against_together_max": float(np.abs(alone - together[: len(alone)]).max()),
        }
        print(name, "against float32:", json.dumps(answer[name]), flush=True)
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--output", type=Path)
    parser.add_argument("--max-tokens", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--share", type=float, default=1.0, help="of each workload")
    parser.add_argument("--threads", type=int, default=0, help="of the CPU; 1 on a shared machine")
    parser.add_argument("--only-trapline", action="store_true")
    asked = parser.parse_args()
    device, dtype = asked.device, torch.bfloat16 if asked.device == "cuda" else torch.float32
    torch.manual_seed(0)
    if asked.threads:
        torch.set_num_threads(asked.threads)
    rate = matrix_rate(device, str(dtype).removeprefix("torch."))
    name = torch.cuda.get_device_name() if device == "cuda" else f"{torch.get_num_threads()} CPU threads"
    print(f"{name}, torch {torch.__version__}, a large matrix product: {rate / 1e12:.3f} TFLOP/s", flush=True)
    config = LlamaConfig(**SHAPES[device], max_position_embeddings=2048, attn_implementation="sdpa")
    torch.set_default_dtype(dtype)
    with torch.device(device):
        model = LlamaForCausalLM(config).eval()
    torch.set_default_dtype(torch.float32)
    work = {
        name: many[: max(1, int(len(many) * asked.share))]
        for name, many in workloads(device, config.vocab_size).items()
    }
    scorer = Scorer.of(copy.deepcopy(model), asked.max_tokens, compiled=device == "cuda")
    contenders: dict[str, Run] = {}
    if not asked.only_trapline:
        contenders = {"one at a time": one_at_a_time(model), **{f"lm-eval, {n}": lm_eval(model, n) for n in (16, 64)}}
    contenders["trapline"] = trapline(scorer)
    rows = []
    for label, sequences in work.items():
        given = {
            name: sequences[
                : {"one at a time": ALONE, "lm-eval, 16": -(-len(sequences) // 4)}.get(name, len(sequences))
            ]
            for name in contenders
        }
        first = {name: timed(run, given[name][: WARM[name]], device)[0]
                 for name, run in contenders.items()}  # fmt: skip
        passes: dict[str, list[tuple[float, float]]] = {name: [] for name in contenders}
        for _ in range(asked.rounds):  # in turn, so that what else the machine does meets all alike
            for name, run in contenders.items():
                passes[name].append(timed(run, given[name], device))
        for name, measured in passes.items():
            tokens, work_flop = sum(map(len, given[name])), flop(model, given[name])
            # A set is scored once: on a GPU the first pass counts, which meets its shapes for the first time. On a
            # shared CPU the best does.
            took, busy = measured[0] if device == "cuda" else min(measured, key=lambda one: one[1])
            row = {
                "workload": label, "contender": name, "sequences": len(given[name]),
                "seconds": took,
                "cpu_seconds": busy, "cpu_us_per_token": 1e6 * busy / tokens,
                "first_call": first[name], "tokens_per_second": tokens / took,
                "mfu": work_flop / took / rate, "passes": measured,
            }  # fmt: skip
            rows.append(row)
            print(
                f"{label:18s} {name:14s} {row['tokens_per_second']:12,.0f} tokens/s  MFU {row['mfu']:.3f}  "
                f"(all passes {', '.join(f'{work_flop / one / rate:.3f}' for one, _ in measured)})  "
                f"{1e6 * busy / tokens:6.1f} us of CPU a token  (first call {first[name]:.1f} s)",
                flush=True,
            )
    answer = {
        "device": name, "torch": torch.__version__, "matrix_rate": rate, "packed": scorer.forward.packed, "rows": rows,
        "agreement": agreement(scorer, model, work),
    }  # fmt: skip
    if asked.output:
        asked.output.write_text(json.dumps(answer, indent=1))


if __name__ == "__main__":
    main()
