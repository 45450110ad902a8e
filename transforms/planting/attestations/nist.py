"""Pulses of the NIST Randomness Beacon 2.0, as its HTTP interface gives them: signed with RSA by a certificate's key.

Source: NISTIR 8213 (draft, 2019), with what the running service does where it differs: lengths are 4 bytes, and the
external status code has no length. The value of a pulse is SHA-512 of what was signed and the signature.
"""

import hashlib
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from transforms.base.errors import SealError

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

HOST = "engine.beacon.nist.gov"
"""The name in the certificates that sign pulses."""
CERTIFICATES = frozenset(
    {
        "528943a555f5f8ca54423be6dfb95925a35c7b552046420e7d7cd072058a14d6"  # noqa: ISC004 - one id, in two lines
        "536ad3a8e9754b6582f164a90b0cd86a65d659f5426a2659a947595d1c816c8c",
    }
)
"""Ids (SHA-512 of the DER bytes) of certificates known to be NIST's: September 2025 to September 2026."""
_NAME = re.compile(r"nist(?: randomness)?(?: beacon)?(?: 2(?:\.0)?)?(?: chain (\d{1,9}))?")


@dataclass(frozen=True)
class PulseChain:
    """A chain of pulses.

    Attributes:
        index: of the chain; 0 where the name does not say it.
    """

    index: int

    @property
    def name(self) -> str:
        """In full."""
        return f"NIST chain {self.index}"

    def value_of(self, response: Mapping[str, Any], number: int, pem: bytes) -> tuple[bytes, datetime]:
        """The value of a pulse, 64 bytes, and its time, once its signature was checked.

        Args:
            response: of the beacon: `pulse`, or what is in it.
            number: of the pulse (`pulseIndex`) that must be in it.
            pem: the certificate that the pulse names, followed by those of its issuers where this version of trapline
                does not know it.

        Raises:
            SealError: if it is another pulse, its signature is not by that certificate, or the certificate is neither
                known to be NIST's nor shown to be so by its issuers.
        """
        if not self.index:
            raise SealError("the seal names no chain of the NIST beacon, and pulses are numbered within one")
        pulse = response.get("pulse", response)
        if not isinstance(pulse, Mapping):
            raise SealError("holds no pulse of the NIST beacon")
        found = (pulse.get("chainIndex"), pulse.get("pulseIndex"))
        if found != (self.index, number):
            raise SealError(f"holds pulse {found[1]!r} of chain {found[0]!r}, and the seal declared pulse {number}")
        try:
            signed, signature = _signed(pulse), bytes.fromhex(pulse["signatureValue"])
            output, certificate_id = bytes.fromhex(pulse["outputValue"]), bytes.fromhex(pulse["certificateId"])
            time = datetime.fromisoformat(pulse["timeStamp"])
            if time.utcoffset() != timedelta(0):
                raise ValueError
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
            raise SealError("is no pulse of the NIST beacon 2.0: a field is missing or cannot be read") from None
        if not str(pulse["version"]).startswith("2.") or pulse["cipherSuite"] != 0:
            raise SealError("is a pulse of another version or cipher suite than 2.0 and 0")
        _check(pem, certificate_id, signed, signature, time)
        if hashlib.sha512(signed + signature).digest() != output:
            raise SealError("its field 'outputValue' is not the hash of what was signed and the signature")
        return output, time


def chain_of(name: str) -> PulseChain | None:
    """The chain of this name, in small letters with single spaces: "nist chain 2", "nist beacon 2.0 chain 2"."""
    found = _NAME.fullmatch(name)
    return PulseChain(int(found[1] or 0)) if found else None


def _signed(pulse: Mapping[str, Any]) -> bytes:
    """What the signature of a pulse is of."""

    def text(value: str) -> bytes:
        return _with_length(value.encode())

    def digits(value: str) -> bytes:
        return _with_length(bytes.fromhex(value))

    external = pulse["external"]
    return b"".join(
        (
            text(pulse["uri"]),
            text(pulse["version"]),
            pulse["cipherSuite"].to_bytes(4, "big"),
            pulse["period"].to_bytes(4, "big"),
            digits(pulse["certificateId"]),
            pulse["chainIndex"].to_bytes(8, "big"),
            pulse["pulseIndex"].to_bytes(8, "big"),
            text(pulse["timeStamp"]),
            digits(pulse["localRandomValue"]),
            digits(external["sourceId"]),
            external["statusCode"].to_bytes(4, "big"),
            digits(external["value"]),
            *(digits(one["value"]) for one in pulse["listValues"]),
            digits(pulse["precommitmentValue"]),
            pulse["statusCode"].to_bytes(4, "big"),
        )
    )


def _with_length(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _check(pem: bytes, certificate_id: bytes, signed: bytes, signature: bytes, time: datetime) -> None:
    """Check the signature of a pulse, and whose it is."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import Encoding

    if not pem:
        raise SealError(
            "a pulse needs the certificate that it names: give --beacon-certificate FILE "
            f"(https://beacon.nist.gov/beacon/2.0/certificate/{certificate_id.hex()[:16]}...)"
        )
    try:
        certificates = x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise SealError("--beacon-certificate: is no certificate in PEM") from None
    leaf, key = certificates[0], certificates[0].public_key()
    if hashlib.sha512(leaf.public_bytes(Encoding.DER)).digest() != certificate_id:
        raise SealError("--beacon-certificate: is not the certificate that the pulse names")
    if not isinstance(key, RSAPublicKey):
        raise SealError("--beacon-certificate: has no RSA key, with which pulses are signed")
    try:
        key.verify(signature, signed, PKCS1v15(), hashes.SHA512())
    except InvalidSignature:
        raise SealError("its signature is not by the certificate that it names") from None
    if certificate_id.hex() not in CERTIFICATES:
        _check_issuers(leaf, certificates[1:], time)


def _check_issuers(leaf: "Certificate", issuers: "Sequence[Certificate]", time: datetime) -> None:
    """Check that issuers up to a root that browsers trust vouch for the name in the certificate."""
    from cryptography.x509 import DNSName
    from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

    policy = PolicyBuilder().store(Store(roots())).time(time)
    try:
        policy.build_server_verifier(DNSName(HOST)).verify(leaf, list(issuers))
    except VerificationError as error:
        raise SealError(
            f"--beacon-certificate: nothing shows that the certificate is NIST's ({HOST}): append its issuers' "
            f"certificates to the file ({str(error).splitlines()[0]})"
        ) from None


def roots() -> "list[Certificate]":
    """The root certificates that browsers trust.

    Raises:
        SealError: if there is no list of them.
    """
    from cryptography import x509

    try:
        import certifi
    except ImportError:
        raise SealError("the list of trusted roots is not installed: pip install 'trapline[beacon]'") from None
    with warnings.catch_warnings():
        # Some of these roots have a serial number that a later version of the library will not read.
        warnings.simplefilter("ignore")
        return x509.load_pem_x509_certificates(certifi.contents().encode())
