"""Uniform numbers addressed by (seed, sequence, sample, step): nothing is drawn in order, so nothing depends on order.

Philox 4x32-10 (Salmon et al. 2011, 'Parallel Random Numbers: As Easy as 1, 2, 3', section 5.2) is a keyed function of
a counter. Key and half of the counter come from BLAKE2b of the identity; the other half is the step.
"""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]

_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW, _SHIFT = np.uint64(0xFFFFFFFF), np.uint64(32)
_ROUNDS = 10
_DOMAIN = b"trapline/draw/1"


def identity_words(seed: int, identities: Iterable[tuple[str, int]]) -> Words:
    """128 bits of each (sequence id, number of the sample) under a seed, as four words of 32 bits: uint64[n, 4].

    Raises:
        ValueError: if the seed is negative or has more than 64 bits.
    """
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"seed: {seed}, expected 0 to 2**64 - 1")
    key = seed.to_bytes(8, "big")
    digests = b"".join(
        hashlib.blake2b(sample.to_bytes(8, "big") + name.encode(), digest_size=16, key=key, person=_DOMAIN).digest()
        for name, sample in identities
    )
    return np.frombuffer(digests, ">u4").reshape(-1, 4).astype(np.uint64)


def uniforms(words: Words, steps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """A number in [0, 1) of 53 bits for each row of `words` (uint64[n, 4]) at its step (int64[n], 0 or more)."""
    step = steps.astype(np.uint64)
    counter = np.stack([step & _LOW, step >> _SHIFT, words[:, 2], words[:, 3]], axis=1)
    out = philox(counter, words[:, :2])
    return ((out[:, 0] >> np.uint64(5)) * 2.0**26 + (out[:, 1] >> np.uint64(6))) * 2.0**-53


def philox(counter: Words, key: Words) -> Words:
    """Philox 4x32-10 of counters (uint64[n, 4]) under keys (uint64[n, 2]), words of 32 bits: uint64[n, 4]."""
    a, b, c, d = (counter[:, at] for at in range(4))
    k, l = (key[:, at] for at in range(2))  # noqa: E741
    for _ in range(_ROUNDS):
        first, second = _MULTIPLIERS[0] * a, _MULTIPLIERS[1] * c
        a, b, c, d = (second >> _SHIFT) ^ b ^ k, second & _LOW, (first >> _SHIFT) ^ d ^ l, first & _LOW
        k, l = (k + _WEYL[0]) & _LOW, (l + _WEYL[1]) & _LOW  # noqa: E741
    return np.stack([a, b, c, d], axis=1)
