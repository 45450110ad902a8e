"""Merkle tree hashes and inclusion proofs of RFC 6962 (section 2.1) with SHA-256."""

import hashlib
from collections.abc import Sequence


def leaf_hash(data: bytes) -> bytes:
    """Hash of a leaf: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of an inner node: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class MerkleTree:
    """The tree over a sequence of leaves, each any bytes.

    RFC 6962 splits at the largest power of two below the number of leaves. That is the same as pairing neighbours
    level by level and carrying an odd last one up as it is.
    """

    def __init__(self, leaves: Sequence[bytes]) -> None:
        level = [leaf_hash(leaf) for leaf in leaves]
        self._levels = [level]
        while len(level) > 1:
            neighbours = iter(level)
            pairs = [node_hash(left, right) for left, right in zip(neighbours, neighbours, strict=False)]
            level = pairs + level[len(level) & ~1 :]
            self._levels.append(level)

    @property
    def root(self) -> bytes:
        """The tree's hash, 32 bytes; of an empty tree the hash of nothing."""
        return self._levels[-1][0] if self._levels[0] else hashlib.sha256().digest()

    def path(self, index: int) -> list[bytes]:
        """The audit path of leaf `index`: hashes of 32 bytes, from the leaf upwards.

        Raises:
            IndexError: if there is no such leaf.
        """
        if not 0 <= index < len(self._levels[0]):
            raise IndexError(f"leaf {index} of {len(self._levels[0])}")
        found = []
        for level in self._levels[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                found.append(level[sibling])
            index >>= 1
        return found


def root_from_path(leaf: bytes, index: int, leaves: int, path: Sequence[bytes]) -> bytes | None:
    """The root to which `path` leads from the bytes of leaf `index` of `leaves`; None if no path has that shape.

    The algorithm is that of RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < leaves:
        return None
    at, last, found = index, leaves - 1, leaf_hash(leaf)
    for sibling in path:
        if last == 0:
            return None
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return found if last == 0 else None
