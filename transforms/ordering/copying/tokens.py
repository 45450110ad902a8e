r"""Shards of tokens: raw ids in the order of training, with an index of documents in Megatron's layout.

`.bin` holds the ids of all documents one after the other, little-endian uint16 or uint32, without a header. `.idx` is
the index that Megatron-LM's IndexedDataset reads (megatron/core/datasets/indexed_dataset.py): 9 bytes `MMIDIDX\0\0`,
version 1 (uint64), a code for the type of the ids (uint8), the number of documents n and n + 1 (uint64 each), then the
tokens of each document (int32[n]), where it begins in the .bin in bytes (int64[n]), and the numbers 0 to n (int64).
"""

import functools
import struct
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import tokenizers

from transforms.base.errors import CorpusError
from transforms.base.folders import HashingFile
from transforms.base.texts import offsets_of
from transforms.corpus.input.addresses import position_of
from transforms.corpus.output.names import shard_name
from transforms.ordering.copying.job import Tokenizing

_MAGIC = b"MMIDIDX\x00\x00"
_CODES = {"uint16": 8, "uint32": 4}
"""Megatron's codes. It has none for uint32: int32 has the same bytes for every id below 2**31."""

_AT_ONCE = 1024


def tokens_name(split: str, shard: int, shards: int, suffix: str) -> str:
    """A file of a shard's tokens in the output folder; `suffix` is '.bin' or '.idx'."""
    return f"tokens/{shard_name(split, shard, shards).partition('/')[2].removesuffix('.parquet')}{suffix}"


def open_tokenizer(path: str, data: bytes, end: str) -> Tokenizing:
    """How a `tokenizers` file makes tokens, and the token that ends each document.

    Ids have 16 bits if every id of the vocabulary fits.

    Raises:
        CorpusError: if it cannot be read, or does not know the token.
    """
    try:
        serialised = data.decode()
        tokenizer = _made(serialised)
    except Exception as error:
        raise CorpusError(f"--tokenizer {path}: cannot be read as a tokenizers file ({error})") from error
    token = tokenizer.token_to_id(end) if end else None
    if end and token is None:
        raise CorpusError(f"--end-token {end!r}: the tokenizer does not know it; give a token of its vocabulary")
    highest = max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0)
    if highest >= 1 << 31:
        raise CorpusError(f"--tokenizer {path}: has ids up to {highest:,}, and 31 bits are what readers take")
    return Tokenizing(serialised, token, "uint16" if highest < 1 << 16 else "uint32")


@functools.lru_cache(maxsize=2)
def _made(serialised: str) -> tokenizers.Tokenizer:
    tokenizer = tokenizers.Tokenizer.from_str(serialised)
    # A file may carry both along from training; documents are encoded whole.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class TokenWriter:
    """Writes the tokens of one shard."""

    def __init__(self, sink: HashingFile, tokenizing: Tokenizing) -> None:
        self.sink = sink
        self._how = tokenizing
        self._dtype = np.dtype(tokenizing.dtype).newbyteorder("<")
        self._lengths: list[npt.NDArray[np.int64]] = []

    def write(self, texts: pa.Array, addresses: npt.NDArray[np.uint64]) -> None:
        """Append documents; no special tokens are added but the one that ends each.

        Raises:
            CorpusError: if a document has no text, or text that is not UTF-8; it names its row in the input.
        """
        for begin in range(0, len(texts), _AT_ONCE):
            own = texts.slice(begin, _AT_ONCE)
            encoded = _made(self._how.serialised).encode_batch_fast(
                _strings(own, addresses[begin:]), add_special_tokens=False
            )
            ids = [one.ids if self._how.end is None else [*one.ids, self._how.end] for one in encoded]
            lengths = np.array([len(one) for one in ids], np.int64)
            flat = np.fromiter((token for one in ids for token in one), self._dtype, int(lengths.sum()))
            self.sink.write(flat.tobytes())
            self._lengths.append(lengths)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """Tokens of each document, int64[n]."""
        return np.concatenate([np.empty(0, np.int64), *self._lengths])

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """The first token of each document, int64[n]."""
        return offsets_of(self.lengths)[:-1]

    def index(self) -> bytes:
        """The content of the `.idx` file."""
        lengths, code = self.lengths, _CODES[self._how.dtype]
        head = _MAGIC + struct.pack("<QBQQ", 1, code, len(lengths), len(lengths) + 1)
        parts: list[Any] = [
            lengths.astype("<i4"),
            self.starts.astype("<i8") * self._dtype.itemsize,
            np.arange(len(lengths) + 1, dtype="<i8"),
        ]
        return head + b"".join(part.tobytes() for part in parts)


def _strings(texts: pa.Array, addresses: npt.NDArray[np.uint64]) -> list[str]:
    try:
        found: list[str | None] = texts.to_pylist()
    except UnicodeDecodeError:
        found = [_decoded(one) for one in texts.cast(pa.large_binary()).to_pylist()]
    if None in found:
        row = position_of(int(addresses[found.index(None)]))
        raise CorpusError(
            f"row {row} of an input file has no text, or text that is not UTF-8, and cannot become tokens: trapline "
            "dedup sets such rows aside"
        )
    return [one for one in found if one is not None]


def _decoded(data: bytes | None) -> str | None:
    try:
        return None if data is None else data.decode()
    except UnicodeDecodeError:
        return None
