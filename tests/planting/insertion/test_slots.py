"""Where in a text something may be inserted."""

import itertools
import tempfile
from collections.abc import Callable

import numpy as np
import pytest
import regex
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.planting.insertion import unicode_places_generator
from tests.planting.ledger.test_restoration import CONFIG, SHARD, plant
from transforms.planting.characters import places_table, sentence_classes
from transforms.planting.insertion import slots_kernel as kernel
from transforms.planting.insertion.sentences_kernel import choose_slots
from transforms.planting.insertion.slots import SEPARATORS
from transforms.planting.ledger.restoration import _Planted
from transforms.planting.work import VARIABLE

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
        *(
            "---\n",
            "> ",
            "- ",
            "\n--- | ---\n",
            "==  ==\n",
            "``",
            "<a\n",
            ">",
            "<td>",
            "~~~~\n",
            "a | b",
            "/",
            "\ufeff",
        ),
    ]
)
TEXTS = st.one_of(st.text(), st.lists(PIECES, max_size=40).map("".join))


def slots(text: str, *stretches: tuple[int, int], within: int = kernel.ALL_LINES) -> list[tuple[int, int]]:
    """(byte offset, kind) of every slot, or of those in and around some stretches."""
    data = np.frombuffer(text.encode(), np.uint8)
    offsets, kinds = np.empty(len(data) + 2, np.int64), np.empty(len(data) + 2, np.int8)
    lows, highs = np.array(stretches or [(0, 1 << 40)], np.int64).T.copy()
    count = kernel.find_slots(data, kernel.marks_in(data), places_table(), lows, highs, within, offsets, kinds)
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
        ("| a | b |\n|---|---|\nx y\n\nx y", "<S>| a | b |\n|---|---|\nx y\n\n<P>x <w>y<E>"),
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
        # Fences: inline code that begins a line, what does not close, quotations and lists, titles of reStructuredText.
        ("```x``` y z\n\n```\na b\n```\nc d", "<S>```x``` <w>y <w>z\n\n<P>```\na b\n```\nc <w>d<E>"),
        ("```text\na b\n```python\nc d\n```\ne f", "<S>```text\na b\n```python\nc d\n```\ne <w>f<E>"),
        ("> ```\n> a b\n> ```\nc d", "<S>> ```\n> a b\n> ```\nc <w>d<E>"),
        ("> ```\n> a b\n\nc d", "<S>> ```\n> a b\n\n<P>c <w>d<E>"),
        ("> ```\n> a b\nc d", "<S>> ```\n> a b\nc <w>d<E>"),
        ("```\n> ```\na b\n```", "<S>```\n> ```\na b\n```<E>"),
        ("- ```\n  a b\n  ```\n- c d", "<S>- ```\n  a b\n  ```\n- <w>c <w>d<E>"),
        ("12. * ~~~\n  a b\n  ~~~\nc d", "<S>12. * ~~~\n  a b\n  ~~~\nc <w>d<E>"),
        ("A title\n~~~~~~~\na b", "<S>A <w>title\n~~~~~~~\na <w>b<E>"),
        ("Code that follows:\n~~~\na b\n~~~", "<S>Code <w>that <w>follows:\n~~~\na b\n~~~<E>"),
        ("~~~\na\n~~~\n~~~\na b\n~~~", "<S>~~~\na\n~~~\n~~~\na b\n~~~<E>"),
        # Tables without outer bars, simple tables, cells of HTML.
        ("a b | c\n--- | ---\nd e | f\ng h\n\ni j", "<S>a b | c\n--- | ---\nd e | f\ng h\n\n<P>i <w>j<E>"),
        ("a b | c d", "<S>a <w>b <w>| <w>c <w>d<E>"),
        (
            "a\n\n==  ==\nb c  d\n==  ==\ne f  g\n\nh i  j\n==  ==\n\nk l",
            "<S>a\n\n<P>==  ==\nb c  d\n==  ==\ne f  g\n\nh i  j\n==  ==\n\n<P>k <w>l<E>",
        ),
        ("==  ==\na b  c\n==  ==\n\nd e", "<S>==  ==\na b  c\n==  ==\n\n<P>d <w>e<E>"),
        ("==  ==\na b", "<S>==  ==\na <w>b<E>"),
        ("<TR class=a><td>a b</td>\nc d", "<S><TR class=a><td>a b</td>\nc <w>d<E>"),
        # Inline code and tags that go on over lines of a paragraph, or are never closed.
        ('<a x="1"\n  y="a b">c d</a>', '<S><a x="1"\n  y="a b">c <w>d</a><E>'),
        ("`a b\nc d` e f", "<S>`a b\nc d` <w>e <w>f<E>"),
        ("``a ` b`` c d", "<S>``a ` b`` <w>c <w>d<E>"),
        ("a ` b\n\nc ` d", "<S>a <w>` <w>b\n\n<P>c <w>` <w>d<E>"),
        ("a <b c\n\nd> e", "<S>a <w><b <w>c\n\n<P>d> <w>e<E>"),
        ("`a. B\n`. C `d\ne`", "<S>`a. B\n`. <T>C <w>`d\ne`<E>"),
        # Addresses without a scheme.
        ("see a.example/漢字/漢字 漢字", "<S>see <w>a.example/漢字/漢字 <w>漢<w>字<E>"),
        ("漢字。A/漢字", "<S>漢<w>字。A/漢<w>字<E>"),
        # What stands before the text proper.
        ("\ufeffa b", "\ufeff<S>a <w>b<E>"),
        ("---\na: b c\n\nd: e\n---\nf g", "---\na: b c\n\nd: e\n---\n<S>f <w>g<E>"),
        ("\ufeff---\r\na: b\r\n...\r\n\r\nf g", "\ufeff---\r\na: b\r\n...\r\n<S>\r\n<P>f <w>g<E>"),
        ("---\na: b c\n---\n", "---\na: b c\n---\n<E>"),
        ("---\n\na b\n\n---\n", "<S>---\n\n<P>a <w>b\n\n<P>---\n<E>"),
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
        lead, tail = (SEPARATORS[one] for one in kernel.separators(data, places_table(), offset, kind, False, False))
        before = text.encode()[:offset].decode().removeprefix("\ufeff") + lead
        after = tail + text.encode()[offset:].decode()
        assert not before or before[-1].isspace()
        assert not after or after[0].isspace()
        if kind in (kernel.START, kernel.END, kernel.PARAGRAPH):
            front_matter = kind == kernel.START and before.startswith("---")
            assert not before.strip() or front_matter or regex.search(r"\n[ \t\r]*\n[ \t\r]*$", before)
            assert not after or after.startswith("\n\n")


STRETCHES = st.lists(st.integers(0, 300), min_size=2, max_size=8, unique=True).map(
    lambda places: list(zip(*[iter(sorted(places))] * 2, strict=False))
)


@settings(max_examples=300)
@given(st.lists(TEXTS, max_size=4).map("\n\n".join).filter(bool), STRETCHES)
def test_in_stretches_of_a_text_the_same_slots_are_found(text: str, stretches: list[tuple[int, int]]) -> None:
    def inside(found: list[tuple[int, int]]) -> list[tuple[int, int]]:
        return [slot for slot in found if any(low <= slot[0] <= high for low, high in stretches)]

    assert inside(slots(text, *stretches)) == inside(slots(text))


def choose(texts: list[str], fractions: list[list[float]]) -> list[list[tuple[int, int]]]:
    data = np.frombuffer("".join(texts).encode(), np.uint8)
    ends = np.cumsum([len(text.encode()) for text in texts], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum([len(one) for one in fractions])]).astype(np.int64)
    wanted = np.array([int(share * 2**32) << 32 for one in fractions for share in one], np.uint64)
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
    lines = np.ones(len(wanted), np.bool_)
    at, kinds = choose_slots(data, starts, ends, first, wanted, lines, places_table(), sentence_classes())
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


PARTS = st.sampled_from(
    [
        *("Words and words. ", "no mark ", "One.\n", "x" * 450, "\n\n", "~~~\n", "```\n", "a | b\n", "=  =\n"),
        *("Begun `here. ", "There` it ends.\n", "<a b. ", "C> d.\n", "--- | ---\n", "Words without a mark\n" * 9),
    ]
)


@settings(max_examples=200)
@given(st.lists(PARTS, min_size=1, max_size=40).map("".join), st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
def test_a_part_of_a_text_gives_the_slots_of_the_whole(text: str, fractions: list[float]) -> None:
    """The slots of lines are those of a search through every slot of the text, one after the other."""
    size = len(text.encode())
    offsets, kinds = zip(*slots(text), strict=True) if slots(text) else ((), ())
    used = [False] * len(offsets)
    for share, found in zip(fractions, choose([text], [fractions])[0] if offsets else [], strict=False):
        at = nearest_of_all(list(offsets), list(kinds), used, int(share * 2**32) * size >> 32)
        used[at] = True
        assert found == (offsets[at], kinds[at])


@given(TEXTS, st.integers(0, 300), st.integers(0, 300))
def test_without_those_in_lines_the_other_slots_are_the_same(text: str, one: int, other: int) -> None:
    def at_ends(within: int) -> list[tuple[int, int]]:
        first, last = sorted((one, other))
        found = slots(text, (first, last), within=within)
        return [slot for slot in found if slot[1] <= kernel.PARAGRAPH]

    assert at_ends(kernel.NO_LINES) == at_ends(kernel.ENDED_LINES) == at_ends(kernel.ALL_LINES)


def test_far_from_any_slot_the_whole_text_is_looked_at() -> None:
    text = "start " + "x" * 20_000 + " end"
    assert choose([text], [[0.5]]) == [[(6, kernel.WORD)]]
    assert choose([text], [[0.51]]) == [[(20_007, kernel.WORD)]]


def nearest_of_all(offsets: list[int], kinds: list[int], used: list[bool], wanted: int) -> int:
    """What `nearest` says, by looking at every slot."""

    def rank(slot: int) -> int:
        distance = abs(offsets[slot] - wanted)
        if kinds[slot] <= kernel.PARAGRAPH and distance <= kernel.PARAGRAPH_REACH:
            return 1
        return 2 if kinds[slot] == kernel.SENTENCE and distance <= kernel.SENTENCE_REACH else 3

    free = [slot for slot in range(len(offsets)) if not used[slot]]
    if free:
        return min(free, key=lambda slot: (rank(slot), abs(offsets[slot] - wanted), slot))
    return min(range(len(offsets)), key=lambda slot: (abs(offsets[slot] - wanted), slot))


@settings(max_examples=400)
@given(
    st.lists(st.integers(0, 80).map(lambda at: 50 * at) | st.integers(0, 30), min_size=1, max_size=40, unique=True),
    st.integers(0, 160).map(lambda at: 25 * at) | st.integers(0, 30),
    st.data(),
)
def test_the_nearest_slot_is_that_of_a_search_through_all(offsets: list[int], wanted: int, data: st.DataObject) -> None:
    offsets.sort()
    size = len(offsets)
    mostly_words = st.sampled_from([*KINDS, *[kernel.WORD] * 20])
    kinds = data.draw(st.lists(mostly_words, min_size=size, max_size=size))
    used = data.draw(st.lists(st.booleans(), min_size=size, max_size=size) | st.just([True] * size))
    found = kernel.nearest(
        np.array(offsets, np.int64), np.array(kinds, np.int8), np.array(used, np.bool_), size, wanted
    )
    assert found == nearest_of_all(offsets, kinds, used, wanted)


TRAP = "<{}>"


def planted_into(
    text: str, wanted: list[int], trap: Callable[[int], str] = TRAP.format
) -> tuple[str, list[dict[str, object]]]:
    """The text with a copy for each wanted place (of 2**64), and the ledger."""
    copies = [(0, fraction, trap(at), False) for at, fraction in enumerate(wanted)]
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, folder)
        planted, ledger = plant([text], copies, 1)
    restored = _Planted(ledger, SHARD, CONFIG).without(0, planted)
    assert restored["text"].to_pylist() == [text]
    return planted["text"][0].as_py(), ledger.to_pylist()


def assert_parted(text: str, planted: str, ledger: list[dict[str, object]]) -> None:
    """Each copy has white space, or nothing but a byte order mark, at either side, and cuts no grapheme."""
    borders = {0, *itertools.accumulate(len(one) for one in regex.findall(r"\X", planted))}
    for row in ledger:
        lo = row["char_offset"]
        hi = lo + len(TRAP.format(row["candidate"][1:]))  # type: ignore[index, operator]
        before, after = planted[:lo].removeprefix("\ufeff"), planted[hi:]  # type: ignore[misc]
        assert not before or before[-1].isspace()
        assert not after or after[0].isspace()
        assert {lo - len(row["lead"]), lo, hi, hi + len(row["tail"])} <= borders  # type: ignore[arg-type, operator]
        if row["boundary"] == "end":
            assert not before.strip() or regex.search(r"\n[ \t\r]*\n[ \t\r]*$", before)
        if row["boundary"] in ("start", "paragraph"):
            assert not after or regex.match(r"\r?\n\r?\n", after)


@pytest.mark.parametrize(
    "text", ["```\nx = 1\n```\n\n", "one\n\n", "one\n", "one", "one\r", "one\r\n", "one\r\n\r\n", "漢", "\n", "\ufeff"]
)
def test_copies_that_share_a_slot_are_parted(text: str) -> None:
    planted, ledger = planted_into(text, [at << 60 for at in range(16)])
    assert_parted(text, planted, ledger)


@settings(max_examples=60, deadline=None)
@given(TEXTS.filter(bool), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=12))
def test_every_copy_is_parted_from_its_neighbours(text: str, wanted: list[int]) -> None:
    planted, ledger = planted_into(text, wanted)
    assert_parted(text, planted, ledger)


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
