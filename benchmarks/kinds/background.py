"""Background text for small models, of what any Python installation holds: a corpus, other text, and a tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from examples.installed_text import write_jsonl
from examples.train_tiny import make_tokenizer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PARAGRAPH = 800
"""Characters at which documents are cut, between lines: rows of a batch hold short documents."""


def write_background(work: Path, corpus_bytes: int, other_bytes: int, vocabulary: int) -> None:
    """`corpus/corpus.parquet`, `other.parquet` and `tokenizer.json` of the corpus, unless they are there.

    Raises:
        SystemExit: if this installation holds too little text.
    """
    if (work / "tokenizer.json").exists():
        return
    (work / "corpus").mkdir(parents=True, exist_ok=True)
    write_jsonl(work / "text.jsonl", 2 * (corpus_bytes + other_bytes))
    with (work / "text.jsonl").open(encoding="utf-8") as file:
        found = [part for line in file for part in pieces(json.loads(line)["text"])]
    texts = list(dict.fromkeys(found))
    at = 0
    for path, wanted in ((work / "corpus/corpus.parquet", corpus_bytes), (work / "other.parquet", other_bytes)):
        first, size = at, 0
        while at < len(texts) and size < wanted:
            size, at = size + len(texts[at].encode()), at + 1
        if size < wanted:
            raise SystemExit(f"{path.name}: {size} of {wanted} bytes of text are installed here: ask for less")
        table = {"id": [f"{path.stem} {number}" for number in range(first, at)], "text": texts[first:at]}
        pq.write_table(pa.table(table, schema=pa.schema([("id", pa.string()), ("text", pa.large_string())])), path)
    corpus = pq.read_table(work / "corpus/corpus.parquet")["text"].to_pylist()
    make_tokenizer(iter(corpus), vocabulary).save(str(work / "tokenizer.json"))


def pieces(text: str) -> list[str]:
    """A text in parts of about `PARAGRAPH` characters, cut between lines; parts of less than a tenth are left out."""
    found, held, size = [], list[str](), 0
    for line in text.splitlines():
        held.append(line)
        size += len(line) + 1
        if size >= PARAGRAPH:
            found.append("\n".join(held))
            held, size = [], 0
    found.append("\n".join(held))
    return [one.strip() for one in found if len(one.strip()) >= PARAGRAPH // 10]


def read_tokenizer(work: Path) -> Tokenizer:
    """That of the corpus."""
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(work / "tokenizer.json"))


def encoded(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    """Ids of each text, with the begin that the tokenizer sets."""
    return [one.ids for one in tokenizer.encode_batch_fast(texts)]


def texts_in(path: Path) -> list[str]:
    """The texts of a Parquet file or folder, in order."""
    found: list[str] = pq.read_table(path, columns=["text"], partitioning=None)["text"].to_pylist()
    return found
