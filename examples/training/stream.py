"""Rows of tokens in training order: from the output of `trapline order`, or from a plain array."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Ids = npt.NDArray[np.int32]
Numbers = npt.NDArray[np.int64]
PAD = -1
_ENCODED_TOGETHER = 10_000
_INDEX_HEAD = 34
_DTYPES = {8: "<u2", 4: "<u4"}


@dataclass(frozen=True)
class Stream:
    """Rows in the order in which they are trained on.

    Attributes:
        rows: int32[n, length], token ids; `PAD` behind the last token of a row.
        index: int64[n], what a loss may know a row by; of an ordered corpus its place in the order, which is the
            `position` of the events.
        cut: rows of which the end was left out, for they are longer than `length`.
    """

    rows: Ids
    index: Numbers
    cut: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def then(self, other: Stream) -> Stream:
        """This stream, and then the other one."""
        length = max(self.rows.shape[1], other.rows.shape[1])
        rows = [_widened(one.rows, length) for one in (self, other)]
        return Stream(np.concatenate(rows), np.concatenate([self.index, other.index]), self.cut + other.cut)


def of_rows(rows: npt.ArrayLike, *, passes: int = 1, seed: int | None = None) -> Stream:
    """A stream over an array of token rows.

    Args:
        rows: integers[n, length], `PAD` behind shorter ones.
        passes: times that they are gone through.
        seed: of the order, another one in each pass; None: as they stand.
    """
    given = np.asarray(rows, np.int32)
    numbers = np.arange(len(given))
    order = [numbers if seed is None else np.random.default_rng([seed, one]).permutation(numbers)
             for one in range(passes)]  # fmt: skip
    index = np.concatenate(order)
    return Stream(given[index], index)


def of_documents(documents: Sequence[Sequence[int]], length: int = 0) -> Stream:
    """One row a document, in order.

    Args:
        documents: token ids of each.
        length: most tokens of a row; what is behind them is left out. 0: as many as the longest document has.
    """
    longest = max(map(len, documents), default=0)
    width = min(length, longest) if length else longest
    rows = np.full((len(documents), width), PAD, np.int32)
    for row, ids in zip(rows, documents, strict=True):
        row[: min(len(ids), width)] = ids[:width]
    cut = sum(len(one) > width for one in documents)
    return Stream(rows, np.arange(len(documents)), cut)


def packed(documents: Sequence[Sequence[int]], length: int) -> Stream:
    """All documents one after the other, cut into full rows; the last tokens that fill none are left out."""
    flat = np.concatenate([np.asarray(one, np.int32) for one in documents])
    rows = flat[: len(flat) // length * length].reshape(-1, length)
    return Stream(rows, np.arange(len(rows)))


def read_texts(folder: Path, tokenizer: Path, length: int = 0) -> Stream:
    """The documents of an ordered output (or of any folder of Parquet shards), encoded with the tokenizer's own begin.

    Args:
        folder: output of `trapline order`, of which `data/` is read, or the folder of shards itself.
        tokenizer: its `tokenizer.json`.
        length: see `of_documents`.
    """
    from tokenizers import Tokenizer

    encoder = Tokenizer.from_file(str(tokenizer))
    encoder.no_truncation()
    encoder.no_padding()
    return of_documents([ids for texts in _texts(folder) for ids in _encoded(encoder, texts)], length)


def _texts(folder: Path) -> Iterator[list[str]]:
    import pyarrow.parquet as pq

    inside = folder / "data"
    for shard in sorted((inside if inside.is_dir() else folder).glob("*.parquet")):
        with pq.ParquetFile(shard) as file:
            for batch in file.iter_batches(_ENCODED_TOGETHER, columns=["text"]):
                yield batch.column(0).to_pylist()


def _encoded(encoder: Any, texts: list[str]) -> list[list[int]]:
    return [one.ids for one in encoder.encode_batch_fast(texts)]


def read_tokens(folder: Path, length: int = 0, begin: int | None = None) -> Stream:
    """The documents of `tokens/` in the output of `trapline order --tokenizer`.

    Args:
        folder: that output.
        length: see `of_documents`.
        begin: id that is put before each document, which these shards leave to the trainer; None for none.

    Raises:
        FileNotFoundError: if there are no tokens.
    """
    shards = sorted((folder / "tokens").glob("*.bin"))
    if not shards:
        raise FileNotFoundError(f"{folder}: has no tokens/*.bin: give trapline order a --tokenizer, or read the texts")
    before = [] if begin is None else [begin]
    found: list[Sequence[int]] = []
    for shard in shards:
        index = np.fromfile(shard.with_suffix(".idx"), np.uint8)
        ids = np.fromfile(shard, _DTYPES[int(index[17])])
        documents = int(index[18:26].view("<i8")[0])
        lengths = index[_INDEX_HEAD : _INDEX_HEAD + 4 * documents].view("<i4")
        ends = np.cumsum(lengths, dtype=np.int64)
        found += [[*before, *ids[end - size : end].tolist()] for end, size in zip(ends, lengths, strict=True)]
    return of_documents(found, length)


def _widened(rows: Ids, length: int) -> Ids:
    return np.pad(rows, ((0, 0), (0, length - rows.shape[1])), constant_values=PAD)
