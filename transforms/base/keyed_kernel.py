"""BLAKE2b (RFC 7693) of many short messages under one key: one compression each.

With a key, BLAKE2b first compresses a block that holds nothing but the key. The state after it is the same for all
messages; a message of up to 128 bytes then takes one more compression.
"""

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import kernel

# RFC 7693, section 2.6 (the initial state, that of SHA-512) and 2.7 (the message schedule).
_IV = np.array(
    [
        0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
        0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179,
    ],
    np.uint64,
)  # fmt: skip
_SIGMA = np.array(
    [
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
        [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
        [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
        [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
        [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
        [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
        [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
        [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
        [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
    ],
    np.int64,
)
# Columns and diagonals of the 4 x 4 working state.
_LANES = np.array(
    [[0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
     [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14]],
    np.int64,
)  # fmt: skip


@kernel
def _rotate(word: np.uint64, by: int) -> np.uint64:
    return (word >> np.uint64(by)) | (word << np.uint64(64 - by))


@kernel
def _compress(h: NDArray[np.uint64], m: NDArray[np.uint64], count: int, last: bool, v: NDArray[np.uint64]) -> None:
    """Mix block `m` (16 words) into the state `h` (8 words); `v` (16 words) is room to work in."""
    for i in range(8):
        v[i] = h[i]
        v[i + 8] = _IV[i]
    v[12] ^= np.uint64(count)
    if last:
        v[14] = ~v[14]
    for turn in range(12):
        order = _SIGMA[turn % 10]
        for lane in range(8):
            a, b, c, d = _LANES[lane, 0], _LANES[lane, 1], _LANES[lane, 2], _LANES[lane, 3]
            v[a] = v[a] + v[b] + m[order[2 * lane]]
            v[d] = _rotate(v[d] ^ v[a], 32)
            v[c] = v[c] + v[d]
            v[b] = _rotate(v[b] ^ v[c], 24)
            v[a] = v[a] + v[b] + m[order[2 * lane + 1]]
            v[d] = _rotate(v[d] ^ v[a], 16)
            v[c] = v[c] + v[d]
            v[b] = _rotate(v[b] ^ v[c], 63)
    for i in range(8):
        h[i] ^= v[i] ^ v[i + 8]


@kernel
def _after_key(key: NDArray[np.uint64], key_bytes: int, digest_bytes: int) -> NDArray[np.uint64]:
    h = _IV.copy()
    h[0] ^= np.uint64(0x01010000 | key_bytes << 8 | digest_bytes)
    _compress(h, key, 128, False, np.empty(16, np.uint64))
    return h


@kernel
def _swap(word: np.uint64) -> np.uint64:
    """The bytes of a word in the other order."""
    out = np.uint64(0)
    for _ in range(8):
        out = (out << np.uint64(8)) | (word & np.uint64(255))
        word = word >> np.uint64(8)
    return out


@kernel
def hash_identities(
    state: NDArray[np.uint64], prefix: NDArray[np.uint64], prefix_bytes: int, identities: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Hash prefix || identity (8 bytes, big-endian) from `state`; returns the first 8 bytes as big-endian integers.

    Args:
        state: 8 words, from `state_after_key`.
        prefix: 16 words (little-endian) that hold the prefix, zero after it.
        prefix_bytes: length of the prefix, at most 120.
        identities: any number of words.
    """
    out = np.empty(len(identities), np.uint64)
    h, m, v = np.empty(8, np.uint64), np.empty(16, np.uint64), np.empty(16, np.uint64)
    at, shift = prefix_bytes // 8, np.uint64(8 * (prefix_bytes % 8))
    for i in range(len(identities)):
        h[:] = state
        m[:] = prefix
        word = _swap(identities[i])
        m[at] |= word << shift
        if shift:
            m[at + 1] |= word >> (np.uint64(64) - shift)
        _compress(h, m, 128 + prefix_bytes + 8, True, v)
        out[i] = _swap(h[0])
    return out


def state_after_key(key: bytes, digest_bytes: int) -> NDArray[np.uint64]:
    """BLAKE2b's state (8 words) once it has taken in a key of 1 to 64 bytes, for digests of `digest_bytes`."""
    state: NDArray[np.uint64] = _after_key(np.frombuffer(key.ljust(128, b"\0"), np.uint64), len(key), digest_bytes)
    return state
