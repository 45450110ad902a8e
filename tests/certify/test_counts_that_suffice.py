"""Words and sentences that are counted only as far as a judge's thresholds ask."""

import re

from hypothesis import given
from hypothesis import strategies as st

from transforms.certify.judges.duplicates.datatrove_sentences import sentences_up_to, words_up_to

TEXTS = st.lists(st.sampled_from(["One", "two.", "three!", "x" * 700, ".", "\n", "don't,"]), max_size=60).map(" ".join)


def words(text: str) -> list[str]:
    """Words and marks, as a tokenizer parts them."""
    return re.findall(r"\w+|[^\w\s]", text)


def sentences(text: str, language: str = "en") -> list[str]:
    """What ends in a mark behind which another word begins."""
    found, start, ended = [], 0, False
    for word in re.finditer(r"\w+|[^\w\s]", text):
        if ended and word[0] not in ".!":
            found.append(text[start : word.start()])
            start, ended = word.start(), False
        ended = ended or word[0] in ".!"
    return [one for one in [*found, text[start:]] if one.strip()]


@given(TEXTS, st.integers(1, 60))
def test_a_text_has_enough_words_if_the_tokenizer_says_so(text: str, enough: int) -> None:
    assert (len(words_up_to(words, enough)(text)) >= enough) == (len(words(text)) >= enough)


@given(TEXTS, st.integers(1, 6))
def test_a_text_has_enough_sentences_if_the_tokenizer_says_so(text: str, enough: int) -> None:
    assert (len(sentences_up_to(sentences, enough)(text, "en")) >= enough) == (len(sentences(text)) >= enough)


def test_of_a_long_text_the_beginning_is_looked_at() -> None:
    asked: list[int] = []

    def split(text: str, language: str) -> list[str]:
        asked.append(len(text))
        return sentences(text, language)

    sentences_up_to(split, 3)("Here is one. " * 10_000, "en")
    words_up_to(lambda text: asked.append(len(text)) or [text], 50)("word " * 50)
    assert len(asked) == 1
    assert asked[0] < 3_000


def test_texts_that_are_taken_as_a_whole_are_counted_as_a_whole() -> None:
    asked: list[str] = []

    def noted(text: str, *language: str) -> list[str]:
        asked.append(text)
        return ["one"]

    text = "IS_ALPHA is here. " * 1_000
    assert sentences_up_to(noted, 3)(text, "en") == words_up_to(noted, 50)(text) == ["one"]
    assert asked == [text, text]
