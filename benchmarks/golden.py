"""Golden hashes of whole runs: `dedup`, `prepare`, `restore`, `puzzles` and `score` on small fixed inputs.

A change that only moves or renames code must leave this table as it was:

    python -m benchmarks.golden > before.txt; (make the change); python -m benchmarks.golden | diff before.txt -

The system's randomness gives the same key every time, so that campaigns repeat. The values depend on the
versions of pyarrow, numpy and torch that are installed; compare within one environment.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_KEY_BYTES = 32
_CHANGES = ("metrics.json", "report.html", "report.json", "planting.json", "planted.json")
"""Files with times and paths, or a hash of them, which differ from run to run."""
_WORDS = [
    "river",
    "stone",
    "lamp",
    "over",
    "under",
    "quiet",
    "seven",
    "garden",
    "letter",
    "winter",
    "copper",
    "morning",
    "window",
    "paper",
    "gather",
    "shadow",
]


_system_random = os.urandom


def _fixed_keys(size: int) -> bytes:
    """The same key every time; temporary names, which ask for fewer bytes, stay random."""
    return hashlib.shake_256(b"golden").digest(size) if size == _KEY_BYTES else _system_random(size)


def _text(seed: int, words: int) -> str:
    drawn = hashlib.shake_256(f"text {seed}".encode()).digest(2 * words)
    chosen = [_WORDS[drawn[2 * at] % len(_WORDS)] + str(drawn[2 * at + 1] % 7) for at in range(words)]
    sentences = [" ".join(chosen[at : at + 12]).capitalize() + "." for at in range(0, words, 12)]
    return "\n\n".join(" ".join(sentences[at : at + 4]) for at in range(0, len(sentences), 4))


def _write_inputs(folder: Path) -> None:
    """Parquet and JSONL with exact, near and no duplicates, and extra columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    texts = [_text(seed, 40 + seed % 300) for seed in range(400)]
    texts += texts[:30] + [text + " One more sentence." for text in texts[100:140]]
    rows = {
        "id": pa.array([f"d{at}" for at in range(len(texts))]),
        "text": pa.array(texts),
        "tags": pa.array([["a", "b"][: at % 3] for at in range(len(texts))]),
        "when": pa.array(range(len(texts)), pa.timestamp("us")),
    }
    pq.write_table(pa.table(rows), folder / "first.parquet", row_group_size=100)
    with (folder / "second.jsonl").open("w") as file:
        for at in range(60):
            file.write(json.dumps({"id": f"j{at}", "text": _text(at if at < 10 else 1000 + at, 90)}) + "\n")


def write_checkpoint(folder: Path, tokenizer: Path) -> None:
    """A tiny Llama with seeded weights, and a tokenizer of words."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM

    tokens = Tokenizer(models.BPE())
    tokens.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokens.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokens.train_from_iterator([_text(seed, 200) for seed in range(20)], trainer)
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=400,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            num_key_value_heads=1,
            max_position_embeddings=1024,
        )
    )
    model.save_pretrained(folder)
    tokens.save(str(folder / "tokenizer.json"))
    tokens.save(str(tokenizer))


def run_command(*arguments: object) -> None:
    from pipelines.cli import main

    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = main([str(one) for one in arguments])
    if code:
        raise SystemExit(f"trapline {' '.join(map(str, arguments))}: exit code {code}\n{said.getvalue()}")


def _hashes(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name not in _CHANGES and not any(part.startswith(".") for part in path.parts):
            yield path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()


def run_all(work: Path) -> dict[str, dict[str, str]]:
    """Every run in a folder; SHA-256 of each file, by run.

    `manifest.json` stands as the hash of its `content` section, `_SUCCESS` and the card are left out where they
    repeat the manifest.
    """
    source, secrets = work / "in", work / "secrets"
    _write_inputs(source)
    write_checkpoint(work / "model", work / "tokenizer.json")
    inputs = ("--input", source / "first.parquet", source / "second.jsonl")
    corpus = ("--corpus", source / "first.parquet", source / "second.jsonl")
    run_command("dedup", *inputs, "--output", work / "dedup", "--shard-bytes", "100kb")
    run_command(
        *("traps", "--output", work / "traps", *corpus, "--lengths", 25, "--doses", 1, 4, "--units", 3),
        *("--perplexity-buckets", 1, "--controls", 3, "--seed", "golden"),
    )
    run_command(
        "puzzles", "--output", work / "probes", "--people", 4, "--count", 4, "--controls", 3, "--seed", "golden"
    )
    run_command(
        "puzzles", "--as", "dataset", "--output", work / "puzzles", "--people", "3..4", "--count", 40, "--test", 5
    )
    sealed = ("--probes", work / "traps/probes.parquet", work / "probes/probes.parquet")
    run_command("seal", *sealed, "--secrets", secrets, "--context", 64, "--slots", 2, "--nonce-from", "golden")
    run_command("draw", "--secrets", secrets, "--nonce", "ab" * 32)
    run_command(
        *("prepare", *inputs, "--output", work / "prepare", "--secrets", secrets, "--shard-bytes", "100kb"),
        *("--max-doc-share", 0.9, "--max-corpus-share", 0.5),
    )
    run_command("restore", "--input", work / "prepare", "--secrets", secrets, "--output", work / "restore")
    run_command(
        *("score", "--checkpoint", work / "model", "--sequences", secrets / "probes/probes.parquet"),
        *("--slots", secrets / "slots.parquet", "--context", 64, "--output", work / "score", "--device", "cpu"),
    )
    table: dict[str, dict[str, str]] = {}
    for name in ("dedup", "traps", "probes", "puzzles", "secrets", "prepare", "restore", "score"):
        table[name] = {}
        for file, value in _hashes(work / name):
            if name in ("dedup", "prepare", "restore", "puzzles", "score") and file in ("_SUCCESS", "README.md"):
                continue
            if file == "manifest.json":
                content = json.loads((work / name / file).read_text())["content"]
                for varies in ("versions", "input"):
                    content.pop(varies, None)
                value = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
            table[name][file] = value
    return table


def main() -> None:
    """Print one line per run, or with --files one per file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", action="store_true", help="one line per file")
    options = parser.parse_args()
    os.urandom = _fixed_keys
    with tempfile.TemporaryDirectory() as folder:
        table = run_all(Path(folder))
    for run, files in table.items():
        if options.files:
            for file, value in files.items():
                print(f"{value[:16]}  {run}/{file}")
        joined = "\n".join(f"{value}  {file}" for file, value in files.items())
        print(f"{hashlib.sha256(joined.encode()).hexdigest()}  {run} ({len(files)} files)")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
