"""The experiment of `benchmarks.equivalents.models`, made by the product's own commands and packed into one file.

    python -m benchmarks.equivalents.data --corpus FILES... --work WORK

Exact copies at doses 1 to 64, and families with one substitution in each of 5 and of 15 blocks at doses 4, 16 and 64,
are sealed together and planted in one corpus. Documents beyond `--tokens` are other text, which no trap enters: for
held-out loss, fine-tuning and further training.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.equivalents.training import Ids
from benchmarks.traps.models import LENGTH
from benchmarks.traps.reproduction import CONTEXT, encoded, scored_sequences, streams, trapline, write_packed
from examples.train_tiny import make_tokenizer

VOCABULARY, TRAP_TOKENS, SLOTS = 16_384, 100, 1
EXACT_DOSES, FUZZY_DOSES, BLOCKS = (1, 2, 4, 8, 16, 32, 64), (4, 16, 64), (5, 15)
HELD_OUT_TOKENS, TUNE_ROWS = 300_000, 512


def split_corpus(files: Sequence[str], tokens: int, work: Path) -> None:
    """`corpus.parquet`, about so many tokens, and `other.parquet`; a hash of each document decides."""
    if (work / "other.parquet").exists():
        return
    table = pa.concat_tables([pq.read_table(file, columns=["id", "text"]) for file in files])
    texts = table["text"].to_pylist()
    if not (work / "tokenizer.json").exists():
        make_tokenizer(iter(texts[::5]), VOCABULARY).save(str(work / "tokenizer.json"))
    keys = [hashlib.blake2b(repr(one).encode(), digest_size=8).digest() for one in table["id"].to_pylist()]
    order = np.array(sorted(range(len(keys)), key=lambda at: keys[at]))
    bytes_so_far = np.cumsum(np.array([len(texts[at]) for at in order], np.int64))
    border = int(np.searchsorted(bytes_so_far, tokens * bytes_so_far[-1] / _tokens_of(work, texts)))
    pq.write_table(table.take(np.sort(order[:border])), work / "corpus.parquet")
    pq.write_table(table.take(order[border:]), work / "other.parquet")


def _tokens_of(work: Path, texts: Sequence[str]) -> float:
    """An estimate for all texts, from every fiftieth."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    sample = texts[::50]
    per_character = sum(len(one.ids) for one in tokenizer.encode_batch_fast(sample)) / sum(map(len, sample))
    return float(per_character * sum(map(len, texts)))


def run_commands(work: Path, units: int, single: int, blocks: Sequence[int]) -> None:
    """Candidates, seal, draw, planted corpus and twin; `blocks` are the substitutions of copies that differ."""
    corpus, tokenizer, secrets = str(work / "corpus.parquet"), str(work / "tokenizer.json"), str(work / "secrets")
    shared = [
        *("--corpus", corpus, "--tokenizer", tokenizer, "--lengths", str(TRAP_TOKENS), "--perplexity-buckets", "1"),
        *("--controls", "9"),
    ]
    many = [str(single), *[str(units)] * (len(EXACT_DOSES) - 1)]
    steps = {
        "exact": ["traps", "--output", f"{work}/exact", *shared, "--seed", "exact",
                  "--doses", *map(str, EXACT_DOSES), "--units", *many],
        **{
            f"fuzzy{r}": ["traps", "--output", f"{work}/fuzzy{r}", *shared, "--seed", f"fuzzy {r}",
                          "--fuzzy", str(r), "--allow-short",
                          "--doses", *map(str, FUZZY_DOSES), "--units", str(units)]
            for r in blocks
        },
        "secrets": [
            "seal", "--secrets", secrets, "--context", str(CONTEXT), "--slots", str(SLOTS), "--tokenizer", tokenizer,
            "--probes", f"{work}/exact/probes.parquet", *(f"{work}/fuzzy{r}/probes.parquet" for r in blocks),
        ],
        "secrets/draw.json": ["draw", "--secrets", secrets, "--self"],
        "planted": ["prepare", "--input", corpus, "--output", f"{work}/planted", "--secrets", secrets,
                    "--max-corpus-share", "0.1", "--max-doc-share", "0.3"],
        "restored": ["restore", "--input", f"{work}/planted", "--secrets", secrets, "--output", f"{work}/restored"],
    }  # fmt: skip
    for output, command in steps.items():
        done = work / output
        if not (done.exists() and (output not in ("planted", "restored") or (done / "_SUCCESS").exists())):
            trapline(work, *command)


def question_rows(tokenizer: Any, texts: Sequence[str], rows: int) -> tuple[Ids, npt.NDArray[np.uint8]]:
    """Pairs for supervised fine-tuning: a heading asks, its paragraph answers.

    Returns:
        Ids, uint16[rows, LENGTH], and 1 where a token belongs to an answer, uint8[rows, LENGTH].
    """
    ids: list[npt.NDArray[np.uint16]] = []
    answers: list[npt.NDArray[np.uint8]] = []
    held = 0
    for text in texts:
        parts = [one.strip() for one in text.split("\n\n")]
        for heading, body in itertools.pairwise(parts):
            if not (3 < len(heading) < 60 and 80 < len(body) < 1200) or "\n" in heading:
                continue
            asked = tokenizer.encode(f"Question: what does it say about {heading}?\nAnswer:").ids
            answered = tokenizer.encode(f" {body}\n", add_special_tokens=False).ids
            ids.append(np.array(asked + answered, np.uint16))
            answers.append(np.repeat(np.array([0, 1], np.uint8), [len(asked), len(answered)]))
            held += len(ids[-1])
            break
        if held >= rows * LENGTH:
            break
    rows = min(rows, held // LENGTH)
    return (
        np.concatenate(ids)[: rows * LENGTH].reshape(-1, LENGTH),
        np.concatenate(answers)[: rows * LENGTH].reshape(-1, LENGTH),
    )


def pack(work: Path, most_other: int, substituted: Sequence[int]) -> None:
    """All streams of tokens, the sequences to score and the units, in one compressed file."""
    from tokenizers import Tokenizer

    from transforms.planting.ledger.check_secrets import open_secrets

    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    arrays: dict[str, npt.NDArray[Any]] = {"vocabulary": np.array(VOCABULARY), **streams(work, tokenizer)}
    other = pq.read_table(work / "other.parquet")["text"].to_pylist()
    tune = len(other) // 5
    arrays["tune_ids"], arrays["tune_answer"] = question_rows(tokenizer, other[:tune], TUNE_ROWS)
    stream = np.concatenate(list(encoded(tokenizer, other[tune:])))
    arrays["validation"] = stream[:HELD_OUT_TOKENS]
    arrays["other"] = stream[HELD_OUT_TOKENS : HELD_OUT_TOKENS + most_other]
    print(f"other: {len(arrays['other']):,} tokens; {len(arrays['tune_ids'])} rows of questions", flush=True)
    sealed = open_secrets(work / "secrets")
    probes = pq.read_table(work / "secrets/probes/probes.parquet")
    firsts = probes.take(np.arange(0, probes.num_rows, len(sealed.units[0].candidates)))
    blocks = dict.fromkeys(pq.read_table(work / "exact/probes.parquet")["unit"].to_pylist(), 0)
    for r in substituted:
        blocks |= dict.fromkeys(pq.read_table(work / f"fuzzy{r}/probes.parquet")["unit"].to_pylist(), r)
    arrays["unit_blocks"] = np.array([blocks[one] for one in firsts["unit"].to_pylist()], np.int64)
    arrays["unit_dose"] = np.array(firsts["dose"].to_pylist(), np.int64)
    arrays["unit_arm"] = np.asarray(sealed.arms, np.int64)
    arrays["seed"] = np.frombuffer(hashlib.sha256(sealed.commitment.root).digest(), np.uint8)
    arrays |= scored_sequences(work, tokenizer, probes.select(["id", "unit", "text"]), VOCABULARY)
    write_packed(work, arrays)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", required=True, help="Parquet files with id and text")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--tokens", type=int, default=30_000_000, help="of the corpus that is planted")
    parser.add_argument("--other", type=int, default=20_000_000, help="tokens of other text, at most")
    parser.add_argument("--units", type=int, default=60, help="of each R and dose above 1")
    parser.add_argument("--single", type=int, default=2_000, help="units with one exact copy")
    parser.add_argument(
        "--blocks", type=int, nargs="*", default=BLOCKS, help="R of copies that differ; none: exact ones"
    )
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    split_corpus(given.corpus, given.tokens, given.work)
    run_commands(given.work, given.units, given.single, given.blocks)
    pack(given.work, given.other, given.blocks)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
