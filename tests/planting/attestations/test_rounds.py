"""Recorded rounds of drand and a pulse of NIST are accepted offline; any change to them is refused."""

import copy
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import SealError
from transforms.planting.attestations import nist
from transforms.planting.attestations.drand import CHAINS
from transforms.planting.attestations.rounds import read_round, source_of, time_of
from transforms.planting.sealing.public_randomness import Declared

ROUNDS = Path(__file__).with_name("rounds")
PEM = (ROUNDS / "nist_certificate.pem").read_bytes()
QUICKNET = Declared("beacon", "drand quicknet", 657413)
MAINNET = Declared("beacon", "drand default", 3311596)
PULSE = Declared("beacon", "NIST chain 2", 1924176)
Document = dict[str, Any]


def recorded(name: str) -> Document:
    found: Document = json.loads((ROUNDS / f"{name}.json").read_bytes())
    return found


def read(declared: Declared, document: object, pem: bytes = PEM) -> bytes:
    return read_round(declared, json.dumps(document).encode(), pem).value


@pytest.mark.parametrize(
    ("name", "number", "file", "time"),
    [
        ("drand quicknet", 657413, "quicknet_657413", "2023-09-15T11:00:03"),
        ("Drand-Quicknet", 657413, "quicknet_657413", "2023-09-15T11:00:03"),
        (
            "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
            *(657413, "quicknet_657413", "2023-09-15T11:00:03"),
        ),
        ("drand default", 3311596, "default_3311596", "2023-09-15T11:55:00"),
        ("League of Entropy", 1, "default_1", "2020-07-22T15:17:30"),
    ],
)
def test_recorded_rounds_of_drand(name: str, number: int, file: str, time: str) -> None:
    declared = Declared("beacon", name, number)
    found = read_round(declared, (ROUNDS / f"{file}.json").read_bytes())
    assert found.value.hex() == recorded(file)["randomness"]
    assert found.time == time_of(declared) == datetime.fromisoformat(time).replace(tzinfo=UTC)
    without = {key: value for key, value in recorded(file).items() if key != "randomness"}
    assert read(declared, without) == found.value


@pytest.mark.parametrize("name", ["NIST chain 2", "nist randomness beacon 2.0 chain 2"])
def test_a_recorded_pulse_of_nist(name: str) -> None:
    found = read_round(Declared("beacon", name, 1924176), (ROUNDS / "nist_pulse.json").read_bytes(), PEM)
    assert found.value.hex().upper() == recorded("nist_pulse")["pulse"]["outputValue"]
    assert found.time == datetime(2026, 9, 2, 19, tzinfo=UTC)
    assert read(PULSE, recorded("nist_pulse")["pulse"]) == found.value


def test_public_keys_are_those_in_the_hashes_of_their_chains() -> None:
    assert [one.hash for one in CHAINS] == [
        "52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971",
        "8990e7a9aaed2ffed73dbd7092123d6f289930540d7651336225dc172e51b2ce",
    ]


def flip(digits: str) -> str:
    return digits[:-1] + ("0" if digits[-1] != "0" else "1")


INFINITY = "c0" + 47 * "00"


@pytest.mark.parametrize(
    ("declared", "file", "change", "message"),
    [
        (QUICKNET, "quicknet_657413", {"round": 657414}, "holds round 657414"),
        (QUICKNET, "quicknet_657413", {"round": 657413.0}, "holds round 657413.0"),
        (QUICKNET, "quicknet_657413", {"randomness": "00" * 32}, "'randomness' is not the hash"),
        (QUICKNET, "quicknet_657413", {"signature": flip}, "signature"),
        (QUICKNET, "quicknet_657413", {"signature": INFINITY}, "no point of the curve"),
        (QUICKNET, "quicknet_657413", {"signature": "ff" * 48}, "no point of the curve"),
        (QUICKNET, "quicknet_657413", {"signature": "ab"}, "is not 48 bytes"),
        (QUICKNET, "quicknet_657413", {"signature": None}, "is not 48 bytes"),
        (MAINNET, "default_3311596", {"signature": flip}, "signature"),
        (MAINNET, "default_3311596", {"previous_signature": flip}, "is not that of round"),
        (MAINNET, "default_3311596", {"previous_signature": None}, "'previous_signature' is not 96 bytes"),
        (Declared("beacon", "drand quicknet", 3311596), "default_3311596", {}, "is not 48 bytes"),
        (Declared("beacon", "drand default", 657413), "quicknet_657413", {}, "bytes as hexadecimal"),
        (Declared("beacon", "a beacon of our own", 657413), "quicknet_657413", {}, "are not known here"),
    ],
)
def test_other_rounds_are_refused(declared: Declared, file: str, change: Document, message: str) -> None:
    document = recorded(file)
    for field, value in change.items():
        document[field] = value(document[field]) if callable(value) else value
    with pytest.raises(SealError, match=message):
        read(declared, document)


def test_a_true_signature_of_another_round_is_refused() -> None:
    other = {**recorded("quicknet_657413"), "round": 657414}
    with pytest.raises(SealError, match="its signature is not that of round 657414"):
        read(Declared("beacon", "quicknet", 657414), other)


def leaves(document: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of all values of a document."""
    if isinstance(document, dict | list):
        pairs = document.items() if isinstance(document, dict) else enumerate(document)
        return [place for key, value in pairs for place in leaves(value, (*at, key))]
    return [at]


def test_a_pulse_with_any_signed_value_changed_is_refused() -> None:
    unsigned = 0
    for place in leaves(recorded("nist_pulse")):
        document = recorded("nist_pulse")
        inner = document
        for key in place[:-1]:
            inner = inner[key]
        value = inner[place[-1]]
        inner[place[-1]] = value + 1 if isinstance(value, int) else flip(value)
        if "listValues" in place and place[-1] in ("uri", "type"):
            unsigned += 1
            continue
        with pytest.raises(SealError):
            read(PULSE, document)
    assert unsigned == 10


def authority(days: int = 400) -> tuple[Callable[[str], tuple[x509.Certificate, rsa.RSAPrivateKey]], x509.Certificate]:
    """A root of our own, and what issues certificates under it."""
    began, keys = datetime(2026, 9, 1, tzinfo=UTC), [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    root_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "root of our own")])

    def build(name: x509.Name, public: rsa.RSAPublicKey, ca: bool, host: str = "") -> x509.Certificate:
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(root_name).public_key(public)
            .serial_number(7 if ca else 8).not_valid_before(began).not_valid_after(began + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False
            )
        )  # fmt: skip
        if ca:
            usage = dict.fromkeys(
                ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
                 "encipher_only", "decipher_only"), False,
            )  # fmt: skip
            builder = builder.add_extension(x509.KeyUsage(key_cert_sign=True, crl_sign=True, **usage), critical=True)
        else:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        return builder.sign(keys[0], hashes.SHA256())

    root = build(root_name, keys[0].public_key(), True)

    def issue(host: str) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        return build(name, keys[1].public_key(), False, host), keys[1]

    return issue, root


AUTHORITY = authority()


def signed_anew(certificate: x509.Certificate, key: rsa.RSAPrivateKey) -> Document:
    """The recorded pulse as the owner of another certificate would sign it."""
    document = copy.deepcopy(recorded("nist_pulse"))
    pulse = document["pulse"]
    pulse["certificateId"] = hashlib.sha512(certificate.public_bytes(Encoding.DER)).hexdigest()
    message = nist._signed(pulse)
    signature = key.sign(message, PKCS1v15(), hashes.SHA512())
    pulse["signatureValue"] = signature.hex().upper()
    pulse["outputValue"] = hashlib.sha512(message + signature).hexdigest().upper()
    return document


def test_a_certificate_that_is_not_known_needs_issuers_that_are_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    issue, root = AUTHORITY
    leaf, key = issue(nist.HOST)
    pulse, pem = signed_anew(leaf, key), leaf.public_bytes(Encoding.PEM)
    with pytest.raises(SealError, match=r"nothing shows that the certificate is NIST's"):
        read(PULSE, pulse, pem)
    monkeypatch.setattr(nist, "roots", lambda: [root])
    assert read(PULSE, pulse, pem).hex().upper() == pulse["pulse"]["outputValue"]
    other, key = issue("example.org")
    with pytest.raises(SealError, match=r"nothing shows that the certificate is NIST's"):
        read(PULSE, signed_anew(other, key), other.public_bytes(Encoding.PEM))


def test_the_pulses_certificate_must_be_the_one_it_names() -> None:
    issue, _ = AUTHORITY
    for pem, message in (
        (b"", "give --beacon-certificate"),
        (b"no certificate", "no certificate in PEM"),
        (issue(nist.HOST)[0].public_bytes(Encoding.PEM), "is not the certificate that the pulse names"),
    ):
        with pytest.raises(SealError, match=message):
            read(PULSE, recorded("nist_pulse"), pem)


def test_pulses_are_numbered_within_a_chain() -> None:
    with pytest.raises(SealError, match="names no chain"):
        read(Declared("beacon", "NIST", 1924176), recorded("nist_pulse"))
    with pytest.raises(SealError, match="of chain 2, and the seal declared"):
        read(Declared("beacon", "NIST chain 1", 1924176), recorded("nist_pulse"))
    assert source_of(Declared("nonce", "NIST chain 2")) is None


def test_the_list_of_roots_is_there() -> None:
    assert len(nist.roots()) > 50


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@settings(max_examples=40)
@given(document=JSON, key=st.sampled_from([*leaves(recorded("nist_pulse")), ("round",), ("signature",)]))
def test_no_document_ends_in_another_exception(document: Any, key: tuple[Any, ...]) -> None:
    with pytest.raises(SealError):
        read_round(QUICKNET, json.dumps(document).encode())
    changed = recorded("nist_pulse") if key[0] == "pulse" else recorded("quicknet_657413")
    inner: Any = changed
    for one in key[:-1]:
        inner = inner[one]
    before, inner[key[-1]] = inner[key[-1]], document
    declared = PULSE if key[0] == "pulse" else QUICKNET
    unsigned = key[0] == "pulse" and key[-1] in ("uri", "type") and len(key) > 2
    if document != before and not unsigned:
        with pytest.raises(SealError):
            read(declared, changed)


@settings(max_examples=30)
@given(st.binary(max_size=100))
def test_no_bytes_end_in_another_exception(data: bytes) -> None:
    for declared in (QUICKNET, MAINNET, PULSE):
        with pytest.raises(SealError):
            read_round(declared, data, data)
