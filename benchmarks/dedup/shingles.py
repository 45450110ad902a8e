"""The judge's own words and shingles: written apart from trapline's, so that neither can hide the other's mistake.

A word is a run of letters, marks, decimal digits and underscores of the lower-cased text; each Han, Kana, Thai, Lao,
Khmer or Myanmar character is a word of its own. A document is the set of its 5-word shingles, as 64-bit hashes.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
from numba import njit

from benchmarks.dedup.corpus import texts

NGRAM = 5
_BETWEEN_WORDS = r"[^\p{L}\p{M}\p{Nd}_]+"
_WORD_BY_ITSELF = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"

_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_FNV_START = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_S33 = np.uint64(33)


@dataclass(frozen=True)
class Sets:
    """Documents as sets of hashes, in one flat array.

    Attributes:
        tokens: uint64[total], ascending and distinct within a document.
        offsets: int64[documents + 1], where a document's tokens begin.
    """

    tokens: npt.NDArray[np.uint64]
    offsets: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1


def spaced_words(column: pa.LargeStringArray) -> pa.LargeStringArray:
    """The words of each text, lower-cased, with one or more spaces between them."""
    series = pl.Series(column).str.to_lowercase().str.replace_all(_BETWEEN_WORDS, " ")
    series = series.str.replace_all(_WORD_BY_ITSELF, " $0 ")
    return series.to_arrow().cast(pa.large_string())


@njit(nogil=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    """Stir 64 bits: MurmurHash3's finaliser (Appleby)."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    return value ^ (value >> _S33)


@njit(nogil=True, cache=True)
def _hash_shingles(data, starts, ngram):  # type: ignore[no-untyped-def]
    """Distinct shingle hashes of documents: (uint64[total], int64[n + 1]).

    A document of fewer words than a shingle is one hash of all its words, under another seed: two such documents
    are either equal or have nothing in common.
    """
    count = len(starts) - 1
    # A shingle ends at a word, and a word takes a byte and a space.
    tokens = np.empty((starts[count] - starts[0]) // 2 + 2 * count + 1, np.uint64)
    offsets = np.zeros(count + 1, np.int64)
    ring = np.zeros(ngram, np.uint64)
    filled = 0
    for document in range(count):
        begin = filled
        words = 0
        inside = False
        word = _FNV_START
        for at in range(starts[document], starts[document + 1] + 1):
            byte = data[at] if at < starts[document + 1] else np.uint8(32)
            if byte != 32:
                word = (word ^ np.uint64(byte)) * _FNV_PRIME
                inside = True
            elif inside:
                ring[words % ngram] = _mixed(word)
                words += 1
                word = _FNV_START
                inside = False
                if words >= ngram:
                    shingle = np.uint64(ngram)
                    for k in range(words - ngram, words):
                        shingle = _mixed(shingle + ring[k % ngram])
                    tokens[filled] = shingle
                    filled += 1
        if words < ngram:
            short = ~np.uint64(words)
            for k in range(words):
                short = _mixed(short + ring[k])
            tokens[filled] = short
            filled += 1
        own = tokens[begin:filled]
        own.sort()
        last = begin
        for at in range(begin + 1, filled):
            if tokens[at] != tokens[last]:
                last += 1
                tokens[last] = tokens[at]
        filled = last + 1
        offsets[document + 1] = filled
    return tokens[:filled].copy(), offsets


def shingle_sets(column: pa.LargeStringArray, ngram: int = NGRAM) -> Sets:
    """Texts -> sets of hashes of their word n-grams."""
    words = spaced_words(column)
    _, offsets, data = words.buffers()
    starts = np.frombuffer(offsets, np.int64, len(words) + 1, words.offset * 8)
    bytes_ = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    return Sets(*_hash_shingles(bytes_, starts, ngram))


def joined(parts: Sequence[Sets]) -> Sets:
    """Several runs of documents, one after the other."""
    bases = np.cumsum([0] + [len(part.tokens) for part in parts])
    offsets = [part.offsets[1:] + base for part, base in zip(parts, bases, strict=False)]
    return Sets(
        np.concatenate([part.tokens for part in parts] or [np.zeros(0, np.uint64)]),
        np.concatenate([np.zeros(1, np.int64), *offsets]),
    )


def sets_of_files(files: Sequence[Path], threads: int) -> Sets:
    """Every document of Parquet files, in order of file and row."""
    with ThreadPoolExecutor(threads) as pool:
        return joined(list(pool.map(lambda file: joined([shingle_sets(c) for c in texts(file)]), files)))
