"""Whether a corpus already holds the text of a candidate."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.planting.insertion.watch import Phrases

PHRASE = "exactly these words in this order"
OTHERS = [f"{word} comes first and then some more" for word in ("alpha", "beta", "gamma")]


def holds(text: str, phrases: list[str]) -> bool:
    """The slow answer: where no ASCII letter or digit stands before."""
    data = text.encode()
    for phrase in (one.encode() for one in phrases if len(one.encode()) >= 16):
        at = data.find(phrase)
        while at >= 0:
            if at == 0 or not chr(data[at - 1]).isascii() or not chr(data[at - 1]).isalnum():
                return True
            at = data.find(phrase, at + 1)
    return False


def rows(texts: list[str | None], phrases: list[str]) -> list[int]:
    array = pa.array(texts, pa.large_string())
    return (
        Phrases.of(pa.array(phrases, pa.large_string()))
        .rows(array, array.is_valid().to_numpy(zero_copy_only=False))
        .tolist()
    )


@pytest.mark.parametrize("padding", [0, 1, 30, 31, 63, 64, 65, 200])
def test_a_phrase_is_found_wherever_it_begins(padding: int) -> None:
    texts = [
        f"{'x' * padding} {PHRASE}",
        f"{'x' * padding}{PHRASE}",
        f"{'é ' * padding}\n{PHRASE} on",
        PHRASE[:-1],
        None,
    ]
    found = rows(texts, [*OTHERS, PHRASE])
    assert found == ([0, 1, 2] if padding == 0 else [0, 2])


@pytest.mark.parametrize("size", range(14, 36))
def test_phrases_of_any_length_are_found_from_sixteen_bytes_on(size: int) -> None:
    phrase, long = f"x{'yz' * 20}"[:size], "a long phrase that has other bytes and is looked for as well"
    texts = [f"at {phrase}", f"at {phrase[:-1]}Z", f"at q{phrase}", f"{long}: {phrase}", f"{'w ' * 90}{phrase}, on"]
    assert rows(texts, [phrase, long]) == ([0, 3, 4] if size >= 16 else [3])
    assert rows(texts, [phrase]) == ([0, 3, 4] if size >= 16 else [])


def test_short_phrases_are_passed_over() -> None:
    assert rows(["the short one"], ["the short one"]) == []
    assert rows([], [PHRASE]) == []
    assert rows([PHRASE], []) == []


WORDS = st.sampled_from(["aaaaaaaa", "aaaaaaab", "b", " ", "\n", "\t ", "é", "aaaaaaaa aaaaaaaa"])


@given(
    st.lists(st.lists(WORDS, max_size=30).map("".join), max_size=5),
    st.lists(st.lists(WORDS, max_size=8).map("".join), max_size=5),
)
def test_as_a_slow_search_says(texts: list[str], phrases: list[str]) -> None:
    kept = [one.strip() for one in phrases]
    assert rows(list(texts), kept) == [row for row, text in enumerate(texts) if holds(text, kept)]


def test_only_valid_texts_count() -> None:
    array = pa.array([PHRASE, PHRASE])
    assert Phrases.of(pa.array([PHRASE])).rows(array, np.array([False, True])).tolist() == [1]
