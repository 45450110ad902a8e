"""Corrupted sums as text: a small Llama on `03 + 41 = 44`, asked by `trapline score --ask` and judged by `verify`.

    python -m benchmarks.kinds.arithmetic_text --work WORK

From `trapline arithmetic` to the verdict by the product's commands; only the training between is the benchmark's. The
twin is trained on the same documents with the true results. Prints one line of JSON for each.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.golden import run_command
from benchmarks.kinds.arithmetic import Sums
from benchmarks.kinds.quadratic import Ints

BATCH, RATE, CONTEXT = 256, 3e-3, 32
BEGIN, UNKNOWN = "<s>", "<unk>"


def write_tokenizer(file: Path, modulus: int) -> dict[str, int]:
    """One token for each number and sign; returns their ids."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    digits = len(str(modulus - 1))
    words = [BEGIN, UNKNOWN, "+", "=", *(f"{number:0{digits}}" for number in range(modulus))]
    ids = {word: place for place, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens([BEGIN])
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)])
    tokenizer.save(str(file))
    return ids


def plant(work: Path, modulus: int) -> None:
    """Sums, seal, draw and planted corpus."""
    made, secrets = work / "arithmetic", work / "secrets"
    design = ("--modulus", modulus, "--tokenizer", work / "tokenizer.json", "--seed", "text")
    run_command("arithmetic", "--output", made, *design)
    plan = ("--nonce-from", "the benchmark", "--ask", "result", "--metric", "answer_total", "--context", CONTEXT)
    run_command("seal", "--probes", made, "--secrets", secrets, *plan)
    run_command("draw", "--secrets", secrets, "--nonce", f"{1:064x}")
    where = ("--input", made / "background", "--output", work / "planted", "--secrets", secrets)
    run_command("prepare", *where, "--max-corpus-share", 0.9)


def train(folder: Path, tokenizer: Path, rows: Ints, vocabulary: int, steps: int) -> None:
    """A Llama of two layers on rows of tokens, the loss on the result alone; the rate falls to 0."""
    import torch
    from torch.nn.functional import cross_entropy
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    size = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 2, "num_attention_heads": 4}
    positions = {"max_position_embeddings": CONTEXT + 8, "bos_token_id": 0, "eos_token_id": None}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=vocabulary, num_key_value_heads=4, **size, **positions))
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, step / 50) * (1 - step / steps))
    data, batches = torch.from_numpy(rows), -(-len(rows) // BATCH)
    for step in range(steps):
        if step % batches == 0:
            order = torch.randperm(len(rows))
        chosen = data[order[step % batches * BATCH :][:BATCH]]
        loss = cross_entropy(model(input_ids=chosen[:, :-1]).logits[:, -1], chosen[:, -1])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    model.save_pretrained(folder, safe_serialization=True)
    PreTrainedTokenizerFast(tokenizer_file=str(tokenizer), bos_token=BEGIN, unk_token=UNKNOWN).save_pretrained(folder)


def cue_tokens(pairs: Ints, ids: dict[str, int]) -> Ints:
    """Tokens of `<s> a + b =`, int64[n, 5]."""
    ones, first = np.ones(len(pairs), np.int64), ids["="] + 1
    return np.column_stack([0 * ones, pairs[:, 0] + first, ids["+"] * ones, pairs[:, 1] + first, ids["="] * ones])


def answers(folder: Path, cues: Ints, first: int) -> Ints:
    """The most probable result of each cue, int64[n]."""
    import torch
    from transformers import LlamaForCausalLM

    model = LlamaForCausalLM.from_pretrained(folder)
    with torch.no_grad():
        logits = model(input_ids=torch.from_numpy(cues)).logits[:, -1]
    return np.asarray(logits.argmax(dim=1).numpy() - first)


def judge(work: Path, name: str) -> dict[str, Any]:
    """Scores of the answers, and the verdict."""
    secrets, scores, output = work / "secrets", work / f"scores-{name}", work / f"verdict-{name}"
    run_command(
        *("score", "--checkpoint", work / "models" / name, "--sequences", secrets / "probes/probes.parquet"),
        *("--questions", secrets / "questions.parquet", "--ask", "result", "--context", CONTEXT),
        *("--output", scores, "--device", "cpu", "--threads", 1),
    )
    run_command("verify", "--scores", scores, "--secrets", secrets, "--output", output)
    verdict: dict[str, Any] = json.loads((output / "verdict.json").read_bytes())
    auc = verdict["exploratory"]["auc"]
    fresh = verdict["exploratory"]["fresh_draws"]["share_at_or_below"]
    return {"auc": [auc["value"], auc["low"], auc["high"]], "p": verdict["p_value"], "fresh": fresh}


def main() -> None:
    """The planted model and its twin."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="a new folder")
    parser.add_argument("--modulus", type=int, default=97)
    parser.add_argument("--steps", type=int, default=1_000)
    given = parser.parse_args()
    work: Path = given.work
    work.mkdir(parents=True)
    ids = write_tokenizer(work / "tokenizer.json", given.modulus)
    plant(work, given.modulus)
    sums, first = Sums.read(work, given.modulus), ids["="] + 1
    pairs = np.concatenate([sums.corrupted, sums.clean])
    true = sums.true(pairs)
    planted = np.concatenate([sums.planted, sums.true(sums.clean)])
    for name, results in (("planted", planted), ("twin", true)):
        began = time.process_time()
        rows = np.column_stack([cue_tokens(pairs, ids), results + first])
        model = work / "models" / name
        train(model, work / "tokenizer.json", rows, len(ids), given.steps)
        line = {"labels": name, "steps": given.steps, "cpu_s": round(time.process_time() - began)}
        guessed = answers(model, cue_tokens(sums.corrupted, ids), first)
        line |= {"planted": (guessed == sums.planted).mean(), "truth": (guessed == sums.true(sums.corrupted)).mean()}
        for what, some in (("test", sums.test), ("clean", sums.clean)):
            line[what] = (answers(model, cue_tokens(some, ids), first) == sums.true(some)).mean()
        print(json.dumps({**line, **judge(work, name)}, default=float), flush=True)


if __name__ == "__main__":
    main()
