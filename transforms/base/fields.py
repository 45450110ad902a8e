"""Fields in bytes, each behind its length: no two sequences of fields give the same bytes."""

import hashlib
import struct

_EIGHT = struct.Struct(">Q")
Field = str | bytes | int


def packed(*fields: Field) -> bytes:
    """Each field as its length (8 bytes, big-endian) and its bytes.

    Text is UTF-8 as it is, without normalisation; an integer is its 8 bytes, big-endian.

    Raises:
        struct.error: for an integer below 0 or above 2**64 - 1.
    """
    parts = []
    for field in fields:
        if isinstance(field, str):
            data = field.encode()
        elif isinstance(field, int):
            data = _EIGHT.pack(field)
        else:
            data = field
        parts.append(_EIGHT.pack(len(data)))
        parts.append(data)
    return b"".join(parts)


def digest(domain: str, *fields: Field) -> bytes:
    """SHA-256 of the packed domain and fields, 32 bytes."""
    return hashlib.sha256(packed(domain, *fields)).digest()
