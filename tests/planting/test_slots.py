"""Where in a text something may be inserted."""

import itertools

import numpy as np
import pytest
import regex
from hypothesis import example, given
from hypothesis import strategies as st

from tests.planting import unicode_places_generator
from transforms.planting import slots_kernel as kernel
from transforms.planting.editor import SEPARATORS
from transforms.planting.places_table import places_table

KINDS = {kernel.START: "S", kernel.END: "E", kernel.PARAGRAPH: "P", kernel.SENTENCE: "T", kernel.WORD: "w"}

PIECES = st.sampled_from(
    [
        *(
            "word",
            "Word",
            " ",
            "  ",
            "\n",
            "\n\n",
            "\r\n",
            ".",
            "? ",
            "。",
            "漢",
            "字",
            "か\u3099",
            "e\u0301",
            " \u0301",
        ),
        *("\u200d", "👩\u200d🔬", "🇩🇪", "\t", "|", "```", "~~~", "    ", "<a b>", "`", "http://a.b/漢字", "www.x.y"),
        *("\u00a0", "\u3000", "»", "ส", "า"),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


def slots(text: str, first: int = 0, last: int = 1 << 40) -> list[tuple[int, int]]:
    """(byte offset, kind) of every slot."""
    data = np.frombuffer(text.encode(), np.uint8)
    offsets, kinds = np.empty(len(data) + 2, np.int64), np.empty(len(data) + 2, np.int8)
    count = kernel.find_slots(data, places_table(), first, last, offsets, kinds)
    return list(zip(offsets[:count].tolist(), kinds[:count].tolist(), strict=True))


def shown(text: str) -> str:
    """The text with a mark for each slot."""
    data, out, at = text.encode(), "", 0
    for offset, kind in slots(text):
        out += data[at:offset].decode() + f"<{KINDS[kind]}>"
        at = offset
    return out + data[at:].decode()


@pytest.mark.parametrize(
    ("text", "marked"),
    [
        ("", "<S>"),
        ("one two", "<S>one <w>two<E>"),
        ("One. Two? three", "<S>One. <T>Two? <w>three<E>"),
        ('He said "yes." Then left.', '<S>He <w>said "yes." <T>Then <w>left.<E>'),
        ("a , b", "<S>a , <w>b<E>"),
        ("A line.\nNext one\nand on.", "<S>A <w>line.\n<T>Next <w>one\nand <w>on.<E>"),
        ("- item.\n- other", "<S>- <w>item.\n- <w>other<E>"),
        ("a\n\nb", "<S>a\n\n<P>b<E>"),
        ("a\r\n \t\r\nb", "<S>a\r\n \t\r\n<P>b<E>"),
        ("a b\n\n```\nc d\n\ne f\n```\ng h", "<S>a <w>b\n\n<P>```\nc d\n\ne f\n```\ng <w>h<E>"),
        ("~~~\nnever closed. At\n\nall", "<S>~~~\nnever closed. At\n\nall"),
        ("````\n```\na b\n````\nc d", "<S>````\n```\na b\n````\nc <w>d<E>"),
        ("| a | b |\n|---|---|\nx y", "<S>| a | b |\n|---|---|\nx <w>y<E>"),
        ("a\tb\tc d", "<S>a\tb\tc d<E>"),
        ("+---+ x\n", "<S>+---+ x\n<E>"),
        ("a\n\n    x = 1\n\n    y = 2\n", "<S>a\n\n<P>    x = 1\n\n    y = 2\n<E>"),
        ("use `a b` now", "<S>use <w>`a b` <w>now<E>"),
        ('see <a href="x y">that one</a> now', '<S>see <w><a href="x y">that <w>one</a> <w>now<E>'),
        ("漢字。次", "<S>漢<w>字。<T>次<E>"),
        ("http://例え/漢字 漢字", "<S>http://例え/漢字 <w>漢<w>字<E>"),
        ("www.漢字 x", "<S>www.漢字 <w>x<E>"),
        ("か\u3099き", "<S>か\u3099<E>".replace("\u3099<E>", "\u3099き<E>")),
        ("ภาษา ไทย", "<S>ภาษา <w>ไทย<E>"),
        ("a \u0301b c", "<S>a \u0301b <w>c<E>"),
        ("a\u00a0b\u3000c", "<S>a\u00a0<w>b\u3000<w>c<E>"),
    ],
)
def test_slots_of(text: str, marked: str) -> None:
    assert shown(text) == marked


@given(TEXTS)
@example("\u0301a b")
def test_no_slot_cuts_a_grapheme(text: str) -> None:
    borders = {0, *itertools.accumulate(len(one.encode()) for one in regex.findall(r"\X", text))}
    assert {offset for offset, _ in slots(text)} <= borders


@given(TEXTS)
def test_what_is_inserted_is_parted_from_its_neighbours(text: str) -> None:
    data = np.frombuffer(text.encode(), np.uint8)
    for offset, kind in slots(text):
        lead, tail = (SEPARATORS[one] for one in kernel.separators(data, places_table(), offset, kind, False))
        before = text.encode()[:offset].decode() + lead.decode()
        after = tail.decode() + text.encode()[offset:].decode()
        assert not before or before[-1].isspace()
        assert not after or after[0].isspace()
        if kind in (kernel.START, kernel.END, kernel.PARAGRAPH):
            assert not before.strip() or regex.search(r"\n[ \t\r]*\n[ \t\r]*$", before)
            assert not after or after.startswith("\n\n")


@given(TEXTS.filter(bool), st.integers(0, 300), st.integers(0, 300))
def test_between_two_places_the_same_slots_are_found(text: str, one: int, other: int) -> None:
    first, last = sorted((one, other))
    inside = [slot for slot in slots(text, first, last) if first <= slot[0] <= last]
    assert inside == [slot for slot in slots(text) if first <= slot[0] <= last]


def choose(texts: list[str], fractions: list[list[float]]) -> list[list[tuple[int, int]]]:
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    ends = np.cumsum([len(text.encode()) for text in texts], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum([len(one) for one in fractions])]).astype(np.int64)
    wanted = np.array([int(share * 2**32) << 32 for one in fractions for share in one], np.uint64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    at, kinds, _, _ = kernel.choose_slots(data, starts, ends, first, wanted, places_table())
    pairs = list(zip(at.tolist(), kinds.tolist(), strict=True))
    return [pairs[lo:hi] for lo, hi in itertools.pairwise(first.tolist())]


def test_a_paragraph_is_preferred_then_a_sentence_then_the_nearest_word() -> None:
    words = "word " * 200
    near = f"{words}\n\n{words}"
    assert choose([near], [[0.6]]) == [[(1002, kernel.PARAGRAPH)]]
    far = "word " * 1000 + "End. New " + "word " * 1000
    assert choose([far], [[0.51]]) == [[(5005, kernel.SENTENCE)]]
    assert choose([far], [[0.25]])[0][0][1] == kernel.WORD


def test_copies_in_one_text_take_slots_of_their_own_while_there_are_any() -> None:
    found = choose(["one two three"], [[0.5] * 4])[0]
    assert len({offset for offset, _ in found}) == 4
    crowded = choose(["one"], [[0.5] * 5])[0]
    assert {offset for offset, _ in crowded} == {0, 3}


@given(st.lists(TEXTS.filter(bool), min_size=1, max_size=4), st.data())
def test_chosen_slots_are_slots(texts: list[str], data: st.DataObject) -> None:
    fractions = [data.draw(st.lists(st.floats(0, 1, exclude_max=True), max_size=4)) for _ in texts]
    for text, found in zip(texts, choose(texts, fractions), strict=True):
        assert set(found) <= set(slots(text))


def test_far_from_any_slot_the_whole_text_is_looked_at() -> None:
    text = "start " + "x" * 20_000 + " end"
    assert choose([text], [[0.5]]) == [[(6, kernel.WORD)]]
    assert choose([text], [[0.51]]) == [[(20_007, kernel.WORD)]]


def test_the_table_is_what_its_generator_writes() -> None:
    table = places_table()
    for character in [
        "a",
        "A",
        "漢",
        "か",
        ".",
        "。",
        '"',
        "\u0301",
        "\u200d",
        "\n",
        "\u2028",
        " ",
        "\u3000",
        "\ufeff",
        "🏽",
    ]:
        assert table[ord(character)] == unicode_places_generator.classify(character)
    assert not table.flags.writeable
