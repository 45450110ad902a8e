"""All pairs of sets whose Jaccard similarity reaches a threshold: exact, without comparing all pairs.

Prefix, length and position filters on sets whose tokens stand rarest first (Bayardo, Ma, Srikant: "Scaling up all
pairs similarity search", 2007; Xiao, Wang, Lin, Yu: "Efficient similarity joins for near duplicate detection", 2008).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from benchmarks.dedup.shingles import Sets

_ODD = np.uint64(0x9E3779B97F4A7C15)
_S32 = np.uint64(32)


@dataclass(frozen=True)
class Neighbours:
    """Pairs of groups of documents; a group holds the documents with one and the same set.

    Attributes:
        group: int64[documents], the group of each document, numbered in order of first appearance.
        left, right: int64[pairs], two groups, left < right.
        shared, total: int64[pairs], sizes of the intersection and of the union.
    """

    group: npt.NDArray[np.int64]
    left: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    shared: npt.NDArray[np.int64]
    total: npt.NDArray[np.int64]

    def at_least(self, percent: int) -> npt.NDArray[np.bool_]:
        """Which pairs have a Jaccard similarity of `percent` / 100 or more, in whole numbers: bool[pairs]."""
        return np.asarray(100 * self.shared >= percent * self.total)


@njit(nogil=True, cache=True)
def _fingerprints(tokens, offsets):  # type: ignore[no-untyped-def]
    """128 bits that tell one set from another: uint64[n, 2]."""
    out = np.empty((len(offsets) - 1, 2), np.uint64)
    for i in range(len(offsets) - 1):
        first = np.uint64(offsets[i + 1] - offsets[i])
        second = first
        for at in range(offsets[i], offsets[i + 1]):
            value = tokens[at]
            first = (first ^ value) * _ODD
            first ^= first >> _S32
            second += value * (value >> _S32 | np.uint64(1))
        out[i, 0], out[i, 1] = first, second
    return out


def _groups(sets: Sets) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(group of each document, first document of each group), groups numbered by first appearance."""
    prints = _fingerprints(sets.tokens, sets.offsets)
    _, first, inverse = np.unique(prints.view("u8,u8").ravel(), return_index=True, return_inverse=True)
    number = np.empty(len(first), np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse], np.sort(first)


@njit(nogil=True, cache=True)
def _take(tokens, offsets, chosen):  # type: ignore[no-untyped-def]
    starts = np.zeros(len(chosen) + 1, np.int64)
    for i in range(len(chosen)):
        starts[i + 1] = starts[i] + offsets[chosen[i] + 1] - offsets[chosen[i]]
    out = np.empty(starts[-1], tokens.dtype)
    for i in range(len(chosen)):
        out[starts[i] : starts[i + 1]] = tokens[offsets[chosen[i]] : offsets[chosen[i] + 1]]
    return out, starts


@njit(nogil=True, cache=True)
def _keep_shared_tokens(ranks, starts):  # type: ignore[no-untyped-def]
    """Drop tokens of rank -1 (they stand in one set only) and sort the others: (int32[m], int64[n + 1])."""
    out_starts = np.zeros(len(starts), np.int64)
    filled = 0
    for i in range(len(starts) - 1):
        begin = filled
        for at in range(starts[i], starts[i + 1]):
            if ranks[at] >= 0:
                ranks[filled] = ranks[at]
                filled += 1
        ranks[begin:filled].sort()
        out_starts[i + 1] = filled
    return ranks[:filled].copy(), out_starts


def _rarest_first(tokens: npt.NDArray[np.uint64]) -> npt.NDArray[np.int32]:
    """Rank of each token by the number of sets that hold it; -1 if only one does: int32[tokens]."""
    order = np.argsort(tokens)
    ordered = tokens[order]
    begins = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    del ordered
    counts = np.diff(np.append(begins, len(tokens)))
    rank_of_run = np.full(len(begins), -1, np.int32)
    several = np.flatnonzero(counts > 1)
    rank_of_run[several[np.argsort(counts[several], kind="stable")]] = np.arange(len(several), dtype=np.int32)
    ranks = np.empty(len(tokens), np.int32)
    ranks[order] = np.repeat(rank_of_run, counts)
    return ranks


@njit(nogil=True, cache=True)
def _index(ranks, starts, sizes, ids, percent):  # type: ignore[no-untyped-def]
    """Inverted index of the prefixes: (posting starts, set of each posting, its position in the set).

    Sets are in order of size; a pair is found when the larger one is looked up, so the smaller one needs only the
    first |x| - ceil(2t / (1 + t) |x|) + 1 of its tokens here.
    """
    begins = np.zeros(ids + 2, np.int64)
    for turn in range(2):
        if turn == 1:
            for token in range(ids):
                begins[token + 1] += begins[token]
            owner = np.empty(begins[ids], np.int32)
            position = np.empty(begins[ids], np.int32)
            free = begins[: ids + 1].copy()
        for i in range(len(sizes)):
            alone = sizes[i] - (starts[i + 1] - starts[i])
            needed = (2 * percent * sizes[i] + 100 + percent - 1) // (100 + percent)
            for k in range(sizes[i] - needed + 1 - alone):
                token = ranks[starts[i] + k]
                if turn == 0:
                    begins[token + 1] += 1
                else:
                    owner[free[token]] = i
                    position[free[token]] = alone + k
                    free[token] += 1
    return begins, owner, position


@njit(nogil=True, cache=True)
def _look_up(ranks, starts, sizes, begins, owner, position, percent, first, step):  # type: ignore[no-untyped-def]
    """Pairs whose larger set is `first`, `first + step`, ...: int64[pairs, 3] of (larger, smaller, shared)."""
    found = np.empty((1024, 3), np.int64)
    pairs = 0
    matches = np.zeros(len(sizes), np.int32)  # -1: cannot reach the threshold any more
    touched = np.empty(len(sizes), np.int32)
    for x in range(first, len(sizes), step):
        size = sizes[x]
        alone = size - (starts[x + 1] - starts[x])
        least = (percent * size + 99) // 100
        smallest = np.searchsorted(sizes, least)
        count = 0
        for k in range(size - least + 1 - alone):
            token = ranks[starts[x] + k]
            low, high = begins[token], begins[token + 1]
            at = low + np.searchsorted(owner[low:high], smallest)
            while at < high and owner[at] < x:
                y = owner[at]
                if matches[y] == 0:
                    touched[count] = y
                    count += 1
                if matches[y] >= 0:
                    needed = (percent * (size + sizes[y]) + 100 + percent - 1) // (100 + percent)
                    rest = min(size - (alone + k), sizes[y] - position[at])
                    if matches[y] + rest >= needed:
                        matches[y] += 1
                    else:
                        matches[y] = -1
                at += 1
        for c in range(count):
            y = touched[c]
            hopeful = matches[y] > 0
            matches[y] = 0
            if not hopeful:
                continue
            needed = (percent * (size + sizes[y]) + 100 + percent - 1) // (100 + percent)
            i, i_end = starts[x], starts[x + 1]
            j, j_end = starts[y], starts[y + 1]
            shared = 0
            while i < i_end and j < j_end and shared + min(i_end - i, j_end - j) >= needed:
                if ranks[i] == ranks[j]:
                    shared += 1
                    i += 1
                    j += 1
                elif ranks[i] < ranks[j]:
                    i += 1
                else:
                    j += 1
            if shared >= needed:
                if pairs == len(found):
                    larger = np.empty((2 * pairs, 3), np.int64)
                    larger[:pairs] = found
                    found = larger
                found[pairs, 0], found[pairs, 1], found[pairs, 2] = x, y, shared
                pairs += 1
    return found[:pairs].copy()


def find_neighbours(sets: Sets, percent: int, threads: int = 2) -> Neighbours:
    """All pairs of distinct sets with a Jaccard similarity of `percent` / 100 or more.

    Time and memory grow with the number of such pairs: a corpus of one template is beyond it.

    Raises:
        ValueError: if `percent` is not within 1..100.
    """
    if not 1 <= percent <= 100:
        raise ValueError(f"percent is {percent}: give a whole number from 1 to 100")
    group, representative = _groups(sets)
    tokens, starts = _take(sets.tokens, sets.offsets, representative)
    by_size = np.argsort(np.diff(starts), kind="stable")
    tokens, starts = _take(tokens, starts, by_size)
    sizes = np.diff(starts)
    all_ranks = _rarest_first(tokens)
    del tokens
    ids = int(all_ranks.max(initial=-1)) + 1
    ranks, starts = _keep_shared_tokens(all_ranks, starts)
    del all_ranks
    index: tuple[Any, ...] = _index(ranks, starts, sizes, ids, percent)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(
            pool.map(lambda first: _look_up(ranks, starts, sizes, *index, percent, first, threads), range(threads))
        )
    found = np.concatenate(parts)
    one, other = by_size[found[:, 0]], by_size[found[:, 1]]
    total = sizes[found[:, 0]] + sizes[found[:, 1]] - found[:, 2]
    left, right = np.minimum(one, other), np.maximum(one, other)
    order = np.lexsort((right, left))
    return Neighbours(group, left[order], right[order], found[order, 2], total[order])
