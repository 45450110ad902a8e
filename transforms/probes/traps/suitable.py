"""What a candidate must look like: one plain line. Once for Polars, and once for single tokens in plain Python."""

import unicodedata

UNSUITABLE = r"[\p{Cc}\p{Co}\p{Cn}\u2028\u2029\ufffd\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Control characters, private or unassigned ones, line ends, marks of direction, replacements (Rust regex)."""

ENDS = r"^\w(?s:.*\w)?$"
"""Word characters at both ends, so that planting can set a candidate apart from its neighbours (Rust regex)."""

_MARKS = frozenset("\u2028\u2029\ufffd\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_plain(text: str) -> bool:
    """Whether a short text holds nothing that `UNSUITABLE` finds."""
    return all(one not in _MARKS and unicodedata.category(one) not in ("Cc", "Co", "Cn", "Cs") for one in text)


def is_word_character(character: str) -> bool:
    """Whether a character is a letter, a mark, a digit or an underscore."""
    return character == "_" or unicodedata.category(character)[0] in "LM" or unicodedata.category(character) == "Nd"
