"""Randomness as keyed hashes of identities: the same whatever the order, the worker and the time.

An identity is a sequence of fields (a unit's id, a document's address, the number of a copy), each hashed behind its
length. Sampling takes a number for each token of millions: it draws from a counter-based stream (`streams`), whose key
is the keyed hash of what the stream is for.
"""

import hashlib
import secrets
import struct
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_EIGHT = struct.Struct(">Q")
KEY_BYTES = 32
Field = str | bytes | int


def packed(*fields: Field) -> bytes:
    """Each field as its length (8 bytes, big-endian) and its bytes.

    Text is UTF-8 as it is, without normalisation; an integer is its 8 bytes, big-endian.

    Raises:
        struct.error: for an integer below 0 or above 2**64 - 1.
    """
    parts = []
    for field in fields:
        if isinstance(field, str):
            data = field.encode()
        elif isinstance(field, int):
            data = _EIGHT.pack(field)
        else:
            data = field
        parts.append(_EIGHT.pack(len(data)))
        parts.append(data)
    return b"".join(parts)


def digest(domain: str, *fields: Field) -> bytes:
    """SHA-256 of the packed domain and fields, 32 bytes."""
    return hashlib.sha256(packed(domain, *fields)).digest()


def new_key(seed: str | None) -> bytes:
    """32 bytes from the operating system, or derived from a seed: then whoever has the seed can repeat everything."""
    if seed is None:
        return secrets.token_bytes(KEY_BYTES)
    return hashlib.blake2b(seed.encode(), digest_size=KEY_BYTES, person=b"trapline/seed").digest()


def keyed(key: bytes, domain: str, *identity: str | int, size: int = 8) -> bytes:
    """BLAKE2b of the packed domain and identity, integers in decimal, under a key of up to 64 bytes: `size` bytes."""
    message = packed(domain, *map(str, identity))
    return hashlib.blake2b(message, key=key, digest_size=size).digest()


def keyed_order(key: bytes, domain: str, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Distinct texts in the order of their keyed hashes: int64 indices. The order in which they are given is lost."""
    values = np.array([int.from_bytes(keyed(key, domain, text), "big") for text in texts], np.uint64)
    return np.lexsort((np.arange(len(values)), values))


def numbers(key: bytes, domain: str, *identity: Field, count: int) -> npt.NDArray[np.uint64]:
    """Uniform numbers of one identity: SHAKE-256 of the key, then the packed domain and identity, read big-endian.

    Number k depends on k and not on `count`. All keys must have the same length: nothing separates them from the rest.

    Returns:
        uint64[count].
    """
    data = hashlib.shake_256(key + packed(domain, *identity)).digest(8 * count)
    return np.frombuffer(data, ">u8").astype(np.uint64)


def numbers_of(
    key: bytes, domain: str, identities: Sequence[str], counts: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint64]:
    """`numbers` of many identities of one field, so many (int64[n]) of each, one after the other.

    Returns:
        uint64[counts.sum()].
    """
    begin = key + packed(domain)
    hashes = (hashlib.shake_256(begin + packed(one)) for one in identities)
    data = b"".join(hashed.digest(8 * count) for hashed, count in zip(hashes, counts.tolist(), strict=True))
    return np.frombuffer(data, ">u8").astype(np.uint64)


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
