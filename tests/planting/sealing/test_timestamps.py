import contextlib
import hashlib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import SealError
from transforms.planting.sealing.timestamps import read_timestamp

DOCUMENT = hashlib.sha256(b"commitment").digest()
OTS = b"\x00OpenTimestamps\x00\x00Proof\x00\xbf\x89\xe2\xe8\x84\xe8\x92\x94\x01"


def der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 128:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def token(digest: bytes = DOCUMENT, algorithm: str = "608648016503040201", padding: int = 200) -> bytes:
    """An unsigned token in the shape of RFC 3161, section 2.4.2."""
    imprint = der(0x30, der(0x30, der(6, bytes.fromhex(algorithm)), der(5)), der(4, digest))
    info = der(0x30, der(2, b"\1"), der(6, b"\x2a\x03"), imprint, der(2, b"\7"), der(0x18, b"20261123101112Z"))
    content = der(0x30, der(6, bytes.fromhex("2a864886f70d0109100104")), der(0xA0, der(4, info)))
    signed = der(0x30, der(2, b"\3"), der(0x31), content, der(0x31, der(4, b"\0" * padding)))
    return der(0x30, der(6, bytes.fromhex("2a864886f70d010702")), der(0xA0, signed))


def test_an_opentimestamps_proof_names_its_document() -> None:
    found = read_timestamp(OTS + b"\x08" + DOCUMENT + b"\xf0\x10anything")
    assert (found.kind, found.sha256, found.time) == ("OpenTimestamps", DOCUMENT, "")


@pytest.mark.parametrize("padding", [0, 200, 70_000])
def test_an_rfc_3161_token_names_its_document_and_time(padding: int) -> None:
    response = der(0x30, der(0x30, der(2, b"\0")), token(padding=padding))
    for data in (response, token(padding=padding)):
        found = read_timestamp(data)
        assert (found.kind, found.sha256, found.time) == ("RFC 3161", DOCUMENT, "20261123101112Z")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30\x80\x00\x00",
        OTS,
        OTS + b"\x02" + DOCUMENT + b"\x00",
        OTS + b"\x08" + DOCUMENT[:-1],
        token(algorithm="2b0e03021a", digest=DOCUMENT[:20]),
        token(digest=DOCUMENT[:31]),
        token()[:-1],
        der(0x30, der(0x30, der(2, b"\2"))),
        b"-----BEGIN CERTIFICATE-----",
    ],
)
def test_what_is_no_timestamp_by_sha256_is_refused(data: bytes) -> None:
    with pytest.raises(SealError):
        read_timestamp(data)


@settings(deadline=None)
@given(st.data())
def test_damaged_tokens_never_crash(data: st.DataObject) -> None:
    raw = bytearray(token(padding=3))
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(SealError):
        assert len(read_timestamp(bytes(raw)).sha256) == 32


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_a_real_authoritys_response_is_read(tmp_path: Path) -> None:
    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=tmp_path, check=True, capture_output=True)

    (tmp_path / "commitment.json").write_bytes(b"commitment")
    (tmp_path / "serial").write_text("01\n")
    (tmp_path / "tsa.cnf").write_text(
        "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=test\n"
        "[ext]\nextendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n"
        "[tsa]\ndefault_tsa=t\n[t]\nserial=serial\nsigner_digest=sha256\ndefault_policy=1.2.3.4.1\ndigests=sha256\n"
    )
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-config", "tsa.cnf", "-keyout", "k.pem", "-out", "c.pem")
    openssl("ts", "-query", "-data", "commitment.json", "-sha256", "-cert", "-out", "q.tsq")
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-signer", "c.pem", "-inkey", "k.pem",
            "-out", "r.tsr")  # fmt: skip
    found = read_timestamp((tmp_path / "r.tsr").read_bytes())
    assert found.sha256 == DOCUMENT
    assert found.time.startswith("20")
    openssl("ts", "-reply", "-config", "tsa.cnf", "-queryfile", "q.tsq", "-signer", "c.pem", "-inkey", "k.pem",
            "-token_out", "-out", "r.tst")  # fmt: skip
    assert read_timestamp((tmp_path / "r.tst").read_bytes()).sha256 == DOCUMENT
