"""The experiment of `benchmarks.sentences.models`, made by the product's own commands and packed into one file.

    python -m benchmarks.sentences.data --corpus FILES... --work WORK

Two campaigns are sealed and drawn: `study`, and `inside`, of which each planted sentence is a document of its own in
the base's training, once; its place is that of the trainer's order. A hash of each paragraph decides what it is for:
the corpus of which sentences are made, further background of the base, or what follows the study.
"""

from __future__ import annotations

import argparse
import bz2
import hashlib
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.golden import run_command
from benchmarks.kinds.background import encoded, pieces, read_tokenizer, texts_in
from benchmarks.sentences.design import DESIGNS, INSIDE, STUDY, TEXTS, Design
from benchmarks.traps.reproduction import write_packed
from examples.train_tiny import make_tokenizer

_MARKS = {0: None, 1: None}  # what separates texts
STRATA = ("--natural", 1, "--near", 1, "--words", 1, "--letters", 1, "--paraphrase", 1)


def split_corpus(files: Sequence[Path], work: Path, design: Design) -> None:
    """`tokenizer.json`, `corpus/corpus.parquet`, `more.parquet` and `other.parquet`.

    Paragraphs are in the order of a hash of each.
    """
    if (work / "other.parquet").exists():
        return
    found = dict.fromkeys(part for file in files for text in _texts(file) for part in pieces(text))
    texts = sorted(found, key=lambda text: hashlib.blake2b(text.encode(), digest_size=8).digest())
    if not (work / "tokenizer.json").exists():
        make_tokenizer(iter(texts[:8_000]), design.vocabulary).save(str(work / "tokenizer.json"))
    counts = (design.planted, design.base - design.planted, design.other)
    if sum(counts) > len(texts):
        raise SystemExit(f"the corpus has {len(texts):,} paragraphs, {sum(counts):,} are needed: give more files")
    (work / "corpus").mkdir(exist_ok=True)
    first = 0
    for path, count in zip(("corpus/corpus.parquet", "more.parquet", "other.parquet"), counts, strict=True):
        own = texts[first : first + count]
        columns = {"id": [f"document {number}" for number in range(first, first + count)], "text": own}
        schema = pa.schema([("id", pa.string()), ("text", pa.large_string())])
        pq.write_table(pa.table(columns, schema=schema), work / path)
        print(f"{path}: {count:,} documents, {sum(map(len, own)):,} characters", flush=True)
        first += count


def _texts(file: Path) -> Iterator[str]:
    for batch in pq.ParquetFile(file).iter_batches(columns=["text"]):
        yield from (text.translate(_MARKS) for text in batch.column(0).to_pylist() if text)


def run_commands(work: Path, design: Design) -> None:
    """Candidates, seals and draws of both campaigns."""
    shared = ("--corpus", work / "corpus", "--tokenizer", work / "tokenizer.json", "--length", design.length, *STRATA)
    for name, doses, units in ((STUDY, design.doses, design.units), (INSIDE, (1,), design.inside)):
        made, own = work / f"made-{name}", work / f"secrets-{name}"
        _unless(made, "sentences", "--output", made, *shared, "--seed", name, "--doses", *doses, "--units", units)
        note = ("--checkpoint-note", "each model that the benchmark names, by itself")
        _unless(own, "seal", "--probes", made, "--secrets", own, "--nonce-from", "them", "--metric", "loss", *note)
        _unless(own / "draw.json", "draw", "--secrets", own, "--nonce", "5e" * 32)


def _unless(done: Path, *command: object) -> None:
    if not done.exists():
        began = time.monotonic()
        run_command(*command)
        print(f"{command[0]}: {time.monotonic() - began:.0f} s", flush=True)


def pack(work: Path, design: Design) -> None:
    """Tokens of what is planted and asked in one compressed file, the background's texts in another."""
    from transforms.planting.ledger.check_secrets import open_secrets

    tokenizer, inside = read_tokenizer(work), open_secrets(work / f"secrets-{INSIDE}")
    copies = encoded(tokenizer, [one.candidates[at].text for one, at in zip(inside.units, inside.arms, strict=True)])
    study = open_secrets(work / f"secrets-{STUDY}")
    planted = [one.candidates[arm] for one, arm in zip(study.units, study.arms, strict=True)]
    rows = [
        (at, copy, planted[at].copies[planted[at].number_of(copy)])
        for at, one in enumerate(study.units)
        for copy in range(one.dose)
    ]
    studied = encoded(tokenizer, [text for _, _, text in rows])
    arrays: dict[str, npt.NDArray[Any]] = {
        "vocabulary": np.array(design.vocabulary),
        "copies": _flat(copies), "copies_lengths": _lengths(copies),
        "shown": _flat(studied), "shown_lengths": _lengths(studied),
        "shown_unit": np.array([at for at, _, _ in rows], np.int16),
        "shown_copy": np.array([copy for _, copy, _ in rows], np.int16),
        "study_dose": np.array([one.dose for one in study.units], np.int64),
    }  # fmt: skip
    for name in (STUDY, INSIDE):
        arrays |= asked(work, name, tokenizer, design)
    arrays["sequence_row"] = arrays["study_lengths"]
    write_packed(work, arrays)
    corpus, more, other = (texts_in(work / f"{name}.parquet") for name in ("corpus/corpus", "more", "other"))
    write_texts(work / TEXTS, [[*corpus, *more], other])


def write_texts(path: Path, parts: Sequence[Sequence[str]]) -> None:
    """Texts that are encoded where they are trained on: they take less room than their tokens."""
    packed = bz2.compress("\1".join("\0".join(one) for one in parts).encode())
    path.write_bytes(packed)
    print(f"{path.name}: {len(packed) / 1e6:.1f} MB", flush=True)


def _flat(documents: Sequence[Sequence[int]]) -> npt.NDArray[np.uint16]:
    return np.concatenate([np.asarray(one, np.uint16) for one in documents])


def _lengths(documents: Sequence[Sequence[int]]) -> npt.NDArray[np.int32]:
    return np.array([len(one) for one in documents], np.int32)


def asked(work: Path, name: str, tokenizer: Any, design: Design) -> dict[str, npt.NDArray[Any]]:
    """Candidates of a campaign as `trapline score` takes them, and where the second half of each begins."""
    from transforms.scoring.sequences import Rule, prepare

    probes = pq.read_table(work / f"secrets-{name}/probes/probes.parquet", columns=["id", "unit", "text"])
    found = prepare(probes, "text", "", tokenizer, None, Rule(0, 0, design.vocabulary, 0), name)
    if any(found.reason):
        raise SystemExit(f"{name}: {sum(map(bool, found.reason))} candidates cannot be scored")
    own = found.sequences.first - found.unscored
    return {
        f"{name}_tokens": found.sequences.tokens.astype(np.uint16),
        f"{name}_lengths": found.sequences.lengths.astype(np.int32),
        f"{name}_first": found.sequences.first.astype(np.int32),
        f"{name}_cut": (own + (found.sequences.lengths - own) // 2).astype(np.int32),
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True, help="Parquet files with a column text")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--design", choices=list(DESIGNS), default="full")
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    design = DESIGNS[given.design]
    split_corpus(given.corpus, given.work, design)
    run_commands(given.work, design)
    pack(given.work, design)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
