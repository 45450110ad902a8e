"""Timestamps of a commitment: RFC 3161 tokens and OpenTimestamps proofs, read without any network.

What is checked here is which document they stamp. Whether a token's signature is that of an authority one trusts, or
a proof's block is in the chain, is for `openssl ts -verify` and `ots verify`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.base.errors import SealError

_OTS = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"
_OTS_SHA256 = b"\x08"
_SHA256 = bytes.fromhex("608648016503040201")
_TST_INFO = bytes.fromhex("2a864886f70d0109100104")
_SEQUENCE, _OBJECT, _OCTETS, _TIME, _EXPLICIT = 0x30, 0x06, 0x04, 0x18, 0xA0


@dataclass(frozen=True)
class Timestamp:
    """What a timestamp says."""

    kind: str
    sha256: bytes
    """Of the stamped document."""
    time: str
    """As it stands in the token, UTC; empty where only the block chain knows it."""


def read_timestamp(data: bytes) -> Timestamp:
    """Read an RFC 3161 response (.tsr) or token (.tst), or an OpenTimestamps proof (.ots).

    Raises:
        SealError: if it is none of these, or stamps by another hash than SHA-256.
    """
    if data.startswith(_OTS):
        body = data[len(_OTS) :]
        if body[:1] != _OTS_SHA256 or len(body) < 34:
            raise SealError("is an OpenTimestamps proof of another kind than SHA-256")
        return Timestamp("OpenTimestamps", body[1:33], "")
    try:
        return _token(data)
    except (ValueError, IndexError, StopIteration):
        raise SealError(
            "is neither an RFC 3161 timestamp by SHA-256 (.tsr) nor an OpenTimestamps proof (.ots)"
        ) from None


def _token(data: bytes) -> Timestamp:
    parts = list(_elements(_only(data, _SEQUENCE)))
    if parts[0][0] == _SEQUENCE:  # a response: the status, then the token
        parts = list(_elements(_want(parts[1], _SEQUENCE)))
    signed = list(_elements(_only(_want(parts[1], _EXPLICIT), _SEQUENCE)))
    content = list(_elements(_want(signed[2], _SEQUENCE)))
    if _want(content[0], _OBJECT) != _TST_INFO:
        raise ValueError
    info = list(_elements(_only(_only(_want(content[1], _EXPLICIT), _OCTETS), _SEQUENCE)))
    imprint = list(_elements(_want(info[2], _SEQUENCE)))
    algorithm = next(_elements(_want(imprint[0], _SEQUENCE)))
    digest = _want(imprint[1], _OCTETS)
    if _want(algorithm, _OBJECT) != _SHA256 or len(digest) != 32:
        raise ValueError
    return Timestamp("RFC 3161", digest, _want(info[4], _TIME).decode("ascii"))


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The DER elements that stand one after the other in `data`: tag and content."""
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            if not 1 <= count <= 4:
                raise ValueError
            length, at = int.from_bytes(data[at : at + count], "big"), at + count
        if at + length > len(data):
            raise ValueError
        yield tag, data[at : at + length]
        at += length


def _want(element: tuple[int, bytes], tag: int) -> bytes:
    if element[0] != tag:
        raise ValueError
    return element[1]


def _only(data: bytes, tag: int) -> bytes:
    (element,) = _elements(data)
    return _want(element, tag)
