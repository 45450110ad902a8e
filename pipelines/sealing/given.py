"""Public randomness as the flags of `draw`, `check` and `verify` give it: digits, or a beacon's saved response."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from transforms.base.errors import cause_of
from transforms.base.flags import RANDOMNESS

if TYPE_CHECKING:
    from transforms.planting.attestations.rounds import Round
    from transforms.planting.sealing.public_randomness import Declared, Randomness


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PublicRandomness:
    """The flags of a command that takes public randomness."""

    beacon: Annotated[str, RANDOMNESS] = ""
    """Output of the declared beacon round, as hexadecimal digits. Once the draw is made, another value is refused."""
    beacon_response: Annotated[str, RANDOMNESS] = ""
    """The beacon's own document of that round (JSON of drand or NIST, as saved): its signature is checked."""
    beacon_certificate: Annotated[str, RANDOMNESS] = ""
    """The certificate that a pulse of NIST names, in PEM, followed by its issuers'."""
    nonce: Annotated[str, RANDOMNESS] = ""
    """The counterparty's nonce, as hexadecimal digits. Once the draw is made, another value is refused."""


def any_given(flags: PublicRandomness, own: bool = False) -> bool:
    """Whether some randomness is given."""
    return bool(flags.beacon or flags.nonce or flags.beacon_response or flags.beacon_certificate or own)


def evidence(flags: PublicRandomness) -> tuple[bytes, bytes]:
    """The beacon's response and the certificate, as the flags name them; empty where they do not.

    Raises:
        UsageError: if a file cannot be read, or a certificate is given without a response.
    """
    if flags.beacon_certificate and not flags.beacon_response:
        raise UsageError("--beacon-certificate goes with --beacon-response, the pulse that it signed")
    return (
        _read("--beacon-response", flags.beacon_response),
        _read("--beacon-certificate", flags.beacon_certificate),
    )


def given(flags: PublicRandomness, declared: "Declared", own: bool = False) -> "Randomness":
    """What the flags give, of the kind that the seal declared.

    Raises:
        SealError: if nothing is given, two things are, or it is another kind than declared.
        RunError: if the response is not of the declared round, or its signature is wrong.
    """
    from transforms.base.errors import SealError
    from transforms.planting.sealing.public_randomness import Randomness

    if not flags.beacon_response:
        evidence(flags)
        randomness = Randomness.given(flags.beacon, flags.nonce, own)
        randomness.refuse_other_than(declared)
        return randomness
    Randomness("beacon", bytes(32)).refuse_other_than(declared)
    found = Randomness("beacon", round_given(flags, declared).value)
    if flags.nonce or own or (flags.beacon and Randomness.given(flags.beacon, "", False) != found):
        raise SealError("--beacon-response: other randomness is given as well, and it differs: give one of them")
    return found


def round_given(flags: PublicRandomness, declared: "Declared") -> "Round":
    """The declared round, from the beacon's response that the flags name.

    Raises:
        RunError: if it is of another round, or its signature is wrong.
    """
    from transforms.base.errors import SealError
    from transforms.planting.attestations.rounds import read_round

    try:
        return read_round(declared, *evidence(flags))
    except SealError as error:
        where = "" if str(error).startswith("--") else f"--beacon-response {flags.beacon_response}: "
        raise RunError(f"{where}{error}") from error


def _read(flag: str, path: str) -> bytes:
    from transforms.base.stores.copies import fetched

    try:
        return fetched(path).read_bytes() if path else b""
    except OSError as error:
        raise UsageError(f"{flag} {path}: cannot be read ({cause_of(error)})") from error
