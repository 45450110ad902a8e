"""Sizes in bytes as people write them."""

import re

_UNITS = {
    "": 1,
    "B": 1,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "KI": 2**10,
    "MI": 2**20,
    "GI": 2**30,
    "TI": 2**40,
}
_SIZE = re.compile(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?\s*", re.IGNORECASE | re.ASCII)


def parse_size(text: str) -> int:
    """Bytes of a size such as `128MB`, `64MiB`, `1.5G` or `1000000`.

    Raises:
        ValueError: for anything else, and for less than one byte.
    """
    found = _SIZE.fullmatch(text)
    size = int(float(found.group(1)) * _UNITS[(found.group(2) or "").upper()]) if found else 0
    if size < 1:
        raise ValueError(f"size {text!r} is not understood: write bytes, or for example 64MB, 128MiB or 1.5GB")
    return size
