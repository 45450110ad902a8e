"""The byte format of docs/formats/commitment.md once more, from its text alone and without the product's code."""

import hashlib
import hmac
import json
from typing import Any


def lp(*fields: str | bytes | int) -> bytes:
    out = b""
    for field in fields:
        data = field.encode() if isinstance(field, str) else field
        data = data.to_bytes(8, "big") if isinstance(data, int) else data
        out += len(data).to_bytes(8, "big") + data
    return out


def sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def unit_bytes(unit: dict[str, Any]) -> bytes:
    out = lp("trapline/v1/unit", unit["id"], unit["kind"], unit["stratum"], unit["dose"], len(unit["candidates"]))
    for one in unit["candidates"]:
        out += lp(one["id"], one["text"], len(one["columns"]))
        for name, kind, value in one["columns"]:
            out += lp(name, kind, value)
    return out


def leaf_bytes(unit: dict[str, Any], salt: bytes, seed: bytes) -> bytes:
    return sha(lp("trapline/v1/leaf", salt, unit_bytes(unit), sha(seed)))


def mth(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word by word."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return sha(b"\x00" + leaves[0])
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + mth(leaves[:k]) + mth(leaves[k:]))


def audit_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """RFC 6962, section 2.1.1, word by word."""
    if len(leaves) == 1:
        return []
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    if m < k:
        return [*audit_path(m, leaves[:k]), mth(leaves[k:])]
    return [*audit_path(m - k, leaves[k:]), mth(leaves[:k])]


def root_of(leaf: bytes, m: int, n: int, path: list[bytes]) -> bytes:
    """The root, by walking the tree's shape from the top."""
    if n == 1:
        assert path == []
        return sha(b"\x00" + leaf)
    k = 1
    while k * 2 < n:
        k *= 2
    if m < k:
        return sha(b"\x01" + root_of(leaf, m, k, path[:-1]) + path[-1])
    return sha(b"\x01" + path[-1] + root_of(leaf, m - k, n - k, path[:-1]))


def commitment_root(commitment: dict[str, Any]) -> bytes:
    decides = commitment["randomness"]
    fields = [bytes.fromhex(commitment[name]) for name in ("tree_root", "plan_hash", "record_hash")]
    return sha(
        lp(
            "trapline/v1/root",
            commitment["leaves"],
            *fields,
            commitment["campaign"],
            bytes.fromhex(commitment["previous"]),
            lp(decides["kind"], decides["name"], decides["round"]),
        )
    )


def arm(seed: bytes, randomness: bytes, root: bytes, candidates: int) -> int:
    bits, counter = (candidates - 1).bit_length(), 0
    while True:
        block = hmac.new(seed, lp("trapline/v1/draw", randomness, root, counter), hashlib.sha256).digest()
        for at in range(0, 32, 8):
            number = int.from_bytes(block[at : at + 8], "big") >> (64 - bits)
            if number < candidates:
                return number
        counter += 1


def check_reveal(reveal: bytes, commitment: bytes, randomness: bytes) -> dict[int, tuple[str, str]]:
    """Id of the unit and text of the planted candidate by leaf; an AssertionError if anything does not hold."""
    public, proofs = json.loads(commitment), json.loads(reveal)
    root = commitment_root(public)
    assert root.hex() == public["root"] == proofs["root"]
    found = {}
    for one in proofs["units"]:
        seed, salt = bytes.fromhex(one["seed"]), bytes.fromhex(one["salt"])
        path = [bytes.fromhex(hash_) for hash_ in one["path"]]
        leaf = leaf_bytes(one["unit"], salt, seed)
        assert root_of(leaf, one["leaf"], public["leaves"], path).hex() == public["tree_root"]
        drawn = arm(seed, randomness, root, len(one["unit"]["candidates"]))
        assert drawn == one["arm"]
        found[one["leaf"]] = (one["unit"]["id"], one["unit"]["candidates"][drawn]["text"])
    if proofs["plan"]:
        salted = sha(lp("trapline/v1/plan", bytes.fromhex(proofs["plan_salt"]), proofs["plan"].encode()))
        assert salted.hex() == public["plan_hash"]
    return found
