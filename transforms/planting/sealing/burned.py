"""Units that were revealed: from then on they prove nothing new. `burned.json`, secret."""

from collections.abc import Iterable

from schemas.documents import DocumentError, fields, parse, to_bytes


def burned_bytes(units: Iterable[str]) -> bytes:
    """The document that lists burned units."""
    return to_bytes("burned", 1, {"units": sorted(set(units))})


def parse_burned(data: bytes) -> list[str]:
    """Read the document.

    Raises:
        DocumentError: if it is none.
    """
    content = parse("burned", 1, data)
    fields(content, {"units": list})
    if not all(isinstance(one, str) for one in content["units"]):
        raise DocumentError("field 'units' has the wrong type")
    units: list[str] = content["units"]
    return units
