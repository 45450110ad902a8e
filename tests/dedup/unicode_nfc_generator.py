"""Write what decides whether a text is in NFC, `transforms/dedup/unicode_nfc.tsv`, from this Python's Unicode data.

python tests/dedup/unicode_nfc_generator.py > transforms/dedup/unicode_nfc.tsv
"""

import sys
import unicodedata
from collections.abc import Iterator
from itertools import groupby

SECOND, FIRST, NEVER = 256, 512, 1024

HEADER = """\
# What decides whether a text is in NFC, Unicode {version}: inclusive runs of code points, in order; others have 0.
# flags: the canonical combining class, + 256: may be composed with a starter before it, + 512: a starter that may be
# composed with what follows, or has a part that may, + 1024: never in NFC.
# first	last	flags
"""


def flags() -> list[int]:
    """The flags of each code point."""
    found = [unicodedata.combining(chr(code)) for code in range(sys.maxunicode + 1)]
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if 0xD800 <= code < 0xE000:
            continue
        parts = [] if 0xAC00 <= code < 0xD7A4 else unicodedata.decomposition(character).split()
        if unicodedata.normalize("NFC", character) != character:
            found[code] |= NEVER
        elif len(parts) == 2 and "<" not in parts[0]:
            found[int(parts[0], 16)] |= FIRST
            found[int(parts[1], 16)] |= SECOND
            # Taken apart, its first part may be composed with a mark that comes later but stands before its own.
            found[code] |= FIRST
    for code in range(0x1100, 0x1113):  # Hangul is composed by rule: leading consonants,
        found[code] |= FIRST
    for code in range(0xAC00, 0xD7A4, 28):  # syllables without a trailing consonant,
        found[code] |= FIRST
    for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)):  # vowels and trailing consonants
        found[code] |= SECOND
    return found


def runs() -> Iterator[tuple[int, int, int]]:
    """(first, last, flags) of every run of code points with the same flags, those without any left out."""
    code = 0
    for value, group in groupby(flags()):
        size = sum(1 for _ in group)
        if value:
            yield code, code + size - 1, value
        code += size


def render() -> str:
    """The whole file."""
    return HEADER.format(version=unicodedata.unidata_version) + "".join(
        f"{first}\t{last}\t{value}\n" for first, last, value in runs()
    )


if __name__ == "__main__":
    sys.stdout.write(render())
