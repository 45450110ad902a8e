"""Rounds of drand, as its HTTP interface gives them: a BLS signature of the round's number, and its hash.

Sources: the drand specification (https://docs.drand.love/docs/specification), sections on the cryptography of beacons;
hashing to the curve is RFC 9380. The public keys are those of the League of Entropy's chains; each goes into the hash
of its chain, under which drand serves it.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from transforms.base.errors import SealError

_ON_G1, _ON_G2 = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_", b"BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_NUL_"


class NotInstalledError(SealError):
    """The library that would check a signature is not installed."""


@dataclass(frozen=True)
class Chain:
    """A chain of rounds.

    Attributes:
        name: in full.
        names: others under which a seal may declare it.
        chained: whether a round signs the signature before it, too.
        on_g1: whether signatures are points of G1, and the public key one of G2; the other way round if not.
        public_key: compressed, as hexadecimal digits.
        genesis: seconds since 1970 of round 1.
        period: seconds between rounds.
        group: hash of the group of nodes, as hexadecimal digits.
        beacon: drand's name of the chain, which goes into its hash unless it is "default".
    """

    name: str
    names: tuple[str, ...]
    chained: bool
    on_g1: bool
    public_key: str
    genesis: int
    period: int
    group: str
    beacon: str

    @property
    def hash(self) -> str:
        """The hash under which drand serves the chain: 64 hexadecimal digits."""
        fields = (
            self.period.to_bytes(4, "big"),
            self.genesis.to_bytes(8, "big"),
            bytes.fromhex(self.public_key),
            bytes.fromhex(self.group),
            b"" if self.beacon == "default" else self.beacon.encode(),
        )
        return hashlib.sha256(b"".join(fields)).hexdigest()

    def time_of(self, number: int) -> datetime | None:
        """When a round comes out; None beyond the year 9999."""
        try:
            return datetime.fromtimestamp(self.genesis, UTC) + timedelta(seconds=self.period * (number - 1))
        except OverflowError:
            return None

    def value_of(self, response: Mapping[str, Any], number: int) -> bytes:
        """The randomness of a round, 32 bytes, once its signature was checked.

        Args:
            response: of drand, with `round`, `signature` and, on a chain of signatures, `previous_signature`.
            number: of the round that must be in it.

        Raises:
            SealError: if it is another round, or its signature is not that of this chain.
        """
        if response.get("round") != number or type(response.get("round")) is not int:
            raise SealError(f"holds round {response.get('round')!r}, and the seal declared round {number}")
        signature_size = 48 if self.on_g1 else 96
        signature = _digits(response, "signature", signature_size)
        message = number.to_bytes(8, "big")
        if self.chained:
            # Round 1 follows the hash of the group in place of a signature.
            message = _digits(response, "previous_signature", 32 if number == 1 else signature_size) + message
        hashed = hashlib.sha256(message).digest()
        if not _valid(self.on_g1, bytes.fromhex(self.public_key), hashed, signature):
            raise SealError(f"its signature is not that of round {number} of {self.name}")
        value = hashlib.sha256(signature).digest()
        if response.get("randomness", value.hex()) != value.hex():
            raise SealError("its field 'randomness' is not the hash of its signature")
        return value


CHAINS = (
    Chain(
        "drand quicknet",
        ("quicknet",),
        chained=False,
        on_g1=True,
        public_key="83cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c"
        "8c4b450b6a0a6c3ac6a5776a2d1064510d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5"
        "a6e9c76a4bc09e76eae8991ef5ece45a",
        genesis=1692803367,
        period=3,
        group="f477d5c89f21a17c863a7f937c6a6d15859414d2be09cd448d4279af331c5d3e",
        beacon="quicknet",
    ),
    Chain(
        "drand default",
        ("drand mainnet", "league of entropy"),
        chained=True,
        on_g1=False,
        public_key="868f005eb8e6e4ca0a47c8a77ceaa5309a47978a7c71bc5cce96366b5d7a569937c529eeda66c7293784a9402801af31",
        genesis=1595431050,
        period=30,
        group="176f93498eac9ca337150b46d21dd58673ea4e3581185f869672e59fa4cb390a",
        beacon="default",
    ),
)
"""The chains whose public keys are known here."""


def chain_of(name: str) -> Chain | None:
    """The chain of this name, other name or hash, in small letters with single spaces."""
    plain = name.removeprefix("drand ")
    return next((one for one in CHAINS if name in (one.name, *one.names) or plain == one.hash), None)


def _digits(response: Mapping[str, Any], field: str, size: int) -> bytes:
    value = response.get(field)
    try:
        data = bytes.fromhex(value) if isinstance(value, str) else b""
    except ValueError:
        data = b""
    if len(data) != size:
        raise SealError(f"its field {field!r} is not {size} bytes as hexadecimal digits")
    return data


def _valid(on_g1: bool, key: bytes, hashed: bytes, signature: bytes) -> bool:
    """Whether e(signature, generator) = e(H(message), key), or the same with the groups exchanged."""
    try:
        from py_arkworks_bls12381 import GT, G1Point, G2Point
    except ImportError:
        raise NotInstalledError(
            "the signature of a drand round is checked by a library that is not installed: "
            "pip install 'trapline[beacon]'"
        ) from None

    if on_g1:
        signed, public = _point(G1Point, signature), _point(G2Point, key)
        return bool(GT.pairing_check([signed, -G1Point.hash_to_curve(hashed, _ON_G1)], [G2Point(), public]))
    signed, public = _point(G2Point, signature), _point(G1Point, key)
    return bool(GT.pairing_check([G1Point(), -public], [signed, G2Point.hash_to_curve(hashed, _ON_G2)]))


def _point(group: Any, data: bytes) -> Any:
    """A point of the right subgroup that is not its zero, in its one spelling."""
    reader: Callable[[bytes], Any] = group.from_compressed_bytes
    try:
        point = reader(data)
    except ValueError:
        raise SealError("its field 'signature' is no point of the curve") from None
    if point == group.identity() or bytes(point.to_compressed_bytes()) != data:
        raise SealError("its field 'signature' is no point of the curve")
    return point
