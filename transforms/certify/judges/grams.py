"""N-grams of words as slices of one text, and their hashes, without a loop over them in Python."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import repeat
from typing import Any


def slices_of(lengths: Sequence[int], n: int) -> Iterator[slice]:
    """Where the n-grams of words of these lengths are in the words joined by one character."""
    import numpy as np

    own = np.fromiter(lengths, np.int64, len(lengths))
    ends = np.cumsum(own + 1) - 1
    starts = (ends - own)[: max(0, len(own) - n + 1)]
    return map(slice, starts.tolist(), ends[n - 1 :].tolist())


def grams_of(words: Sequence[str], n: int) -> set[bytes]:
    """Different n-grams of some words, joined by spaces, in UTF-8; none of no words."""
    if not words:
        return set()
    text = " ".join(words)
    coded = text.encode()
    lengths = list(map(len, words)) if len(coded) == len(text) else [len(word.encode()) for word in words]
    return set(map(coded.__getitem__, slices_of(lengths, n)))


def hashed_grams(words: Sequence[str], n: int, hash_of: Callable[[str], int]) -> Any:
    """Hashes of all n-grams of some words, joined by spaces, in their order: uint64[k]."""
    import numpy as np

    many = max(0, len(words) - n + 1)
    text = " ".join(words)
    return np.fromiter(map(hash_of, map(text.__getitem__, slices_of(list(map(len, words)), n))), np.uint64, many)


def hashes_of(grams: Collection[bytes], seed: int) -> Any:
    """XXH3 of 64 bits of each: uint64[k]."""
    import numpy as np
    import xxhash

    return np.fromiter(map(xxhash.xxh3_64_intdigest, grams, repeat(seed)), np.uint64, len(grams))


_AT_ONCE = 128
"""Hashes that are permuted together, so that they stay in the cache of a core."""
_EXPONENT = 61


def least_permuted(hashes: Any, a: Any, b: Any, bits: int = 64) -> Any:
    """The least of the low bits of `(hash * a + b) mod (2^61 - 1)` over all hashes, for each pair of `a` and `b`.

    Products and sums are those of 64 bits, as the packages have them. Of a number x, x mod (2^61 - 1) follows from the
    61 low bits and the 3 high ones.

    Args:
        hashes: uint64[k], k at least 1.
        a: factors, uint64[permutations].
        b: terms, uint64[permutations].
        bits: how many low bits count.

    Returns:
        uint64[permutations].
    """
    import numpy as np

    prime, shift, mask = np.uint64((1 << _EXPONENT) - 1), np.uint64(_EXPONENT), np.uint64((1 << bits) - 1)
    least = np.full(len(a), mask, np.uint64)
    own, other = np.empty((2, _AT_ONCE, len(a)), np.uint64)
    for at in range(0, len(hashes), _AT_ONCE):
        some = hashes[at : at + _AT_ONCE].reshape(-1, 1)
        low, high = own[: len(some)], other[: len(some)]
        np.multiply(some, a, out=low)
        low += b
        np.right_shift(low, shift, out=high)
        low &= prime
        low += high
        np.subtract(low, prime, out=high)  # below zero it wraps around to what is larger
        np.minimum(low, high, out=low)
        low &= mask
        np.minimum(least, low.min(axis=0), out=least)
    return least


def repeated(hashes: Any) -> Any:
    """Which of some hashes are there more than once: bool[k]."""
    import numpy as np

    order = np.argsort(hashes)
    some = hashes[order]
    equal, found = some[1:] == some[:-1], np.zeros(len(hashes), np.bool_)
    found[order[1:][equal]] = True
    found[order[:-1][equal]] = True
    return found


def stood_before(hashes: Any) -> Any:
    """The places of hashes of which an equal one is before them: int64[k], in no order."""
    import numpy as np

    places = np.flatnonzero(repeated(hashes))
    some = hashes[places]
    order = np.argsort(some, kind="stable")
    return places[order[1:][some[order[1:]] == some[order[:-1]]]]
