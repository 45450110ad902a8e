"""Rounds of the beacons that are known here: which a seal means, and what a saved response of one shows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from transforms.base.errors import SealError
from transforms.planting.attestations import drand, nist
from transforms.planting.sealing.public_randomness import Declared

MOST_BYTES = 1 << 20
"""No response of a beacon, and no certificate, is larger."""
KNOWN = (*(one.name for one in drand.CHAINS), "NIST chain 2")
"""Names for messages."""


@dataclass(frozen=True)
class Round:
    """A round whose signature was checked.

    Attributes:
        value: the public bytes that decide.
        time: when it came out, UTC; None where nothing tells.
        source: which beacon's, in full.
    """

    value: bytes
    time: datetime | None
    source: str


def source_of(declared: Declared) -> drand.Chain | nist.PulseChain | None:
    """The beacon that a seal means; None for one that is not known here."""
    name = " ".join(declared.name.lower().replace("-", " ").replace("_", " ").split())
    return drand.chain_of(name) or nist.chain_of(name) if declared.kind == "beacon" else None


def time_of(declared: Declared) -> datetime | None:
    """When the declared round comes out; None where that cannot be computed."""
    source = source_of(declared)
    return source.time_of(declared.round) if isinstance(source, drand.Chain) else None


def read_round(declared: Declared, response: bytes, certificate: bytes = b"") -> Round:
    """What a saved response of a beacon shows of the declared round.

    Args:
        declared: by the seal.
        response: the JSON document that the beacon gave, byte for byte.
        certificate: for a pulse of NIST, in PEM.

    Raises:
        SealError: if it is of another round or beacon, its signature is wrong, or the beacon is not known here.
    """
    source = source_of(declared)
    if source is None:
        raise SealError(
            f"the seal declared {declared.in_words}, whose signatures are not known here (known: {', '.join(KNOWN)}): "
            "give its output with --beacon HEX; the verdict then says that nobody checked it"
        )
    found = _parsed(response)
    if isinstance(source, drand.Chain):
        return Round(source.value_of(found, declared.round), source.time_of(declared.round), source.name)
    value, time = source.value_of(found, declared.round, certificate)
    return Round(value, time, source.name)


def _parsed(response: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(response.decode("utf-8")) if len(response) <= MOST_BYTES else None
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise SealError("is no JSON document of a beacon")
    return found
