"""Signatures that `ssh-keygen -Y sign` made are accepted, and nothing else is."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.planting.attestations.ssh_signatures import SignatureError, check_signature, read_public_key

# Made once by OpenSSH: ssh-keygen -t ed25519; ssh-keygen -Y sign -f KEY -n trapline FILE.
MESSAGE = b"what was signed\n"
KEY = b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGjOrDgOwEYvHlydXDwf+ZMxVzV6YeW+cIRSIFtdk/0z scorer\n"
FINGERPRINT = "SHA256:KdCmMrZ4LKA6OpVo24498v5nVrEzkUI2hSxejc0LaGg"
SIGNATURE = b"""-----BEGIN SSH SIGNATURE-----
U1NIU0lHAAAAAQAAADMAAAALc3NoLWVkMjU1MTkAAAAgaM6sOA7ARi8eXJ1cPB/5kzFXNX
ph5b5whFIgW12T/TMAAAAIdHJhcGxpbmUAAAAAAAAABnNoYTUxMgAAAFMAAAALc3NoLWVk
MjU1MTkAAABAdnIVob+gzyDrADpcNcLMaZ3Kh/zYDqRMZq3bow34fYqLKOaxY/FVggN+m8
29sUoDhAaVKib6xLkuGox6YRqVAQ==
-----END SSH SIGNATURE-----
"""


def string(*parts: bytes) -> bytes:
    return b"".join(len(one).to_bytes(4, "big") + one for one in parts)


def signed(message: bytes, key: Ed25519PrivateKey, namespace: bytes = b"trapline", algorithm: str = "sha512") -> bytes:
    """A signature as PROTOCOL.sshsig describes it, written down a second time."""
    import hashlib

    digest = hashlib.new(algorithm, message).digest()
    raw = key.sign(b"SSHSIG" + string(namespace, b"", algorithm.encode(), digest))
    packed = string(public_blob(key), namespace, b"", algorithm.encode(), string(b"ssh-ed25519", raw))
    text = base64.encodebytes(b"SSHSIG" + (1).to_bytes(4, "big") + packed)
    return b"-----BEGIN SSH SIGNATURE-----\n" + text + b"-----END SSH SIGNATURE-----\n"


def public_blob(key: Ed25519PrivateKey) -> bytes:
    return string(b"ssh-ed25519", key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def public_file(key: Ed25519PrivateKey) -> bytes:
    return b"ssh-ed25519 " + base64.b64encode(public_blob(key)) + b"\n"


def test_a_signature_of_openssh_is_accepted() -> None:
    key = read_public_key(KEY)
    assert key.fingerprint == FINGERPRINT
    check_signature(MESSAGE, SIGNATURE, key)
    check_signature(MESSAGE, SIGNATURE.replace(b"\n", b"\r\n"), key)


@settings(max_examples=25)
@given(message=st.binary(max_size=60), algorithm=st.sampled_from(["sha512", "sha256"]))
def test_whatever_is_signed_is_accepted_as_it_was_signed_alone(message: bytes, algorithm: str) -> None:
    own = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    key, signature = read_public_key(public_file(own)), signed(message, own, algorithm=algorithm)
    check_signature(message, signature, key)
    with pytest.raises(SignatureError, match="is not a signature of this file"):
        check_signature(message + b"x", signature, key)


@pytest.mark.parametrize(
    ("signature", "message"),
    [
        (signed(MESSAGE, Ed25519PrivateKey.from_private_bytes(bytes(32))), "is by the key SHA256:"),
        (signed(MESSAGE, Ed25519PrivateKey.from_private_bytes(bytes(32)), b"file"), "for the namespace 'file'"),
        (signed(MESSAGE, Ed25519PrivateKey.from_private_bytes(bytes(32)), algorithm="md5"), "another hash"),
        (b"", "is no SSH signature"),
        (SIGNATURE.replace(b"U1NI", b"AAAA"), "of version 1"),
        (SIGNATURE.replace(b"VAQ==", b""), "SSH signature"),
        (SIGNATURE.replace(b"adnIV", b"adnIW").replace(b"dnIVob", b"dnIVoc"), "is not a signature of this file"),
    ],
)
def test_other_signatures_are_refused(signature: bytes, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        check_signature(MESSAGE, signature, read_public_key(KEY))


def test_a_private_key_is_not_taken_and_not_shown() -> None:
    own = Ed25519PrivateKey.generate()
    pem = own.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    with pytest.raises(SignatureError, match="is a private key") as caught:
        read_public_key(pem)
    assert pem.decode().splitlines()[1][:20] not in str(caught.value)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is no Ed25519 public key"),
        (b"ssh-rsa AAAAB3NzaC1yc2E= me", "begins with 'ssh-rsa'"),
        (b"ssh-ed25519 !!", "cut or was changed"),
        (KEY[:40], "Ed25519 key"),
    ],
)
def test_other_keys_are_refused(data: bytes, message: str) -> None:
    with pytest.raises(SignatureError, match=message):
        read_public_key(data)


@settings(max_examples=40)
@given(st.binary(max_size=200))
def test_no_bytes_end_in_another_exception(data: bytes) -> None:
    with pytest.raises(SignatureError):
        read_public_key(data)
    armoured = SIGNATURE.splitlines()[0] + b"\n" + base64.b64encode(b"SSHSIG\0\0\0\1" + data) + b"\n"
    for signature in (data, armoured + SIGNATURE.splitlines()[-1]):
        with pytest.raises(SignatureError):
            check_signature(MESSAGE, signature, read_public_key(KEY))
