"""Sketches of texts: everything the deduplicator needs to know of a document, in about a kilobyte of numbers."""

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import buffers_of, read_only
from transforms.base.vectors import LANES
from transforms.base.words import word_table
from transforms.dedup.minhash_kernel import scan_texts, scan_tokens
from transforms.dedup.nfc import characters_that_may_change

_SEED = 1  # datasketch's default
_MAX_NGRAM = 256
_MAX_BYTES = 2**32


@dataclass(frozen=True)
class MinHashConfig:
    """How texts are sketched.

    Attributes:
        num_perm: minima a text, 1 to 65,536.
        ngram: words (or tokens) a shingle, 1 to 256.
        bands: band keys a text; texts that share one are candidates.
        rows: minima a band key is made of; `bands * rows <= num_perm`.

    Raises:
        ValueError: if a number is out of its range.
    """

    num_perm: int = 256
    ngram: int = 5
    bands: int = 28
    rows: int = 9

    def __post_init__(self) -> None:
        for name, most in (("num_perm", 2**16), ("ngram", _MAX_NGRAM), ("bands", 2**16), ("rows", 2**16)):
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise ValueError(f"{name} is {value}: give a number from 1 to {most}")
        if self.bands * self.rows > self.num_perm:
            raise ValueError(
                f"{self.bands} bands of {self.rows} rows need {self.bands * self.rows} minima, "
                f"num_perm is {self.num_perm}: lower bands or rows, or raise num_perm"
            )


@dataclass(frozen=True)
class Sketches:
    """Numbers about n texts; where `valid` is False, the rest of the row is zeros.

    Attributes:
        valid: bool[n]; False where the text is null or not UTF-8.
        num_bytes: uint32[n], length of the text in UTF-8 bytes.
        num_words: uint32[n]; of token shingles, the number of tokens.
        may_change: bool[n], whether the text has a character that NFC may change: `nfc.may_change` knows better.
        text_hash: uint64[n, 2], 128-bit hash of the text's bytes.
        bands: uint64[n, bands], band keys, never 0; all 0 if the text has fewer than `ngram` words.
        sketch: uint8[n, num_perm], low byte of each minimum (255 where the text has no shingle).
    """

    valid: npt.NDArray[np.bool_]
    num_bytes: npt.NDArray[np.uint32]
    num_words: npt.NDArray[np.uint32]
    may_change: npt.NDArray[np.bool_]
    text_hash: npt.NDArray[np.uint64]
    bands: npt.NDArray[np.uint64]
    sketch: npt.NDArray[np.uint8]


def sketch_texts(text: pa.Array, config: MinHashConfig) -> Sketches:
    """Sketch n texts by shingles of words, as `transforms.base.words` defines them.

    Args:
        text: string, large_string, binary or large_binary; nulls and slices are welcome.
        config: how.

    Raises:
        TypeError: if `text` has another type.
        ValueError: if a text has 4 GiB or more.
    """
    return _scan(text, config)[0]


def sketch_tokens(
    ids: npt.NDArray[np.uint32], offsets: npt.NDArray[np.int64], raw: pa.Array, config: MinHashConfig
) -> Sketches:
    """Sketch n texts by shingles of tokens; `text_hash` remains that of `sketch_texts`.

    Args:
        ids: uint32, the tokens of all texts.
        offsets: int64[n + 1]; text i has `ids[offsets[i]:offsets[i + 1]]`.
        raw: the n texts themselves, typed as for `sketch_texts`.
        config: how.

    Raises:
        TypeError: if `raw` has another type.
        ValueError: if `offsets` does not ascend within `ids`, or not one more than there are texts, or a text has
            4 GiB or more.
    """
    ids = np.ascontiguousarray(ids, np.uint32)
    offsets = np.ascontiguousarray(offsets, np.int64)
    if len(offsets) != len(raw) + 1:
        raise ValueError(f"{len(offsets)} offsets for {len(raw)} texts: give one more than texts")
    lengths = np.diff(offsets)
    if offsets[0] < 0 or offsets[-1] > len(ids) or (lengths < 0).any():
        raise ValueError(f"offsets must ascend from 0 or more to at most {len(ids)}, the number of ids")
    whole = MinHashConfig(num_perm=1, ngram=1, bands=1, rows=1)
    of_text = _scan(raw, whole)[0]
    n = len(raw)
    bands = np.zeros((n, config.bands), np.uint64)
    sketch = np.zeros((n, config.num_perm), np.uint8)
    a, b = _permutations(config.num_perm)
    scan_tokens(read_only(ids), read_only(offsets), of_text.valid, config.ngram, config.rows, a, b, bands, sketch)
    num_words = np.where(of_text.valid, lengths, 0).astype(np.uint32)
    return Sketches(of_text.valid, of_text.num_bytes, num_words, of_text.may_change, of_text.text_hash, bands, sketch)


def minima(text: pa.Array, config: MinHashConfig) -> npt.NDArray[np.uint32]:
    """The minima themselves, uint32[n, num_perm]: those of `datasketch.MinHash(scheme="affine32")`.

    A text without a shingle, a null and what is not UTF-8 have 2**32 - 1 throughout. Takes and raises what
    `sketch_texts` does.
    """
    return _scan(text, config, want_minima=True)[1]


def shingle_hashes(text: str, config: MinHashConfig) -> npt.NDArray[np.uint32]:
    """The hashes of a text's shingles in order: what the minima are taken over, before any permutation."""
    return _scan(pa.array([text], pa.large_string()), config, want_shingles=True)[2]


def _scan(
    text: pa.Array, config: MinHashConfig, want_minima: bool = False, want_shingles: bool = False
) -> tuple[Sketches, npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    data, offsets, valid = _buffers(text)
    n = len(valid)
    lengths = np.where(valid, np.diff(offsets), 0)
    if n and lengths.max() >= _MAX_BYTES:
        raise ValueError(f"text {lengths.argmax()} has {lengths.max()} bytes: a text must have fewer than {_MAX_BYTES}")
    a, b = _permutations(config.num_perm)
    num_words = np.zeros(n, np.uint32)
    may_change = np.zeros(n, np.bool_)
    text_hash = np.zeros((n, 2), np.uint64)
    bands = np.zeros((n, config.bands), np.uint64)
    sketch = np.zeros((n, config.num_perm), np.uint8)
    lowest = np.full((n if want_minima else 0, len(a)), 0xFFFFFFFF, np.uint32)
    shingles = np.empty(len(data) if want_shingles else 0, np.uint32)
    count = scan_texts(
        data,
        offsets,
        valid,
        _table(),
        config.ngram,
        config.rows,
        a,
        b,
        num_words,
        may_change,
        text_hash,
        bands,
        sketch,
        lowest,
        shingles,
    )
    num_bytes = np.where(valid, lengths, 0).astype(np.uint32)
    sketches = Sketches(valid, num_bytes, num_words, may_change, text_hash, bands, sketch)
    return sketches, lowest[:, : config.num_perm], shingles[:count]


@functools.cache
def _table() -> npt.NDArray[np.uint32]:
    """`word_table()` with the highest bit set for characters that NFC may change."""
    return read_only(word_table() | characters_that_may_change().astype(np.uint32) << np.uint32(31))


def _buffers(text: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The bytes of all texts, int64[n + 1] offsets into them, and which texts are not null (fresh, to be written)."""
    if text.type not in (pa.string(), pa.binary(), pa.large_string(), pa.large_binary()):
        raise TypeError(f"text is {text.type}: it must be string, large_string, binary or large_binary")
    n = len(text)
    valid = np.ones(n, np.bool_)
    if text.null_count:
        bits = np.unpackbits(np.frombuffer(text.buffers()[0], np.uint8), bitorder="little")
        valid[:] = bits[text.offset : text.offset + n]
    return *buffers_of(text), valid


@functools.lru_cache(maxsize=8)
def _permutations(num_perm: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32]]:
    """Multipliers and summands of datasketch's `affine32` permutations, padded to a multiple of `LANES`."""
    random = np.random.RandomState(_SEED)  # the generator that datasketch draws from
    odd = random.randint(0, 2**31, num_perm, np.uint32) * np.uint32(2) + np.uint32(1)
    summands = random.randint(0, 2**32, num_perm, np.uint32)
    padding = (0, -num_perm % LANES)
    return read_only(np.pad(odd, padding)), read_only(np.pad(summands, padding))
