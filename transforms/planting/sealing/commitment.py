"""The public commitment: what binds probes, plan and the source of randomness, and tells nothing of them."""

import hashlib
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes
from transforms.base.keyed import digest
from transforms.planting.sealing.public_randomness import Declared

NAME, VERSION = "commitment", 1
_HASHES = ("tree_root", "plan_hash", "record_hash")


@dataclass(frozen=True)
class Commitment:
    """The content of `commitment.json`; its root binds every other field."""

    campaign: int
    """Number of the campaign, 1 for the first of a chain."""
    previous: bytes
    """SHA-256 of the previous campaign's `commitment.json`; empty for the first."""
    leaves: int
    """Leaves of the tree: one a unit."""
    tree_root: bytes
    """RFC 6962 root over the units."""
    plan_hash: bytes
    """Salted hash of `plan.json`."""
    record_hash: bytes
    """Salted hash of `seal.json`, which lists the secret files with their hashes."""
    randomness: Declared
    """What will decide the draw."""

    @property
    def root(self) -> bytes:
        """The one hash that stands for all of it, 32 bytes."""
        return digest(
            "trapline/v1/root",
            self.leaves,
            self.tree_root,
            self.plan_hash,
            self.record_hash,
            self.campaign,
            self.previous,
            self.randomness.packed,
        )

    def to_bytes(self) -> bytes:
        """The document `commitment.json`."""
        content = {name: getattr(self, name).hex() for name in ("root", "previous", *_HASHES)}
        content |= {"campaign": self.campaign, "leaves": self.leaves, "randomness": self.randomness.to_json()}
        return to_bytes(NAME, VERSION, content)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the document: what the next campaign's commitment and a timestamp refer to."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def parse(cls, data: bytes) -> "Commitment":
        """Read `commitment.json`.

        Raises:
            DocumentError: if it is no commitment, or its root is not that of its fields.
        """
        found, root = cls.parse_unbound(data)
        if found.root != root:
            raise DocumentError("its root is not that of its other fields: one of them was changed")
        return found

    @classmethod
    def parse_unbound(cls, data: bytes) -> tuple["Commitment", bytes]:
        """Read `commitment.json` and the root that it states, which may not be that of its fields.

        Raises:
            DocumentError: if it is no commitment.
        """
        content = parse(NAME, VERSION, data)
        texts = dict.fromkeys(("root", "previous", *_HASHES), str)
        fields(content, {**texts, "campaign": int, "leaves": int, "randomness": dict})
        first = content["campaign"] == 1
        if content["campaign"] < 1 or not 1 <= content["leaves"] < 1 << 32 or first != (content["previous"] == ""):
            raise DocumentError("campaign, leaves and previous do not go together")
        hashes = {name: hexadecimal(content[name], name, 32) for name in _HASHES}
        return cls(
            campaign=content["campaign"],
            previous=b"" if first else hexadecimal(content["previous"], "previous", 32),
            leaves=content["leaves"],
            randomness=Declared.from_json(content["randomness"]),
            **hashes,
        ), hexadecimal(content["root"], "root", 32)

    def differing(self, other: "Commitment") -> Iterator[str]:
        """Names of the fields in which two commitments differ."""
        for name in ("campaign", "previous", "leaves", *_HASHES, "randomness"):
            if getattr(self, name) != getattr(other, name):
                yield name


def broken_chain(commitments: Sequence[tuple[str, Commitment]]) -> list[str]:
    """What is wrong with a chain of campaigns: (name for messages, commitment), in any order; empty if it holds."""
    problems = []
    ordered = sorted(commitments, key=lambda pair: pair[1].campaign)
    first_name, first = ordered[0]
    if first.campaign != 1:
        problems.append(f"{first_name}: is campaign {first.campaign}; the chain lacks those before it")
    for (before_name, before), (name, after) in itertools.pairwise(ordered):
        if after.campaign != before.campaign + 1:
            problems.append(f"{name}: is campaign {after.campaign}, after campaign {before.campaign} ({before_name})")
        elif after.previous != before.sha256:
            problems.append(f"{name}: field 'previous' is not the hash of {before_name}")
    return problems
