"""Randomness as keyed hashes of identities: of a text, a document's address, the number of a sequence and a place.

Choices of whole candidates are keyed BLAKE2b. Sampling takes one number for each token of millions, from the
counter-based generator of `sample_kernel`, whose streams are keyed by BLAKE2b of what they are for.
"""

import hashlib
import secrets
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

KEY_BYTES = 32


def new_key(seed: str | None) -> bytes:
    """32 bytes from the operating system, or derived from a seed: then whoever has the seed can repeat everything."""
    if seed is None:
        return secrets.token_bytes(KEY_BYTES)
    return hashlib.blake2b(seed.encode(), digest_size=KEY_BYTES, person=b"trapline/seed").digest()


def keyed(key: bytes, domain: str, *identity: str | int, size: int = 8) -> bytes:
    """BLAKE2b of the domain and the identity, each field with its length in front, under the key: `size` bytes."""
    fields = [str(field).encode() for field in (domain, *identity)]
    message = b"".join(len(field).to_bytes(8, "big") + field for field in fields)
    return hashlib.blake2b(message, key=key, digest_size=size).digest()


def stream(key: bytes, domain: str, *identity: str | int) -> np.uint64:
    """The key of a stream of the counter-based generator."""
    return np.uint64(int.from_bytes(keyed(key, domain, *identity), "big"))


def keyed_order(key: bytes, domain: str, texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Distinct texts in the order of their keyed hashes: int64 indices. The order in which they are given is lost."""
    values = np.array([int.from_bytes(keyed(key, domain, text), "big") for text in texts], np.uint64)
    return np.lexsort((np.arange(len(values)), values))
