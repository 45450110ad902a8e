"""What a candidate must look like: one plain line, or sentences of prose.

Once for Polars, and once for single tokens in plain Python.
"""

import unicodedata
from typing import Literal

import polars as pl

Form = Literal["sentence", "line"]

UNSUITABLE = r"[\p{Cc}\p{Co}\p{Cn}\u2028\u2029\ufffd\ufeff\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Control characters, private or unassigned ones, line ends, marks of direction, replacements (Rust regex)."""

ENDS = r"^\w(?s:.*\w)?$"
"""Word characters at both ends, so that planting can set a candidate apart from its neighbours (Rust regex)."""

_OUTER_SPACE = r"^\s|\s$|^$"
_SENTENCES = (
    r"^[\p{Lu}\p{Lt}\p{Lo}](?s:.*[\p{L}\p{M}\p{Nd}%\"\u201d\u00bb\u300d\u300f][ \u00a0\u202f]?)?"
    r"[\p{Sentence_Terminal}]$"
)
"""A capital letter, or one of a script that has none, and one mark behind a word or what closes a quotation."""

_QUOTES = r"\"\u201c-\u201e\u00ab\u00bb\u300c-\u300f"
_MARKS = r",;:\u3001\uff0c\uff1b\uff1a\u060c\u061b\u055d\u1363\u104a\u30fb\u00b7\u00bf\u00a1%\u00b0"
_JOINERS = r"'\u2019\u02bc\-\u2010\u2011\u2013\u2014\u200c\u200d"
_PROSE = rf"^[\p{{L}}\p{{M}}\p{{Nd}} \u00a0\u202f\p{{Sentence_Terminal}}{_QUOTES}{_MARKS}{_JOINERS}]*$"
"""Letters, digits, spaces, and the punctuation that prose has: no brackets and nothing of code or addresses."""

_NOT_PROSE = (
    r"\p{L}\.\p{L}|(?i)\bwww\.|[\p{L}\p{Nd}]:\p{L}|--"
    r"|[\p{Sentence_Terminal},;:]\s*[\p{Sentence_Terminal},;:]|(?:^|[^\p{L}\p{M}\p{Nd}])['\u2019\u02bc]"
)
"""Names of hosts and files, two marks in a row, and apostrophes that follow no letter."""

_FILTERED = (
    r"(?i)lorem ipsum|javascript|terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
)
"""For these C4's filter drops a line or a document (Raffel et al. 2020, section 2.2)."""

_NEVER = frozenset("\u2028\u2029\ufffd\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def misshapen(texts: pl.Series, form: Form) -> pl.Series:
    """Which texts are no single line of normalised (NFC) text without control characters; of lines also their ends."""
    ends = texts.str.contains(_OUTER_SPACE) if form == "sentence" else ~texts.str.contains(ENDS)
    return texts.str.contains(UNSUITABLE) | ends | (texts.str.normalize("NFC") != texts)


def no_sentences(texts: pl.Series) -> pl.Series:
    """Which texts are not sentences of prose, or would be filtered for what they say."""

    def count(pattern: str) -> pl.Series:
        return texts.str.count_matches(pattern)

    low, first, second = count("\u201e"), count("\u201c"), count("\u201d")
    curly = ((low == 0) & (first == second)) | ((low > 0) & (low == first + second))
    closed = curly & (count('"') % 2 == 0) & (count("\u00ab") == count("\u00bb"))
    closed &= (count("\u300c") == count("\u300d")) & (count("\u300e") == count("\u300f"))
    prose = texts.str.contains(_SENTENCES) & texts.str.contains(_PROSE)
    return ~(prose & closed) | texts.str.contains(_NOT_PROSE) | texts.str.contains(_FILTERED)


def is_plain(text: str) -> bool:
    """Whether a short text holds nothing that `UNSUITABLE` finds."""
    return all(one not in _NEVER and unicodedata.category(one) not in ("Cc", "Co", "Cn", "Cs") for one in text)


def is_word_character(character: str) -> bool:
    """Whether a character is a letter, a mark, a digit or an underscore."""
    return character == "_" or unicodedata.category(character)[0] in "LM" or unicodedata.category(character) == "Nd"


def in_prose(text: str) -> bool:
    """Whether a short text holds only letters, marks, digits, spaces and the commonest punctuation."""
    return all(one in " ,;:.!?'\u2019-" or unicodedata.category(one)[0] in "LM" or one.isdecimal() for one in text)


def is_capital(character: str) -> bool:
    """Whether a character is a capital letter, or a letter of a script that has none."""
    return unicodedata.category(character) in ("Lu", "Lt", "Lo")
