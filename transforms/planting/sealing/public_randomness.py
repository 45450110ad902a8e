"""The public randomness that decides the draw: declared when the probes are sealed, known only later."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from schemas.documents import DocumentError, fields
from transforms.base.errors import SealError
from transforms.base.keyed import packed

Kind = Literal["beacon", "nonce", "self"]
_MOST_NAME, _LEAST_BYTES, _MOST_BYTES = 200, 16, 1024


@dataclass(frozen=True)
class Declared:
    """What will decide: a beacon's future round, a counterparty's nonce, or nothing but the holder's own key."""

    kind: Kind
    name: str = ""
    """Of the beacon or the counterparty."""
    round: int = 0
    """Of the beacon."""

    def __post_init__(self) -> None:
        """Check that what is declared suits its kind."""
        if self.kind not in get_args(Kind):
            raise SealError(f"the kind of randomness is one of {', '.join(get_args(Kind))}")
        named = bool(self.name.strip()) and len(self.name) <= _MOST_NAME
        if (self.kind == "self") != (not self.name) or (self.kind != "self" and not named):
            raise SealError(f"a beacon or a counterparty needs a name of at most {_MOST_NAME} characters")
        if (self.kind == "beacon") != (self.round >= 1) or self.round < 0 or self.round >= 1 << 63:
            raise SealError("a beacon needs the number of a future round, 1 or more; nothing else has one")

    @property
    def packed(self) -> bytes:
        """The bytes that the commitment's root binds."""
        return packed(self.kind, self.name, self.round)

    @property
    def in_words(self) -> str:
        """For people."""
        if self.kind == "beacon":
            return f"round {self.round} of the beacon {self.name!r}"
        return f"a nonce from {self.name!r}" if self.kind == "nonce" else "the holder's own key (self-attested)"

    def to_json(self) -> dict[str, Any]:
        """As it stands in `commitment.json`."""
        return {"kind": self.kind, "name": self.name, "round": self.round}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Declared":
        """Read what `to_json` wrote.

        Raises:
            DocumentError: if it is nothing of the kind.
        """
        fields(content, {"kind": str, "name": str, "round": int})
        try:
            return cls(**content)
        except SealError as error:
            raise DocumentError(str(error)) from None


@dataclass(frozen=True)
class Randomness:
    """The public bytes that decided; none for a self-attested draw, where the key alone decides."""

    kind: Kind
    value: bytes = b""

    def __post_init__(self) -> None:
        """Check the length."""
        if self.kind == "self":
            if self.value:
                raise SealError("a self-attested draw takes no public randomness")
        elif not _LEAST_BYTES <= len(self.value) <= _MOST_BYTES:
            raise SealError(
                f"--{self.kind}: {len(self.value)} bytes; give {_LEAST_BYTES} to {_MOST_BYTES} as hexadecimal digits"
            )

    @classmethod
    def given(cls, beacon: str, nonce: str, own: bool) -> "Randomness":
        """From the flags `--beacon HEX`, `--nonce HEX` and `--self`, of which exactly one must be given.

        Raises:
            SealError: otherwise, or if the digits cannot be read.
        """
        if (beacon != "") + (nonce != "") + own != 1:
            raise SealError("give one of --beacon HEX, --nonce HEX and --self")
        if own:
            return cls("self")
        kind: Kind = "beacon" if beacon else "nonce"
        text = beacon or nonce
        if re.fullmatch(r"([0-9a-fA-F]{2})+", text) is None:
            raise SealError(f"--{kind}: give pairs of hexadecimal digits, with nothing between them")
        return cls(kind, bytes.fromhex(text))

    def refuse_other_than(self, declared: Declared) -> None:
        """Check that this is the kind that the seal declared.

        Raises:
            SealError: if it is another.
        """
        if self.kind != declared.kind:
            flags = {"beacon": "--beacon HEX", "nonce": "--nonce HEX", "self": "--self"}
            raise SealError(
                f"the seal declared {declared.in_words}: give {flags[declared.kind]} in place of --{self.kind}"
            )
