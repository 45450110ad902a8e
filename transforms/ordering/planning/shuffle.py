"""A keyed shuffle of row numbers: the order of their keyed hashes."""

import numpy as np
import numpy.typing as npt

from transforms.base.keyed import numbers

_BLOCK = 1 << 20
"""Rows whose words come from one call of SHAKE-256; a part of the definition."""

Rows = npt.NDArray[np.int64]


def words(key: bytes, domain: str, count: int) -> npt.NDArray[np.uint64]:
    """A uniform word for each of the numbers 0 to `count` - 1, uint64[count].

    Word i is number i mod 2**20 of `transforms.base.keyed.numbers` for the identity i // 2**20.
    """
    found = np.empty(count, np.uint64)
    for block, begin in enumerate(range(0, count, _BLOCK)):
        own = found[begin : begin + _BLOCK]
        own[:] = numbers(key, domain, block, count=len(own))
    return found


def shuffled(key: bytes, domain: str, count: int) -> Rows:
    """The numbers 0 to `count` - 1 in the order of their words, of equal words the smaller first: int64[count]."""
    return np.argsort(words(key, domain, count), kind="stable")
