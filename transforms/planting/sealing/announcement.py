"""The public statement of a draw, `drawn.json`: which value decided, and what shows where it came from.

It is published after the draw and before the data, and the second commitment binds it. Whoever draws again in another
copy of the secrets cannot show both statements: they name the same commitment and different values.
"""

import hashlib
from dataclasses import dataclass

from schemas.documents import DocumentError, fields, hexadecimal, parse, to_bytes
from transforms.base.errors import SealError
from transforms.planting.sealing.commitment import Commitment
from transforms.planting.sealing.public_randomness import Declared, Randomness

NAME, VERSION = "drawn", 1


@dataclass(frozen=True)
class Announcement:
    """The content of `drawn.json`, which tells nothing of the arms."""

    commitment: bytes
    """SHA-256 of `commitment.json`."""
    root: bytes
    """Of the commitment."""
    declared: Declared
    """What the seal said would decide."""
    randomness: Randomness
    """What decided."""
    response: str = ""
    """The beacon's own document, byte for byte; empty where only its output was given, and for a nonce."""
    certificate: str = ""
    """The certificates, in PEM, that go with the response."""

    @classmethod
    def of(
        cls, commitment: Commitment, randomness: Randomness, response: str = "", certificate: str = ""
    ) -> "Announcement":
        """The statement of a draw under a commitment."""
        return cls(commitment.sha256, commitment.root, commitment.randomness, randomness, response, certificate)

    @property
    def draw(self) -> tuple[bytes, bytes, Declared, Randomness]:
        """What two statements of one draw have in common, whatever evidence they carry."""
        return self.commitment, self.root, self.declared, self.randomness

    def to_bytes(self) -> bytes:
        """The document."""
        content = {
            "commitment": self.commitment.hex(),
            "root": self.root.hex(),
            "randomness": {**self.declared.to_json(), "value": self.randomness.value.hex()},
            "response": self.response,
            "certificate": self.certificate,
        }
        return to_bytes(NAME, VERSION, content)

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the document, which `planted.json` binds."""
        return hashlib.sha256(self.to_bytes()).digest()

    @classmethod
    def parse(cls, data: bytes) -> "Announcement":
        """Read the document.

        Raises:
            DocumentError: if it is none.
        """
        content = parse(NAME, VERSION, data)
        texts = dict.fromkeys(("commitment", "root", "response", "certificate"), str)
        fields(content, {**texts, "randomness": dict})
        stated = dict(content["randomness"])
        fields(stated, {"kind": str, "name": str, "round": int, "value": str})
        value = stated.pop("value")
        declared = Declared.from_json(stated)
        try:
            randomness = Randomness(declared.kind, hexadecimal(value, "value", len(value) // 2))
        except SealError:
            raise DocumentError("field 'value' does not suit its kind") from None
        return cls(
            hexadecimal(content["commitment"], "commitment", 32),
            hexadecimal(content["root"], "root", 32),
            declared,
            randomness,
            content["response"],
            content["certificate"],
        )
