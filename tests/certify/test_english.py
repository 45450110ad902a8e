"""Words, sentences and simplified texts put together from parts, as a tokenizer of whole texts has them."""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

from hypothesis import example, given
from hypothesis import strategies as st

from transforms.certify.judges.joints import Joints
from transforms.certify.judges.parts import Part, Parts, Token, is_whole, part_of, pieces_of, sentences_in
from transforms.certify.judges.simple import Simple

TEXTS = st.lists(
    st.sampled_from(["One", "two", "don't", ".", "!", '"', ")", "(", ":", "-", " ", " ", "  ", "\n", "\t", "\u00a0"])
).map("".join)
ENDS, CLOSES = {".", "!"}, {'"', ")", "(", ":", "-"}
SPECIAL = {":)": [":", ")"], "):": [")", ":"], ":-)": [":", "-", ")"], "one": ["one"]}


def tokens(text: str) -> Iterator[Token]:
    """The tokens of a whole text, as spaCy has them: white space is one, but for a space behind another token."""
    for found in re.finditer(r"\s+|\w+|[^\w\s]", text):
        own, at = found[0], found.start()
        if own.isspace() and own[0] == " " and at:
            own, at = own[1:], at + 1
        if own:
            yield Token(at, own, own in ENDS, own in CLOSES)


def spans(text: str) -> list[tuple[int, int]]:
    """The sentences of a whole text: one begins at what is no punctuation behind an end."""
    own, starts, seen = list(tokens(text)), [0], False
    for number, token in enumerate(own):
        if seen and not token.ends and not token.closes:
            starts.append(number)
            seen = False
        seen = seen or token.ends
    if not own:
        return []
    lasts = [own[start - 1] for start in [*starts[1:], len(own)]]
    return [(own[start].at, last.at + len(last.text)) for start, last in zip(starts, lasts, strict=True)]


def words(text: str) -> list[str]:
    return [token.text for token in tokens(text) if not token.text.isspace()]


def tokens_of_parts(parts: list[str]) -> Iterator[list[Token]]:
    return (list(tokens(part)) for part in parts)


class Noted:
    """Takes whole texts apart, and notes which."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def word_tokenize(self, text: str) -> list[str]:
        self.asked.append(text)
        return words(text)

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        self.asked.append(text)
        return spans(text)[:1]

    def sent_tokenize(self, text: str) -> list[str]:
        self.asked.append(text)
        return [text.replace("IS_ALPHA", "")]


def parts(special: Mapping[str, Sequence[str]] = SPECIAL) -> Parts:
    return Parts(tokens_of_parts, Noted(), Joints(special))


@given(TEXTS)
@example(" One.  \n Two.")
@example("One. ")
@example(" ")
@example("):\n:-)")
def test_words_and_sentences_are_those_of_the_whole_text(text: str) -> None:
    for own in (parts(), parts({})):
        assert own.words(text) == words(text)
        assert own.spans(text) == spans(text)
        assert own.sentences(text) == sentences_in(text, spans(text))


def test_a_part_is_taken_apart_once() -> None:
    asked: list[str] = []

    def noted(parts: list[str]) -> Iterator[list[Token]]:
        asked.extend(parts)
        return tokens_of_parts(parts)

    own = Parts(noted, Noted(), Joints({}))
    own.words("one two. One two.")
    own.spans("two. Three one")
    assert sorted(asked) == ["One", "Three", "one", "two."]


def test_a_text_with_the_word_that_breaks_spacy_is_taken_as_a_whole() -> None:
    whole = Noted()
    own, text = Parts(tokens_of_parts, whole, Joints({})), "One. IS_ALPHA. Two."
    assert is_whole(text)
    assert not is_whole("One.")
    assert (own.words(text), own.spans(text), own.sentences(text)) == (words(text), [(0, 4)], ["One. . Two."])
    own.words("One.")
    assert whole.asked == [text] * 3


def test_parts_are_joined_where_a_special_case_across_them_would_overlap_with_one_of_a_part() -> None:
    joints = Joints(SPECIAL)
    for text, wanted in {
        "a (one): ) two": [(2, 10)],  # ":)" across, "):" inside
        "(one): - ) two": [(0, 10)],  # ":-)" across three
        "x): ): ) y": [(0, 8)],  # two that meet
        "one : ) two": [],  # nothing inside
        "(one): two": [],  # nothing across
        "(one):": [],
    }.items():
        assert joints.of(text) == wanted
    assert Joints({}).of("(one): ) two") == []
    assert pieces_of("a (one):\n) two", [(2, 10)]) == ["a", " ", "(one):\n)", " ", "two"]
    assert pieces_of("x: - ) b c", [(0, 6)]) == ["x: - )", " ", "b", " ", "c"]
    assert pieces_of(" a: )", [(1, 5)]) == ["", " ", "a: )"]


def simplified(text: str) -> str:
    """In the order of datatrove: lower case, punctuation to spaces, white space to one space, accents off."""
    text = re.sub(r"[.!\"():-]", " ", text.lower())
    return re.sub(r"\s+", " ", text.strip())


ACCENTS = st.lists(st.sampled_from(["One", "é", "e\u0301", "\u0301", ".", "(", " ", "\n", "\u00a0", "Σ", "İ", "中"]))


@given(ACCENTS.map("".join))
@example("a\u0301. \u0301 b")
@example("a.\u0301 b")
def test_a_simplified_text_is_that_of_its_parts(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", simplified(text))
    wanted = "".join(one for one in decomposed if unicodedata.category(one) != "Mn").strip()
    own = Simple(simplified, parts())
    assert own.text(text) == wanted
    assert own.words(text) == words(wanted)


def test_a_part_says_what_it_is_for_both_cases_before_it() -> None:
    part = part_of(tokens('".One.Two'))
    assert part == Part(('"', ".", "One", ".", "Two"), ((2, 6), (2, 6)), (False, False))
    assert part_of(tokens("One)")) == Part(("One", ")"), ((), (0,)), (False, False))
    assert part_of(tokens(")")) == Part((")",), ((), ()), (False, True))
