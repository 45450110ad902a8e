"""The table of word characters: against Unicode's own data, and on the scripts that make words difficult."""

# ruff: noqa: RUF001 - characters that look like others are the point

import sys
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from tests.base import unicode_words_generator
from tests.dedup import slow_reference
from transforms.base import words as words_module
from transforms.base.words import IN_WORD, PARTS_WORDS, WORD_BY_ITSELF, code_of, word_table, words

TABLE = Path(words_module.__file__).with_name("unicode_words.tsv")
VERSION = TABLE.read_text("ascii").split(maxsplit=6)[5].rstrip(":")
same_unicode = pytest.mark.skipif(
    unicodedata.unidata_version != VERSION, reason=f"the table is of Unicode {VERSION}, not of this Python's"
)


@same_unicode
def test_the_committed_table_is_what_the_generator_writes() -> None:
    assert unicode_words_generator.render() == TABLE.read_text("ascii")


@same_unicode
def test_every_character_is_a_word_where_unicode_says_so() -> None:
    table = word_table()
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Co", "Cs"):
            assert table[code] & 3 == PARTS_WORDS, hex(code)
            continue
        expected = slow_reference.words(character)
        alone = len(slow_reference.words(character * 2)) == 2
        kind = (WORD_BY_ITSELF if alone else IN_WORD) if expected else PARTS_WORDS
        assert table[code] & 3 == kind, hex(code)
        if expected:
            assert chr(table[code] >> 2) == expected[0], hex(code)


def test_folding_a_folded_character_changes_nothing() -> None:
    table = word_table()
    in_words = table[table & 3 != PARTS_WORDS]
    again = table[in_words >> 2]
    assert np.array_equal(again, in_words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\n\u00a0\u2003.,;!-", []),
        ("🎈🎉 👩‍👩‍👧", []),  # joiners (Cf) are no marks
        ("Hello, WORLD_1!", ["hello", "world_1"]),
        ("don't e-mail x²", ["don", "t", "e", "mail", "x"]),
        ("naïve Ångström", ["naïve", "ångström"]),
        ("cafe\u0301s", ["cafe\u0301s"]),
        ("Straße STRASSE ẞ", ["straße", "strasse", "ß"]),
        ("ΟΔΟΣ οδος οδοσ", ["οδοσ"] * 3),
        ("İstanbul ISPARTA ısı", ["İstanbul", "isparta", "ısı"]),
        ("Ꭰꮳ ᏸ", ["ᎠᏣ", "Ᏸ"]),  # Cherokee folds to capitals
        ("ＡＢｃ１", ["ａｂｃ１"]),
        ("K Ω ſ", ["k", "ω", "s"]),
        ("東京 に", ["東", "京", "に"]),
        ("abc東x京", ["abc", "東", "x", "京"]),
        ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
        ("か\u3099", ["か", "\u3099"]),  # an inherited mark is of no script
        ("ไทย ๑๒", ["ไ", "ท", "ย", "๑", "๒"]),
        ("ភាសា", ["ភ", "ា", "ស", "ា"]),
        ("한국어 서울", ["한국어", "서울"]),
        ("مَرحبًا ١٢٣", ["مَرحبًا", "١٢٣"]),
        ("हिन्दी", ["हिन्दी"]),
        ("𠀀𝐀𝟏", ["𠀀", "𝐀𝟏"]),
        ("Ⅻ ½ №5", ["5"]),  # other numbers and symbols are no digits
    ],
)
def test_examples(text: str, expected: list[str]) -> None:
    assert words(text) == expected
    assert slow_reference.words(text) == expected


@same_unicode
@given(st.text())
def test_words_agree_with_the_reference(text: str) -> None:
    assert words(text) == slow_reference.words(text)


def code_words(text: str) -> list[str]:
    """The words and signs of code, by Unicode properties."""
    words = regex.findall(r"[\p{L}\p{M}\p{Nd}_]+|.", text, regex.DOTALL)
    return [part for word in words for part in (slow_code_parts(word) if len(word) > 1 else [word]) if is_seen(part)]


def slow_code_parts(word: str) -> list[str]:
    """A run cut at the characters that are words by themselves."""
    parts = regex.split(r"([\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])", word)
    return [part for part in parts if part]


def is_seen(word: str) -> bool:
    return not (word.isspace() or word == "\ufeff" or unicodedata.category(word[0]) == "Cc")


CODE = st.text(st.sampled_from("abXé_1 \t\n\u00a0\u2028\ufeff\0+-=<>(){}[];:.,\"'#日か→😀\u0301"), max_size=20)


@given(st.lists(CODE, max_size=5))
def test_code_is_words_as_they_stand_and_signs(batch: list[str]) -> None:
    hashes, offsets = code_of(pa.array([*batch, None], pa.string()))
    known: dict[str, int] = {}
    for row, text in enumerate(batch):
        found = hashes[offsets[row] : offsets[row + 1]].tolist()
        wanted = code_words(text)
        assert len(found) == len(wanted)
        assert all(known.setdefault(word, value) == value for word, value in zip(wanted, found, strict=True))
    assert len(set(known.values())) == len(known)
    assert offsets[-1] == offsets[-2]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("x = 1 + 2", "x = 1 - 2", False),
        ("x=1+2", "x = 1 +\n\t2", True),
        ("a[i]", "a(i)", False),
        ("Foo()", "foo()", False),
        ("a->b", "a-> b", True),
        ("a_b", "a b", False),
        ('"x"', "'x'", False),
    ],
)
def test_examples_of_code(one: str, other: str, same: bool) -> None:
    (left, _), (right, _) = (code_of(pa.array([text])) for text in (one, other))
    assert (left.tolist() == right.tolist()) == same
