"""Buckets: which documents share a band key, and which share their whole text.

Most keys occur once, so nothing is sorted before the singletons are gone: a table of two bits a slot, small
enough for a cache, tells which keys may occur again, and only those are grouped.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel

MAX_DOCUMENTS = (1 << 32) - 1
"""The most documents of one plan: an index is a uint32, and the largest one means "none"."""

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: Fibonacci hashing
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_DIGIT_BITS = np.uint64(11)
_DIGITS = 6
_RADIX = 1 << 11
_DIGIT_MASK = np.uint64(_RADIX - 1)


@dataclass(frozen=True)
class Buckets:
    """Groups of two or more documents.

    Attributes:
        members: uint32[m], document indices; ascending inside a bucket.
        starts: int64[b + 1]; bucket k is `members[starts[k]:starts[k + 1]]`.
    """

    members: npt.NDArray[np.uint32]
    starts: npt.NDArray[np.int64]

    def __len__(self) -> int:
        """The number of buckets."""
        return len(self.starts) - 1


def find_buckets(keys: npt.NDArray[np.uint64]) -> Buckets:
    """Group the documents of one band by key.

    Time and memory are linear in the number of documents, also when all of them share a key.

    Args:
        keys: uint64[n], the band key of each document; 0: the document has none.

    Returns:
        The groups of two or more documents with the same non-zero key, in ascending order of the key.

    Raises:
        ValueError: if there are more than `MAX_DOCUMENTS` documents.
    """
    _check_count(len(keys))
    keys = np.ascontiguousarray(keys, dtype=np.uint64)
    rows = _rows_with_repeated_key(keys)
    return Buckets(*_runs(*_sort_by_key(keys[rows], rows)))


def representatives(text_hash: npt.NDArray[np.uint64], priority: npt.NDArray[np.float64]) -> npt.NDArray[np.uint32]:
    """Find, for each document, the one to keep of those with the same text.

    Args:
        text_hash: uint64[n, 2], the 128-bit hash of each document's normalised text.
        priority: float64[n], higher is kept first; NaN counts as minus infinity.

    Returns:
        uint32[n]: the document of highest priority, the smallest index among equals, that has the same hash;
        a document with a text of its own has itself.

    Raises:
        ValueError: if the shapes do not fit, or there are more than `MAX_DOCUMENTS` documents.
    """
    _check_count(len(priority))
    if text_hash.shape != (len(priority), 2):
        raise ValueError(f"text_hash has shape {text_hash.shape}: expected ({len(priority)}, 2)")
    text_hash = np.ascontiguousarray(text_hash, dtype=np.uint64)
    priority = np.ascontiguousarray(priority, dtype=np.float64)
    suspects = find_buckets(_fold(text_hash))
    return _best_of_equal_hash(text_hash, priority, suspects.members, suspects.starts)


def priority_order(priority: npt.NDArray[np.float64]) -> npt.NDArray[np.uint32]:
    """Order documents by descending priority, ties by ascending index.

    Args:
        priority: float64[n]; NaN counts as minus infinity.

    Returns:
        uint32[n], document indices.

    Raises:
        ValueError: if there are more than `MAX_DOCUMENTS` documents.
    """
    _check_count(len(priority))
    rank_key = -np.asarray(priority, dtype=np.float64)
    rank_key[np.isnan(rank_key)] = np.inf
    return np.argsort(rank_key, kind="stable").astype(np.uint32)


def _check_count(documents: int) -> None:
    if documents > MAX_DOCUMENTS:
        raise ValueError(f"{documents} documents: one plan holds at most {MAX_DOCUMENTS}; split the corpus")


def _rows_with_repeated_key(keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint32]:
    """uint32[c], ascending: every row whose non-zero key occurs twice or more, and a few others."""
    bits = max(5, (8 * len(keys) - 1).bit_length())
    occurrences = np.zeros(1 << (bits - 5), np.uint64)
    repeated = _count_occurrences(keys, bits, occurrences)
    return _select_repeated(keys, bits, occurrences, repeated)


@inline_kernel
def _slot(key: np.uint64, bits: int) -> np.int64:
    """The slot of a key in a table of `2**bits`: the high bits of a product, the key's high half mixed in."""
    return np.int64(((key ^ (key >> _HALF)) * _GOLDEN) >> np.uint64(64 - bits))


@kernel
def _count_occurrences(keys: npt.NDArray[np.uint64], bits: int, occurrences: npt.NDArray[np.uint64]) -> np.int64:
    """Set two bits per slot, "occurs" and "occurs again", 32 slots a word; count the keys that came again."""
    repeated = np.int64(0)
    for row in range(len(keys)):
        key = keys[row]
        if key != 0:
            slot = _slot(key, bits)
            shift = np.uint64(2 * (slot & 31))
            word = occurrences[slot >> 5]
            again = (word >> shift) & _ONE
            repeated += np.int64(again)
            occurrences[slot >> 5] = word | (_ONE << shift) | (again << (shift + _ONE))
    return repeated


@kernel
def _select_repeated(
    keys: npt.NDArray[np.uint64], bits: int, occurrences: npt.NDArray[np.uint64], repeated: np.int64
) -> npt.NDArray[np.uint32]:
    # A slot that came again is met once more than it came again, so twice the repeats bounds the result.
    rows = np.empty(min(2 * repeated, np.int64(len(keys))) + 1, np.uint32)
    found = np.int64(0)
    for row in range(len(keys)):
        key = keys[row]
        slot = _slot(key, bits)
        rows[found] = row
        again = (occurrences[slot >> 5] >> np.uint64(2 * (slot & 31) + 1)) & _ONE
        found += np.int64(again) & np.int64(key != 0)
    return rows[:found]


@kernel
def _sort_by_key(
    keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint32]]:
    """Sort (key, row) pairs by key and keep the order of equal keys: radix sort, lowest digit first."""
    counts = np.zeros(_DIGITS * _RADIX, np.int64)
    for k in range(len(keys)):
        key = keys[k]
        for digit in range(_DIGITS):
            counts[digit * _RADIX + np.int64(key & _DIGIT_MASK)] += 1
            key >>= _DIGIT_BITS
    keys = keys.copy()
    rows = rows.copy()
    other_keys = np.empty_like(keys)
    other_rows = np.empty_like(rows)
    for digit in range(_DIGITS if len(keys) else 0):
        first = digit * _RADIX
        shift = np.uint64(digit) * _DIGIT_BITS
        if counts[first + np.int64((keys[0] >> shift) & _DIGIT_MASK)] == len(keys):
            continue  # all keys agree in this digit
        start = np.int64(0)
        for value in range(first, first + _RADIX):
            count = counts[value]
            counts[value] = start
            start += count
        for k in range(len(keys)):
            bin_ = first + np.int64((keys[k] >> shift) & _DIGIT_MASK)
            place = counts[bin_]
            counts[bin_] = place + 1
            other_keys[place] = keys[k]
            other_rows[place] = rows[k]
        keys, other_keys = other_keys, keys
        rows, other_rows = other_rows, rows
    return keys, rows


@kernel
def _runs(
    keys: npt.NDArray[np.uint64], rows: npt.NDArray[np.uint32]
) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The members and starts of the runs of two or more equal keys, from rows sorted by key."""
    buckets = 0
    kept = 0
    for k in range(len(keys)):
        opens = k == 0 or keys[k - 1] != keys[k]
        closes = k + 1 == len(keys) or keys[k + 1] != keys[k]
        buckets += opens and not closes
        kept += not (opens and closes)
    members = np.empty(kept, np.uint32)
    starts = np.empty(buckets + 1, np.int64)
    buckets = 0
    kept = 0
    for k in range(len(keys)):
        opens = k == 0 or keys[k - 1] != keys[k]
        closes = k + 1 == len(keys) or keys[k + 1] != keys[k]
        if opens and closes:
            continue
        if opens:
            starts[buckets] = kept
            buckets += 1
        members[kept] = rows[k]
        kept += 1
    starts[buckets] = kept
    return members, starts


@kernel
def _fold(text_hash: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One non-zero word per 128-bit hash."""
    folded = np.empty(len(text_hash), np.uint64)
    for row in range(len(text_hash)):
        folded[row] = (text_hash[row, 0] ^ text_hash[row, 1]) | _ONE
    return folded


@inline_kernel
def _without_nan(priority: float) -> float:
    return -np.inf if np.isnan(priority) else priority


@kernel
def _best_of_equal_hash(
    text_hash: npt.NDArray[np.uint64],
    priority: npt.NDArray[np.float64],
    members: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
) -> npt.NDArray[np.uint32]:
    """The best row of each 128-bit hash; rows of one hash share a bucket, and few other rows are there.

    `members` is overwritten.
    """
    result = np.empty(len(text_hash), np.uint32)
    for row in range(len(text_hash)):
        result[row] = row
    for bucket in range(len(starts) - 1):
        first = starts[bucket]
        end = starts[bucket + 1]
        while first < end:
            high = text_hash[members[first], 0]
            low = text_hash[members[first], 1]
            best = members[first]
            for k in range(first + 1, end):
                row = members[k]
                # Rows ascend, so an equal priority leaves the smaller index in place.
                if (
                    text_hash[row, 0] == high
                    and text_hash[row, 1] == low
                    and _without_nan(priority[row]) > _without_nan(priority[best])
                ):
                    best = row
            others = first
            for k in range(first, end):
                row = members[k]
                if text_hash[row, 0] == high and text_hash[row, 1] == low:
                    result[row] = best
                else:
                    members[others] = row
                    others += 1
            end = others
    return result
