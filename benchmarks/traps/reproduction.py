"""Traps by length, dose and perplexity in language models of several sizes: data, and tables.

    python -m benchmarks.traps.reproduction data --corpus FILES... --work WORK [--puzzles probes.parquet]
    python -m benchmarks.traps.models --experiment WORK/experiment.npz.xz --output WORK/models     (one GPU, no Beam)
    python -m benchmarks.traps.reproduction tables --work WORK --output docs/evidence

`data` runs the product's own commands one after the other, then packs what the training needs into one file. With
`--design cpu` it is small enough to train on two cores (`trap_models --device cpu`).
"""

from __future__ import annotations

import argparse
import io
import json
import lzma
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.traps.tables import write_tables
from examples.train_tiny import make_tokenizer

BEGIN, UNITS = 0, 30
CONTEXT, SLOTS = 64, 2


@dataclass(frozen=True)
class Design:
    """Tokens of the vocabulary; lengths, doses and quantiles of perplexity of the traps; most shares; text."""

    vocabulary: int
    lengths: tuple[int, ...]
    doses: tuple[int, ...]
    buckets: int
    corpus_share: float
    document_share: float
    bytes: int


DESIGNS = {
    "gpu": Design(16_384, (5, 12, 25, 50), (16, 8, 4, 2, 1), 4, 0.05, 0.1, 1 << 40),
    "cpu": Design(4096, (25, 50), (4, 2, 1), 1, 0.3, 0.5, 300_000),
}


def trapline(work: Path, *command: str) -> None:
    """Run a command as a user would, and say how long it took.

    Raises:
        SystemExit: if it fails.
    """
    print(f"$ trapline {' '.join(command)}", flush=True)
    began = time.monotonic()
    code = subprocess.run([sys.executable, "-m", "pipelines.cli", *command], check=False).returncode
    if code:
        raise SystemExit(code)
    print(f"  {time.monotonic() - began:.1f} s", flush=True)
    with (work / "commands.txt").open("a", encoding="utf-8") as file:
        file.write(f"trapline {' '.join(command)}\n".replace(str(work), "WORK"))


def make_data(given: argparse.Namespace) -> None:
    """Candidates, seal, draw, planted corpus, its twin, and a second deduplication of the planted one."""
    work: Path = given.work
    work.mkdir(parents=True, exist_ok=True)
    design = DESIGNS[given.design]
    corpus = first_bytes(given.corpus, design.bytes, work)
    tokenizer = work / "tokenizer.json"
    if not tokenizer.exists():
        texts = [text for file in corpus for text in pq.read_table(file, columns=["text"])["text"].to_pylist()[::5]]
        make_tokenizer(iter(texts), design.vocabulary).save(str(tokenizer))
    secrets = f"{work}/secrets"
    strata = [
        *("--lengths", *map(str, design.lengths), "--doses", *map(str, design.doses), "--units", str(given.units)),
        *("--perplexity-buckets", str(design.buckets), "--controls", "9", "--seed", "evidence", "--allow-short"),
    ]
    steps = {
        "made": [
            *("traps", "--output", f"{work}/made", "--corpus", *corpus, "--tokenizer", str(tokenizer)),
            *strata,
        ],
        "traps": [
            *("traps", "--output", f"{work}/traps", "--generator", "file", "--candidates", f"{work}/unseen.parquet"),
            *("--tokenizer", str(tokenizer), *strata),
        ],
        "secrets": [
            *("seal", "--probes", f"{work}/traps/probes.parquet", *given.puzzles, "--secrets", secrets),
            *("--context", str(CONTEXT), "--slots", str(SLOTS), "--tokenizer", str(tokenizer)),
        ],
        "secrets/draw.json": ["draw", "--secrets", secrets, "--self"],
        "planted": [
            *("prepare", "--input", *corpus, "--output", f"{work}/planted", "--secrets", secrets),
            *("--max-corpus-share", str(design.corpus_share), "--max-doc-share", str(design.document_share)),
        ],
        "restored": ["restore", "--input", f"{work}/planted", "--secrets", secrets, "--output", f"{work}/restored"],
        "again": ["dedup", "--input", f"{work}/planted/data", "--output", f"{work}/again"],
    }
    for output, command in steps.items():
        done = work / output
        if output == "traps" and not done.exists():
            leave_out_what_the_corpus_has(corpus, work)
        if not (done.exists() and (output not in ("planted", "restored", "again") or (done / "_SUCCESS").exists())):
            trapline(work, *command)
    pack(work, design.vocabulary)


def first_bytes(files: Sequence[str], most: int, work: Path) -> list[str]:
    """The files themselves, or one file with their first documents if they hold more than `most` bytes of text."""
    if most >= DESIGNS["gpu"].bytes:
        return list(files)
    source = work / "corpus.parquet"
    if not source.exists():
        table = pa.concat_tables([pq.read_table(file, columns=["id", "text"]) for file in files])
        total = np.cumsum(pc.binary_length(table["text"]).to_numpy().astype(np.int64))
        pq.write_table(table.slice(0, int(np.searchsorted(total, most)) + 1), source)
    return [str(source)]


def leave_out_what_the_corpus_has(corpus: Sequence[str], work: Path) -> None:
    """Candidates of five tokens may stand in the corpus by chance, and `prepare` refuses such: all of them go.

    It happens before the seal, for all candidates alike.
    """
    import polars as pl

    made = pq.read_table(work / "made/probes.parquet", columns=["text", "perplexity"])
    texts, seen = made["text"].to_pylist(), set()
    for file in corpus:
        found = pl.Series(pq.read_table(file, columns=["text"])["text"].to_pylist()).str.extract_many(
            texts, overlapping=True
        )
        seen |= set(found.explode().drop_nulls().unique().to_list())
    unseen = made.filter(pa.array([text not in seen for text in texts]))
    print(f"{len(seen):,} of {len(texts):,} candidates stand in the corpus and are left out", flush=True)
    pq.write_table(unseen, work / "unseen.parquet")


def documents(folder: Path) -> pa.Table:
    """The id and text of all shards, in order."""
    shards = sorted(folder.glob("*.parquet"))
    return pa.concat_tables([pq.read_table(shard, columns=["id", "text"], partitioning=None) for shard in shards])


def encoded(tokenizer: Any, texts: Sequence[str]) -> Iterator[npt.NDArray[np.uint16]]:
    """Token ids of each text, begin-of-sequence first."""
    for at in range(0, len(texts), 256):
        for one in tokenizer.encode_batch_fast(texts[at : at + 256]):
            yield np.asarray(one.ids, np.uint16)


def training_order(ids: Sequence[object]) -> npt.NDArray[np.int64]:
    """The order of training: by a hash of the document, the same with traps and without.

    Planted documents have no id: each is told by its number among those, so that the copies of one are spread.
    """
    seen: Counter[object] = Counter()
    hashes = []
    for one in ids:
        name = repr((one, seen[one]) if seen[one] else one)
        hashes.append(blake2b(name.encode(), digest_size=8).digest())
        seen[one] += 1
    return np.array(sorted(range(len(ids)), key=lambda at: hashes[at]), np.int64)


def pack(work: Path, vocabulary: int) -> None:
    """Both streams of tokens in the order of training, and the sequences to score, in one compressed file."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(work / "tokenizer.json"))
    probes = pq.read_table(work / "secrets/probes/probes.parquet", columns=["id", "unit", "text"])
    arrays = {
        "vocabulary": np.array(vocabulary),
        **streams(work, tokenizer),
        **scored_sequences(work, tokenizer, probes, vocabulary),
    }
    write_packed(work, arrays)
    index = {name: arrays[name] for name in ("sequence_row", "sequence_in_context")}
    pq.write_table(pa.table(index), work / "sequences.parquet")


def streams(work: Path, tokenizer: Any) -> dict[str, npt.NDArray[np.uint16]]:
    """The tokens of the planted corpus and of its twin in the order of training, uint16[tokens] each."""
    found = {}
    for name, folder in (("twin", "restored"), ("planted", "planted")):
        table = documents(work / folder / "data")
        order = training_order(table["id"].to_pylist())
        texts = table["text"].to_pylist()
        found[name] = np.concatenate(list(encoded(tokenizer, [texts[at] for at in order])))
        print(f"{name}: {len(texts):,} documents, {len(found[name]):,} tokens", flush=True)
    return found


def scored_sequences(work: Path, tokenizer: Any, probes: pa.Table, vocabulary: int) -> dict[str, npt.NDArray[Any]]:
    """What is scored: every candidate by itself and after each of its unit's slots, as `models.score` takes it.

    Args:
        work: holds the secrets.
        tokenizer: of the models.
        probes: the columns id, unit and text of all candidates.
        vocabulary: its size.
    """
    from transforms.scoring.contexts import read_slots
    from transforms.scoring.sequences import Rule, prepare

    rule = Rule(BEGIN, 0, vocabulary, CONTEXT)
    parts = [
        prepare(probes, "text", "", tokenizer, slots, rule, "probes")
        for slots in (None, read_slots(str(work / "secrets/slots.parquet")))
    ]
    kept = [np.flatnonzero(part.sequences.scored > 0) for part in parts]
    found = {
        "sequence_lengths": [part.sequences.lengths[rows] for part, rows in zip(parts, kept, strict=True)],
        "sequence_first": [part.sequences.first[rows] for part, rows in zip(parts, kept, strict=True)],
        "sequence_row": [part.place[rows] for part, rows in zip(parts, kept, strict=True)],
        "sequence_in_context": [np.full(len(rows), at) for at, rows in enumerate(kept)],
    }
    tokens = np.concatenate([part.sequences.tokens for part in parts]).astype(np.uint16)
    return {"sequence_tokens": tokens, **{name: np.concatenate(one).astype(np.int32) for name, one in found.items()}}


def write_packed(work: Path, arrays: dict[str, npt.NDArray[Any]]) -> None:
    """Write `experiment.npz.xz`, which `models.read_experiment` reads."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    # A window over everything: the planted stream is the twin's with little in between.
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 3, "dict_size": 1 << 28, "lc": 0, "lp": 1, "pb": 1}]
    packed = lzma.compress(buffer.getvalue(), filters=filters)
    (work / "experiment.npz.xz").write_bytes(packed)
    print(f"{len(arrays['sequence_row']):,} sequences; packed into {len(packed) / 1e6:.1f} MB", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data or the tables; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    data = commands.add_parser("data", help="make what the GPU needs")
    data.add_argument("--corpus", nargs="+", required=True, help="Parquet files with id and text")
    data.add_argument("--puzzles", nargs="*", default=[], help="probes of trapline puzzles, to seal along")
    data.add_argument("--design", choices=DESIGNS, default="gpu")
    data.add_argument("--units", type=int, default=UNITS, help="of each length, perplexity bucket and dose")
    tables = commands.add_parser("tables", help="judge the scores")
    tables.add_argument("--output", type=Path, required=True)
    for one in (data, tables):
        one.add_argument("--work", type=Path, required=True)
    given = parser.parse_args(arguments)
    if given.command == "data":
        make_data(given)
    else:
        print(json.dumps(write_tables(given.work, given.output), indent=2))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
