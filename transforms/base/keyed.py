"""Randomness as keyed BLAKE2b of an identity: the same whatever the order, the worker and the time."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from transforms.base.fields import Field, packed
from transforms.base.keyed_kernel import hash_identities, state_after_key
from transforms.planting.sealing.key import Key

_WORDS = 4


def keyed_hash(key: Key, domain: str, *identity: Field, size: int = 8) -> bytes:
    """BLAKE2b of the packed domain and identity under `key`, `size` bytes (1 to 64)."""
    message = packed(domain, *identity)
    return key.apply(lambda raw: hashlib.blake2b(message, key=raw, digest_size=size).digest())


def uniform(key: Key, domain: str, *identity: Field, below: int) -> int:
    """A uniform integer in 0 .. below - 1, by rejection (no modulo).

    Raises:
        ValueError: unless 1 <= below <= 2**64.
    """
    if not 1 <= below <= 1 << 64:
        raise ValueError(f"below {below}: give 1 to 2**64")
    counter = 0
    while True:
        found = first_below(keyed_hash(key, domain, *identity, counter, size=8 * _WORDS), below)
        if found is not None:
            return found
        counter += 1


def first_below(block: bytes, below: int) -> int | None:
    """The first of the block's 64-bit words (big-endian) whose leading bits are a number under `below`.

    Of each word as many leading bits are used as `below - 1` has, so that at least half of all words are accepted.
    """
    bits = (below - 1).bit_length()
    for at in range(0, len(block), 8):
        value = int.from_bytes(block[at : at + 8], "big") >> (64 - bits)
        if value < below:
            return value
    return None


def priorities(key: Key, domain: str, *fixed: Field, identities: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """`keyed_hash(key, domain, *fixed, identity)` as a big-endian integer, for each of many identities (uint64).

    Raises:
        ValueError: if domain and fixed fields, each with its length, take more than 112 bytes.
    """
    prefix = packed(domain, *fixed, b"")[:-8] + (8).to_bytes(8, "big")
    if len(prefix) > 120:
        raise ValueError(f"domain and fixed fields take {len(prefix) - 8} bytes; 112 are the most")
    state = key.apply(lambda raw: state_after_key(raw, 8))
    block = np.frombuffer(prefix.ljust(128, b"\0"), np.uint64).copy()
    return hash_identities(state, block, len(prefix), np.ascontiguousarray(identities, np.uint64))


def permutation(key: Key, domain: str, *identity: Field, size: int) -> NDArray[np.int64]:
    """A random order of 0 .. size - 1 (int64): by priority; equal priorities, one pair in 2**64, keep their order."""
    order = priorities(key, domain, *identity, identities=np.arange(size, dtype=np.uint64))
    return np.argsort(order, kind="stable")
