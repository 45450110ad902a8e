"""Random numbers that depend on what they are for: one stream per key and purpose, in any order, on any worker.

A stream is SplitMix64 (Steele, Lea and Flood, 'Fast splittable pseudorandom number generators', OOPSLA 2014) from a
start that hashes the number of an item under a key of its purpose, so that drawing more or fewer numbers for one
purpose changes nothing else. Numba's cache on disk does not notice an edit here: remove the `__pycache__` folders
after one.
"""

import numpy as np

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.keyed import keyed

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 divided by the golden ratio, made odd: the step between the states of a stream."""

_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def stream_key(seed: bytes, purpose: str, *identity: str | int) -> np.uint64:
    """The key of all streams of one purpose, from a seed of at most 64 bytes."""
    return np.uint64(int.from_bytes(keyed(seed, purpose, *identity), "big"))


@inline_kernel
def mix(word: np.uint64) -> np.uint64:
    """SplitMix64's finaliser: a bijection of 64 bits in which every input bit moves every output bit."""
    word = np.uint64(word)
    word = (word ^ (word >> np.uint64(30))) * _FIRST
    word = (word ^ (word >> np.uint64(27))) * _SECOND
    return word ^ (word >> np.uint64(31))


@kernel
def stream_start(key: np.uint64, index: int) -> np.uint64:
    """Where the stream of item `index` begins, under the key of its purpose."""
    return mix(mix(np.uint64(key) + GOLDEN) ^ mix(np.uint64(index) * GOLDEN + _FIRST))


@kernel
def stream_word(start: np.uint64, counter: int) -> np.uint64:
    """Number `counter` (from 0) of a stream: 64 uniform bits."""
    return mix(np.uint64(start) + (np.uint64(counter) + np.uint64(1)) * GOLDEN)


@kernel
def below(word: np.uint64, bound: int) -> int:
    """A number in 0 .. bound - 1 from 64 uniform bits, for bounds up to 2^32 (the bias is under bound / 2^32).

    The high 32 bits are multiplied and shifted (Lemire, 'Fast random integer generation in an interval', 2019).
    """
    # Numba keeps an unsigned integer unsigned through `int`, and would make a float of its sum with a signed one.
    return int(np.int64(((np.uint64(word) >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)))
