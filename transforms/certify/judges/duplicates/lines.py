"""Deduplication of lines by their hashes, as CCNet describes it (Wenzek et al. 2020, section 3.1); own version.

The first of equal lines of the corpus stays. Lines are compared in lower case, with digits as zeros, without
punctuation and accents; a document of which nothing is left is dropped.
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence

from transforms.certify.judges.remembered import remembered

SETTINGS = {"normalised": "lower case, digits to 0, no punctuation, no accents", "hash_bits": 64}

_DIGITS, _MARKS = re.compile(r"\d"), re.compile(r"[^\w ]")


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the lines that stood before."""
    seen: set[bytes] = set()
    hashes_of = remembered(_hashes, "lines")
    for text in documents:
        left = []
        for line, known in zip(text.split("\n"), hashes_of(text), strict=True):
            if not known or known not in seen:
                left.append(line)
            if known:
                seen.add(known)
        yield "\n".join(left) if any(map(str.strip, left)) else None


def _hashes(text: str) -> list[bytes]:
    return [_hash(line) for line in text.split("\n")]


def _hash(line: str) -> bytes:
    """Eight bytes of the SHA-1 of a line; none for one without letters and digits."""
    flat = line.strip().lower()
    if not flat.isascii():
        flat = "".join(one for one in unicodedata.normalize("NFD", flat) if not unicodedata.combining(one))
    flat = _MARKS.sub("", _DIGITS.sub("0", flat))
    return hashlib.sha1(flat.encode(), usedforsecurity=False).digest()[:8] if flat.strip() else b""
