"""Token offsets of the copies, and whether a trap's tokens come out intact in context, for any tokenizer."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tokenizers

from schemas.secret.token_offsets import TOKEN_OFFSETS, TOKENIZER_KEY
from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.corpus.input.columns import as_strings
from transforms.planting.ledger.ledger import variants_in

_AT_ONCE = 256
_Copy = tuple[str, int]
"""The id of a candidate, and the number of a text among those that its copies get."""


def load_tokenizer(path: Path) -> tuple[tokenizers.Tokenizer, str]:
    """A `tokenizers` file and the SHA-256 of its bytes.

    Raises:
        SealError: if it cannot be read as one.
    """
    try:
        data = path.read_bytes()
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except Exception as error:
        raise SealError(f"--tokenizer {path}: cannot be read as a tokenizers file ({error})") from error
    # A file may carry both along from training; offsets are of the whole text.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer, hashlib.sha256(data).hexdigest()


def token_offsets(
    corpus: Folder,
    shards: Sequence[str],
    column: str,
    ledger: pa.Table,
    texts: Mapping[str, Sequence[str]],
    tokenizer: tokenizers.Tokenizer,
) -> pa.Table:
    """Where each copy's tokens stand.

    Args:
        corpus: the planted corpus.
        shards: path of each shard in it.
        column: the text.
        ledger: rows of `LEDGER`.
        texts: the texts that the copies of a candidate get in turn, by its id.
        tokenizer: whose tokens; documents are encoded whole, without special tokens.

    Raises:
        SealError: if a document is not the one of the ledger.
    """
    planted = {
        (candidate, variant): texts[candidate][variant]
        for candidate, variant in zip(ledger["candidate"].to_pylist(), variants_in(ledger).tolist(), strict=True)
    }
    alone = {copy: tokenizer.encode(text, add_special_tokens=False).ids for copy, text in planted.items()}
    parts = [
        _of_shard(corpus, path, column, ledger.filter(pc.equal(ledger["shard"], number)), planted, alone, tokenizer)
        for number, path in enumerate(shards)
    ]
    return pa.concat_tables([TOKEN_OFFSETS.empty_table(), *parts])


def tagged(table: pa.Table, sha256: str) -> pa.Table:
    """The table with the tokenizer's SHA-256 in its schema's metadata."""
    return table.replace_schema_metadata({**(table.schema.metadata or {}), TOKENIZER_KEY: sha256.encode()})


def _of_shard(
    corpus: Folder,
    path: str,
    column: str,
    own: pa.Table,
    texts: Mapping[_Copy, str],
    alone: Mapping[_Copy, list[int]],
    tokenizer: tokenizers.Tokenizer,
) -> pa.Table:
    rows = own["row"].to_numpy()
    found: list[tuple[int, int, bool]] = []
    copies = list(zip(own["candidate"].to_pylist(), variants_in(own).tolist(), strict=True))
    begins = own["char_offset"].to_pylist()
    at = 0
    for documents in _documents(corpus, path, column, np.unique(rows)):
        for encoding, document in zip(
            tokenizer.encode_batch([text for _, text in documents], add_special_tokens=False), documents, strict=True
        ):
            starts, ends = (np.array([span[side] for span in encoding.offsets], np.int64) for side in (0, 1))
            row, text = document
            while at < len(rows) and rows[at] == row:
                begin, copy = begins[at], copies[at]
                end = begin + len(texts[copy])
                if text[begin:end] != texts[copy]:
                    raise SealError(f"{path}: row {row:,}: the document is not the one of the ledger")
                inside = np.flatnonzero((starts < end) & (ends > begin))
                first = int(inside[0]) if len(inside) else 0
                ids = encoding.ids[first : first + len(inside)]
                whole = bool(len(inside)) and starts[inside[0]] >= begin and ends[inside[-1]] <= end
                found.append((first, len(inside), bool(whole and ids == alone[copy])))
                at += 1
    copied = [own[name] for name in ("unit", "candidate", "copy", "shard", "row")]
    columns = [[one[part] for one in found] for part in range(3)]
    return pa.table([*copied, *columns], schema=TOKEN_OFFSETS)


def _documents(corpus: Folder, path: str, column: str, rows: npt.NDArray[np.int64]) -> Iterator[list[tuple[int, str]]]:
    """(row, text) of some rows of a shard, ascending, a few at a time."""
    waiting: list[tuple[int, str]] = []
    base = 0
    with corpus.open(path) as stream:
        file = pq.ParquetFile(stream)
        for group in range(file.metadata.num_row_groups):
            count = file.metadata.row_group(group).num_rows
            inside = rows[np.searchsorted(rows, base) : np.searchsorted(rows, base + count)]
            if len(inside):
                text = as_strings(file.read_row_group(group, [column])[column])
                picked = text.take(pa.array(inside - base)).to_pylist()
                waiting += zip(inside.tolist(), picked, strict=True)
            base += count
            while len(waiting) >= _AT_ONCE:
                yield waiting[:_AT_ONCE]
                waiting = waiting[_AT_ONCE:]
    if waiting:
        yield waiting
