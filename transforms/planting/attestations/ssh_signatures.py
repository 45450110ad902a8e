"""Detached SSH signatures of a file: what `ssh-keygen -Y sign` makes, by an Ed25519 key.

The format is that of PROTOCOL.sshsig in OpenSSH: a namespace and the hash of the file are signed, never the file alone,
so that a signature that was made for another purpose does not pass here.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass

from transforms.base.errors import SealError

NAMESPACE = "trapline"
"""What `ssh-keygen -Y sign -n` must be given."""
_KIND = b"ssh-ed25519"
_MAGIC = b"SSHSIG"
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_HASHES = {b"sha512": hashlib.sha512, b"sha256": hashlib.sha256}


class SignatureError(SealError):
    """A key or a signature that cannot be used; the message says why."""


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key.

    Attributes:
        blob: as SSH packs it: its kind and 32 bytes.
        raw: the 32 bytes.
    """

    blob: bytes
    raw: bytes

    @property
    def fingerprint(self) -> str:
        """As `ssh-keygen -l` shows it: "SHA256:" and 43 characters."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode().rstrip("=")


def read_public_key(data: bytes) -> PublicKey:
    """Read a public key file of OpenSSH (`id_ed25519.pub`).

    Raises:
        SignatureError: if it is no such key.
    """
    words = data.decode("ascii", "replace").split()
    if "PRIVATE" in words[:3]:
        raise SignatureError("is a private key, which stays with its owner: give the file that ends in .pub")
    if len(words) < 2 or words[0] != _KIND.decode():
        kind = f" (it begins with {words[0]!r})" if words and words[0].startswith(("ssh-", "ecdsa-", "sk-")) else ""
        raise SignatureError(f"is no Ed25519 public key of SSH{kind}: ssh-keygen -t ed25519 makes one")
    try:
        return _key(base64.b64decode(words[1], validate=True))
    except binascii.Error:
        raise SignatureError("is no Ed25519 public key of SSH: it is cut or was changed") from None


def check_signature(message: bytes, signature: bytes, key: PublicKey) -> None:
    """Check that the owner of `key` signed `message`.

    Raises:
        SignatureError: if not, or if `signature` is no SSH signature for the namespace "trapline".
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    fields = _fields(_unarmoured(signature), len(_MAGIC) + 4)
    if len(fields) != 5:
        raise SignatureError("is no SSH signature: its fields cannot be read")
    signer, namespace, reserved, algorithm, packed = fields
    if namespace != NAMESPACE.encode():
        raise SignatureError(
            f"was signed for the namespace {namespace.decode('ascii', 'replace')!r}: ssh-keygen -Y sign -n {NAMESPACE}"
        )
    if algorithm not in _HASHES:
        raise SignatureError("was made with another hash than sha512 or sha256")
    if signer != key.blob:
        raise SignatureError(f"is by the key {_key(signer).fingerprint}, not by {key.fingerprint}")
    parts = _fields(packed, 0)
    if len(parts) != 2 or parts[0] != _KIND:
        raise SignatureError("is not by an Ed25519 key")
    hashed = _HASHES[algorithm](message).digest()
    signed = _MAGIC + b"".join(map(_string, (namespace, reserved, algorithm, hashed)))
    try:
        Ed25519PublicKey.from_public_bytes(key.raw).verify(parts[1], signed)
    except (InvalidSignature, ValueError):
        raise SignatureError(f"is not a signature of this file by the key {key.fingerprint}") from None


def _unarmoured(data: bytes) -> bytes:
    lines = [line.strip() for line in data.decode("ascii", "replace").strip().splitlines()]
    if len(lines) < 3 or lines[0] != _BEGIN or lines[-1] != _END:
        raise SignatureError(f"is no SSH signature: ssh-keygen -Y sign -f KEY -n {NAMESPACE} manifest.json makes one")
    try:
        blob = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        blob = b""
    if not blob.startswith(_MAGIC + (1).to_bytes(4, "big")):
        raise SignatureError("is no SSH signature of version 1: it is cut or was changed")
    return blob


def _key(blob: bytes) -> PublicKey:
    parts = _fields(blob, 0)
    if len(parts) != 2 or parts[0] != _KIND or len(parts[1]) != 32:
        raise SignatureError("is not by an Ed25519 key of SSH")
    return PublicKey(blob, parts[1])


def _string(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _fields(data: bytes, at: int) -> list[bytes]:
    """The length-prefixed strings from `at` to the end; none if they do not end there."""
    found = []
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        if len(data) - at < 4 + size:
            return []
        found.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return found
