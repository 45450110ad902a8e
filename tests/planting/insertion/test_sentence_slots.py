"""Where sentences are inserted: between two sentences of a line, or behind the last one of a line."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planting.insertion import unicode_sentences_generator
from tests.planting.insertion.test_slots import TEXTS, planted_into
from tests.planting.ledger.test_restoration import plant
from transforms.base.texts import Texts
from transforms.planting.characters import places_table, sentence_classes
from transforms.planting.forms import LINE, SENTENCE, UNSPACED, form_of
from transforms.planting.insertion import sentences_kernel as kernel
from transforms.planting.insertion.lines_kernel import lines_before
from transforms.planting.insertion.sentences_kernel import (
    ALL_LINES,
    ENDED_LINES,
    find_slots,
    marks_in,
    sentences_of_line,
)
from transforms.planting.insertion.slots import choose, in_order, separators
from transforms.planting.work import VARIABLE


def inserted(text: str, sentences: int = 1, form: int = SENTENCE, fraction: float = 0.0, what: str = "<X>") -> str:
    """The text with so many sentences wanted at a share of it."""
    texts = Texts.of(pa.array([text]))
    rows = np.zeros(sentences, np.int64)
    forms = np.full(sentences, form, np.int8)
    at, kinds = choose(texts, rows, np.full(sentences, int(fraction * 2**32) << 32, np.uint64), forms)
    order = in_order(rows, at, kinds, np.arange(sentences, dtype=np.int32), np.zeros(sentences, np.int32))
    at, kinds = at[order], kinds[order]
    leads, tails = separators(texts, rows, at, kinds, forms)
    data, out, done = text.encode(), b"", 0
    for offset, lead, tail in zip(at.tolist(), leads.to_pylist(), tails.to_pylist(), strict=True):
        out += data[done:offset] + f"{lead}{what}{tail}".encode()
        done = offset
    return (out + data[done:]).decode()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("One is here. Two is there.", "One is here. <X> Two is there."),
        ("One is here.", "One is here. <X>"),
        ("One is here.\nTwo", "One is here. <X>\nTwo"),
        ("One is here.  \r\nTwo is.", "One is here. <X>  \r\nTwo is."),
        ("A title\n\nOne is here. And two", "A title\n\nOne is here. <X> And two"),
        # Lines that end in a mark come first: others are dropped by filters of web text.
        ("One is here. Two is\nthere. Three.", "One is here. Two is\nthere. <X> Three."),
        ("One is here. Two is...\n\nThree is.", "One is here. Two is... <X>\n\nThree is."),
        ("One is here. (Two is.)\n\nThree is.", "One is here. (Two is.) <X>\n\nThree is."),
        ('One is here. Two is "so."', 'One is here. <X> Two is "so."'),
        # What does not end a sentence.
        ("It is e.g. here. So on.", "It is e.g. here. <X> So on."),
        ("It is 3.5 or U.S.A. in all.\nAnd so on.", "It is 3.5 or U.S.A. in all. <X>\nAnd so on."),
        ("It is etc.\nand so on.", "It is etc.\nand so on. <X>"),
        ("It is ca. 5 metres long.", "It is ca. 5 metres long. <X>"),
        ("Is it, he said. Yes.", "Is it, he said. <X> Yes."),
        # Lists after prose; never headings, code, tables, and what is open at the end of a line.
        ("- One is. Two is.\n\nThree is.", "- One is. Two is.\n\nThree is. <X>"),
        ("- One is. Two is.", "- One is. <X> Two is."),
        ("1. One is.\n> Two is. Three is.", "1. One is. <X>\n> Two is. Three is."),
        ("# One is. Two is.\n\nThree is.", "# One is. Two is.\n\nThree is. <X>"),
        ("One is. Two is.\n====\n\nThree is.", "One is. Two is.\n====\n\nThree is. <X>"),
        ("```\nOne is. Two is.\n```\n\nThree is.", "```\nOne is. Two is.\n```\n\nThree is. <X>"),
        ("| One is. | Two is. |\n\nThree is.", "| One is. | Two is. |\n\nThree is. <X>"),
        ("One is `not. So\nit` is. Two.", "One is `not. So\nit` is. <X> Two."),
        ("One `is.\nTwo` is.", "One `is.\nTwo` is. <X>"),
        ("See `a b`.\nAnd", "See `a b`. <X>\nAnd"),
        # Scripts of all kinds.
        ("\u5b83\u662f\u72d7\u3002\u662f\u732b\u3002", "\u5b83\u662f\u72d7\u3002 <X> \u662f\u732b\u3002"),
        ("क ह\u0948। ख ह\u0948।", "क ह\u0948। <X> ख ह\u0948।"),
        ("مرحبا؟ نعم.", "مرحبا؟ <X> نعم."),
        # Nothing to stand between: a paragraph of its own.
        ("no end", "<X>\n\nno end"),
        ("\u0e20\u0e32\u0e29\u0e32 \u0e44\u0e17\u0e22", "<X>\n\n\u0e20\u0e32\u0e29\u0e32 \u0e44\u0e17\u0e22"),
    ],
)  # fmt: skip
def test_a_sentence_goes_between_sentences(text: str, found: str) -> None:
    assert inserted(text) == found


Slot = tuple[int, int, int]


def slots_of(text: str, *stretches: tuple[int, int], within: int = ALL_LINES) -> list[Slot]:
    """(byte offset, kind, rank) of the slots for sentences, of the whole text or in and around some stretches."""
    data = np.frombuffer(text.encode(), np.uint8)
    size = len(data)
    offsets, kinds = np.empty(size + 2, np.int64), np.empty(size + 2, np.int8)
    lows, highs = np.array(stretches or [(0, size)], np.int64).T.copy()
    count = find_slots(data, marks_in(data), places_table(), lows, highs, within, offsets, kinds)
    found, found_kinds = np.empty(2 * size + 4, np.int64), np.empty(2 * size + 4, np.int8)
    ranks, breaks = np.empty(2 * size + 4, np.int8), np.empty(size + 1, np.int64)
    total = kernel._sentence_slots(
        data, sentence_classes(), offsets, kinds, count, within == ALL_LINES, found, found_kinds, ranks, breaks
    )
    return list(zip(*(one[:total].tolist() for one in (found, found_kinds, ranks)), strict=True))


def best_of_all(text: str, fractions: list[float]) -> list[int]:
    """Slots of sentences, by looking at every slot of the whole text."""
    slots, size = slots_of(text), len(text.encode())
    free, chosen = set(range(len(slots))), []
    for share in fractions:
        wanted = int(share * 2**32) * size >> 32
        at = min(free or range(len(slots)), key=lambda slot: (slots[slot][2], abs(slots[slot][0] - wanted), slot))
        free -= {at}
        chosen.append(slots[at][0])
    return chosen


PARTS = st.sampled_from(
    [
        *("Words and words. ", "no mark ", "One.\n", "x" * 450, "\n\n", "~~~\n", "```\n", "- An item.\n", "a | b\n"),
        *("Begun `here. ", "There` it ends.\n", "<a b. ", "C> d.\n", "--- | ---\n", "Words without a mark\n" * 9),
        *("It is (so.)\n", 'It "is."\n', "Is it so?  \r\n", "Ends with 3.\n", "\u5b83\u662f\u3002\n"),
    ]
)


LINES = st.sampled_from(
    [
        *("Yes.\n", "One is. Two is.\n", "no mark\n", "Begun `here.\n", "There` it ends.\n", "<a b.\n", "C> d.\n"),
        *("\n", "a | b\n", "--- | ---\n", "- An item.\n", "    code. Code.\n", "```\n", "=  =\n", "Www.\r\n"),
    ]
)
STRETCHES = st.lists(st.integers(0, 120), min_size=2, max_size=6, unique=True).map(
    lambda places: list(zip(*[iter(sorted(places))] * 2, strict=False))
)


@settings(max_examples=400)
@given(st.lists(LINES, min_size=1, max_size=14).map("".join), STRETCHES)
def test_in_stretches_of_a_text_the_slots_are_those_of_the_whole(text: str, stretches: list[tuple[int, int]]) -> None:
    def inside(found: list[Slot]) -> list[Slot]:
        return [slot for slot in found if any(low <= slot[0] <= high for low, high in stretches)]

    assert inside(slots_of(text, *stretches)) == inside(slots_of(text))
    best = [slot for slot in inside(slots_of(text)) if slot[2] == 0]
    assert [slot for slot in inside(slots_of(text, *stretches, within=ENDED_LINES)) if slot[2] == 0] == best


def test_a_line_of_one_word_counts_where_the_line_before_it_ends_a_sentence() -> None:
    rest = ("Word " + "word " * 400)[:790] + "x.\n\n" + "word " * 1000 + "\n"
    for text, slot in (("Alpha beta gamma.\nAbcdefgh.\n", 27), ("a `b` c\n\nAlpha beta gamma.\nAbcdefgh.\n", 36)):
        wanted = np.array([((slot + 396 << 32) // len(text + rest) + 1) << 32], np.uint64)
        at, _ = choose(Texts.of(pa.array([text + rest])), np.zeros(1, np.int64), wanted, np.full(1, SENTENCE, np.int8))
        assert at.tolist() == [slot]


def test_what_stands_before_the_stretch_before_is_not_looked_at_again() -> None:
    """Else many places in a text of blank lines, or of one long paragraph, would each go back to its begin."""
    text = "Zero.\nOne is.\nTwo is `so.\n" + "\n" * 50 + "Three is.\nFour is.\n"
    data = np.frombuffer(text.encode(), np.uint8)
    blank, end = text.index("\n\n") + 10, len(data)
    assert lines_before(data, blank, False, 0) == (0, 6)
    assert lines_before(data, blank, True, 0) == (6, 6)
    assert lines_before(data, blank, False, blank - 5) == (0, 0)
    three = text.index("Three")
    assert lines_before(data, end, False, 0) == lines_before(data, end, True, 0) == (three, three)
    assert lines_before(data, end, False, text.index("Four")) == (text.index("Four"),) * 2


@settings(max_examples=200)
@given(st.lists(PARTS, min_size=1, max_size=40).map("".join), st.lists(st.floats(0, 1, exclude_max=True), max_size=4))
def test_a_part_of_a_text_gives_the_slots_of_the_whole(text: str, fractions: list[float]) -> None:
    wanted = np.array([int(share * 2**32) << 32 for share in fractions], np.uint64)
    rows, forms = np.zeros(len(wanted), np.int64), np.full(len(wanted), SENTENCE, np.int8)
    at, _ = choose(Texts.of(pa.array([text])), rows, wanted, forms)
    assert at.tolist() == best_of_all(text, fractions)


def test_the_nearest_is_taken_and_each_once_while_there_are_free_ones() -> None:
    text = "One is. Two is. Three is. Four is."
    assert inserted(text, fraction=0.7) == "One is. Two is. Three is. <X> Four is."
    assert inserted(text, sentences=4) == "One is. <X> Two is. <X> Three is. <X> Four is. <X>"
    assert inserted("One is.", sentences=2).count("<X>") == 2


def test_far_away_a_slot_between_sentences_is_still_found() -> None:
    text = "word " * 2000 + "\n\nOne is. Two is."
    assert inserted(text).endswith("One is. <X> Two is.")


def test_scripts_without_spaces_get_none() -> None:
    text = "\u5b83\u662f\u72d7\u3002\u662f\u732b\u3002"
    assert (
        inserted(text, form=UNSPACED, what="\u7532\u3002") == "\u5b83\u662f\u72d7\u3002\u7532\u3002\u662f\u732b\u3002"
    )
    assert inserted(text, form=UNSPACED, what="\u7532\u3002", fraction=0.99).endswith("\u732b\u3002\u7532\u3002")
    assert inserted("One is. Two is.", form=UNSPACED, what="\u7532\u3002") == "One is. \u7532\u3002 Two is."


def test_the_form_is_that_of_all_candidates() -> None:
    assert form_of(["All is well.", "Is it?"]) == SENTENCE
    assert form_of(["All is well.", "no capital."]) == form_of(["All is well.", "No mark"]) == LINE
    assert form_of(["\u662f\u732b\u3002", "\u662f\u72d7\uff01"]) == UNSPACED
    assert form_of(["\u662f\u732b\u3002", "A dog."]) == SENTENCE


@settings(max_examples=60, deadline=None)
@given(TEXTS.filter(bool), st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=8))
def test_sentences_and_lines_are_planted_and_taken_out_again(text: str, wanted: list[int]) -> None:
    planted_into(text, wanted, trap=lambda at: f"Trap {at}." if at % 3 else f"<{at}>")


@given(TEXTS.filter(bool), st.integers(0, 2**32 - 1))
def test_no_grapheme_is_cut(text: str, fraction: int) -> None:
    texts = Texts.of(pa.array([text]))
    at, _ = choose(texts, np.zeros(1, np.int64), np.array([fraction << 32], np.uint64), np.ones(1, np.int8))
    assert int(at[0]) in {0, *itertools.accumulate(len(one.encode()) for one in regex.findall(r"\X", text))}


def slow_breaks(line: str) -> list[int]:
    """Rules SB5 to SB998 of Unicode Standard Annex 29 by regular expressions; offsets in characters."""
    extend = r"[\p{SB=Extend}\p{SB=Format}]*"

    def one(name: str) -> str:
        return rf"\p{{SB={name}}}{extend}"

    sa = rf"(?:{one('STerm')}|{one('ATerm')})"
    stops = "".join(rf"\p{{SB={name}}}" for name in ("OLetter", "Upper", "Lower", "Sep", "CR", "LF", "STerm", "ATerm"))
    out = []
    for at in range(1, len(line)):
        if regex.match(r"[\p{SB=Extend}\p{SB=Format}]", line[at]):
            continue
        before, after = line[:at], line[at:]

        def left(pattern: str, before: str = before) -> bool:
            return regex.search(rf"(?:{pattern})$", before) is not None

        def right(pattern: str, after: str = after) -> bool:
            return regex.match(pattern, after) is not None

        if not left(rf"{sa}(?:{one('Close')})*(?:{one('Sp')})*"):
            continue
        joined = (
            (left(one("ATerm")) and right(r"\p{SB=Numeric}"))
            or (left(rf"(?:{one('Upper')}|{one('Lower')}){one('ATerm')}") and right(r"\p{SB=Upper}"))
            or (
                left(rf"{one('ATerm')}(?:{one('Close')})*(?:{one('Sp')})*")
                and right(rf"[^{stops}]*\p{{SB=Lower}}")
            )
            or right(r"[\p{SB=SContinue}\p{SB=STerm}\p{SB=ATerm}]")
            or (left(rf"{sa}(?:{one('Close')})*") and right(r"[\p{SB=Close}\p{SB=Sp}]"))
            or (left(rf"{sa}(?:{one('Close')})*(?:{one('Sp')})*") and right(r"\p{SB=Sp}"))
        )  # fmt: skip
        if not joined:
            out.append(at)
    return out


PARTS = ["a", "B", " ", ".", "?", ",", ")", '"', "5", "\u0301", "\u3002", "是", "\u00a0", "-", "\u200d"]
LINES = st.one_of(
    st.lists(st.sampled_from(PARTS), max_size=14).map("".join),
    st.text(st.characters(exclude_characters="\n\r\x85\u2028\u2029", exclude_categories=["Cs"])),
)


@settings(max_examples=400)
@given(LINES)
def test_sentences_begin_where_the_annex_says(line: str) -> None:
    data = np.frombuffer(line.encode(), np.uint8)
    breaks = np.empty(len(data) + 1, np.int64)
    count, _, _ = sentences_of_line(data, sentence_classes(), 0, len(data), breaks)
    assert breaks[:count].tolist() == [len(line[:at].encode()) for at in slow_breaks(line)]


def test_the_table_is_what_its_generator_writes() -> None:
    classes = sentence_classes()
    for character in [
        "a",
        "A",
        "\u6f22",
        ".",
        "?",
        "\u3002",
        '"',
        "\u0301",
        "\u200d",
        "\n",
        "\u2028",
        " ",
        "7",
        ",",
        "\u00a0",
    ]:
        assert classes[ord(character)] == unicode_sentences_generator.classify(character)
    assert not classes.flags.writeable


def test_slots_do_not_depend_on_the_candidate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["One is. Two is. Three is.\n\nFour is."]
    found = []
    for name, word in (("a", "Short."), ("b", "A much longer one, it is.")):
        (tmp_path / name).mkdir()
        monkeypatch.setenv(VARIABLE, str(tmp_path / name))
        _, ledger = plant(texts, [(0, at << 61, f"{word[:-1]} {at}.", False) for at in range(3)], 1)
        found.append(
            [(row["unit"], row["before"], row["after"], row["lead"], row["tail"]) for row in ledger.to_pylist()]
        )
    assert found[0] == found[1]
