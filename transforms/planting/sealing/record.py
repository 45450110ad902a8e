"""The content of `seal.json`: what was sealed, for finding later which file or field differs. Secret."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.public_randomness import Declared


@dataclass(frozen=True, repr=False)
class SealRecord:
    """What the commitment binds through its record hash."""

    campaign: int
    previous: bytes
    leaves: int
    randomness: Declared
    key_check: bytes
    """Tells whether a key is the one of this seal, and nothing more."""
    plan: Mapping[str, Any]
    """The content of `plan.json`, to name a field that differs."""
    files: Mapping[str, bytes]
    """SHA-256 of each sealed file by its name."""

    def to_bytes(self) -> bytes:
        """The document."""
        content = {
            "campaign": self.campaign,
            "previous": self.previous.hex(),
            "leaves": self.leaves,
            "randomness": self.randomness.to_json(),
            "key_check": self.key_check.hex(),
            "plan": dict(self.plan),
            "files": {name: digest.hex() for name, digest in self.files.items()},
        }
        return to_bytes("seal", 1, content)

    @classmethod
    def parse(cls, data: bytes) -> "SealRecord":
        """Read the document.

        Raises:
            DocumentError: if it is none.
        """
        content = parse("seal", 1, data)
        numbers, texts = dict.fromkeys(("campaign", "leaves"), int), dict.fromkeys(("previous", "key_check"), str)
        fields(content, {**numbers, **texts, **dict.fromkeys(("randomness", "plan", "files"), dict)})
        if not all(isinstance(digest, str) for digest in content["files"].values()):
            raise DocumentError("field 'files' has the wrong type")
        return cls(
            campaign=content["campaign"],
            previous=hexadecimal(content["previous"], "previous", 32) if content["previous"] else b"",
            leaves=content["leaves"],
            randomness=Declared.from_json(content["randomness"]),
            key_check=hexadecimal(content["key_check"], "key_check", 32),
            plan=content["plan"],
            files={name: hexadecimal(digest, "files", 32) for name, digest in content["files"].items()},
        )


def key_check(key: Key) -> bytes:
    """What `seal.json` holds of the key, 32 bytes."""
    return key.hmac("trapline/v1/key-check")


def file_hashes(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """SHA-256 of each file's bytes."""
    return {name: hashlib.sha256(data).digest() for name, data in files.items()}
