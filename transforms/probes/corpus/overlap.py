"""N-grams of words that candidates share with a corpus: a hash set of theirs, against which texts are streamed.

Two different n-grams share a 64-bit hash with probability 2**-64: a corpus of 10**11 words against 10**7 n-grams of
candidates makes 0.05 such accidents, and all that one does is to reject a candidate that need not be.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import buffers_of
from transforms.base.words import WordHashes, word_table
from transforms.base.words_kernel import fill_set, hash_grams, scan_texts

NGRAM = 8
"""Words that a candidate and a document of the corpus may not share in a row."""

FindShared = Callable[[npt.NDArray[np.uint64]], npt.NDArray[np.uint64]]
"""From the candidates' n-grams (uint64) to those that the corpus has."""

_BITS_A_MEMBER = 16


@dataclass(frozen=True)
class Grams:
    """All n-grams of candidates: uint64 hashes, and int64 the candidate of each."""

    hashes: npt.NDArray[np.uint64]
    owners: npt.NDArray[np.int64]

    def sharing(self, found: npt.NDArray[np.uint64], candidates: int) -> npt.NDArray[np.bool_]:
        """Which of the candidates have an n-gram among `found`: bool[candidates]."""
        out = np.zeros(candidates, np.bool_)
        out[self.owners[np.isin(self.hashes, found)]] = True
        return out


def grams_of(words: WordHashes, n: int = NGRAM) -> Grams:
    """The n-grams of texts; a text of fewer than n words has none."""
    room = int(np.maximum(np.diff(words.offsets) - n + 1, 0).sum())
    hashes, owners = np.empty(room, np.uint64), np.empty(room, np.int64)
    hash_grams(words.hashes, words.offsets, n, hashes, owners)
    return Grams(hashes, owners)


class GramSet:
    """N-grams to look for in texts; shared by threads, each of which has its own marks."""

    def __init__(self, members: npt.NDArray[np.uint64], n: int = NGRAM) -> None:
        size = 1 << max(10, (2 * len(members)).bit_length())
        self.n = n
        self._slots = np.zeros(size, np.uint64)
        self._bits = np.zeros(max(16, size * _BITS_A_MEMBER // 128), np.uint64)
        fill_set(members, self._slots, self._bits)

    def marks(self) -> npt.NDArray[np.uint8]:
        """Fresh marks for `scan`."""
        return np.zeros(len(self._slots), np.uint8)

    def scan(self, texts: pa.Array, marks: npt.NDArray[np.uint8]) -> int:
        """Mark the members that are n-grams of the texts (string or large_string); returns the number of words."""
        data, offsets = _buffers(texts)
        return int(scan_texts(data, offsets, word_table(), self.n, self._slots, self._bits, marks))

    def found(self, marks: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
        """The marked members, sorted."""
        return np.sort(self._slots[marks != 0])


def _buffers(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    return buffers_of(texts.fill_null("") if texts.null_count else texts)
