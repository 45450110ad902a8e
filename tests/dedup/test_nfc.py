"""Which texts NFC may change: all that it does, and none of the plain texts of any script."""

# ruff: noqa: RUF001 - characters that look like others are the point

import sys
import unicodedata

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dedup import unicode_nfc_generator
from transforms.dedup import nfc as nfc_module
from transforms.dedup.nfc import may_change, nfc

TABLE = nfc_module._FILE.read_text("ascii")
SAME_UNICODE = unicodedata.unidata_version in TABLE.splitlines()[0]
same_unicode = pytest.mark.skipif(not SAME_UNICODE, reason="the table is of another Unicode than this Python's")
MARKS = "\u0300\u0301\u0323\u0327\u0345\u05b0\u064b\u0653\u093c\u094d\u09be\u0bbe\u0bd7\u0d3e\u102e\u3099\u1161\u11a8"
LETTERS = "aeoAÅé\u212b\u1100가각ক\u09c7க\u0bc6\u0bc7かが日אש\ufb2aα\u1f71ا😀 \n"
texts = st.text(st.sampled_from(MARKS + LETTERS), max_size=8) | st.text(max_size=6)


@same_unicode
def test_the_committed_table_is_what_the_generator_writes() -> None:
    assert unicode_nfc_generator.render() == TABLE


@same_unicode
@settings(max_examples=400)
@given(st.lists(texts, max_size=6))
def test_every_text_that_changes_is_found(batch: list[str]) -> None:
    found = may_change(pa.array(batch, pa.string()))
    for text, may in zip(batch, found.tolist(), strict=True):
        assert may or unicodedata.is_normalized("NFC", text)
        if not may:
            assert nfc(pa.array([text])).to_pylist() == [text]


@same_unicode
def test_every_character_by_itself_and_after_a_letter() -> None:
    codes = [code for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    for before in ("", "a", "\u1100", "\u0323"):
        batch = [before + chr(code) for code in codes]
        changed = np.array([not unicodedata.is_normalized("NFC", text) for text in batch])
        assert not np.any(changed & ~may_change(pa.array(batch, pa.large_string())))


@pytest.mark.parametrize(
    "text",
    [
        "plain",
        "café Ångström",
        "日本語がかな",
        "한국어",
        "தமிழ் மொழி கா",
        "বাংলা ভাষা",
        "മലയാളം കാ",
        "עברית",
        "العربية",
        "हिन्दी क्",
        "ไทยที่",
    ],
)
def test_plain_text_is_not_looked_at_twice(text: str) -> None:
    assert may_change(pa.array([None, text, text + " " + text], pa.string())).tolist() == [False] * 3


def test_normal_forms_become_one() -> None:
    text = "Ångström, café, 각, क़, \u2126"
    forms = [unicodedata.normalize(form, text) for form in ("NFC", "NFD")] + [text]
    assert set(nfc(pa.array(forms)).to_pylist()) == {unicodedata.normalize("NFC", text)}
    assert may_change(pa.array(forms)).tolist() == [False, True, True]


def test_what_is_not_utf8_does_no_harm() -> None:
    raw = pa.array([b"\xff\xcc", b"a\xcc", b"\xf4\xbf\xbf\xbf", b"\xe0\x80", b"ok"])
    found = may_change(pa.Array.from_buffers(pa.string(), len(raw), raw.buffers()))
    assert (found.shape, found[-1]) == ((len(raw),), False)
