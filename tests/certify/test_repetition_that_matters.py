"""Repetition that is counted only where it can reach the share that a rule asks for."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.certify.judges.filters.gopher_repetition import grams_that_matter, repeated_that_matters
from transforms.certify.judges.repeats import Hashed

WORDS = st.lists(st.sampled_from(["a", "b", "ab", "ba", "aba", "été", "\U0001f600", "中文"]), max_size=40)


def grams(words: list[str], n: int) -> list[str]:
    """All n-grams."""
    return [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]


def repeated(words: list[str], n: int) -> int:
    """Characters of n-grams that stood before, without those that overlap one."""
    seen: set[str] = set()
    found = at = 0
    while at < len(words) - n + 1:
        gram = "".join(words[at : at + n])
        found += len(gram) if gram in seen else 0
        at += n if gram in seen else 1
        seen.add(gram)
    return found


@given(WORDS, st.integers(1, 4), st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]))
def test_no_repetition_above_the_share_is_missed(words: list[str], n: int, share: float) -> None:
    length = sum(map(len, words))
    found = repeated_that_matters(repeated, {n: share}, Hashed())(words, n)
    assert found == repeated(words, n) or (found == 0 and repeated(words, n) <= share * length)
    own = grams_that_matter(grams, {n: share}, Hashed())(words, n)
    most = max((len(gram) * times for gram, times in Counter(grams(words, n)).items()), default=0)
    assert own == grams(words, n) or (not own and most <= share * length)


@pytest.mark.parametrize(("words", "counted"), [([f"w{at}" for at in range(500)], 0), (["one", "two"] * 250, 2)])
def test_texts_without_repetition_are_not_counted(words: list[str], counted: int) -> None:
    asked: list[int] = []

    def note(words: list[str], n: int) -> int:
        asked.append(n)
        return repeated(words, n)

    counting = repeated_that_matters(note, {5: 0.1, 6: 0.1}, Hashed())
    for n in (5, 6):
        counting(words, n)
    assert len(asked) == counted


@given(st.lists(WORDS, min_size=1, max_size=4), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_bounds_hold_for_any_order_of_texts_and_lengths(texts: list[list[str]], lengths: list[int]) -> None:
    hashed = Hashed()
    for words in texts:
        for n in lengths:
            own = [words[at : at + n] for at in range(len(words) - n + 1)]
            for between in ("", " "):
                joined = [between.join(one) for one in own]
                repeats = hashed.repeats(words, between)
                assert repeats.characters == sum(map(len, words))
                most = max((len(gram) * times for gram, times in Counter(joined).items()), default=0)
                assert repeats.most_by_one(n) == most
                covered = {at + word for at, one in enumerate(joined) if one in joined[:at] for word in range(n)}
                assert repeats.most_by_all(n) == sum(len(words[at]) + len(between) for at in covered)
                if not between:
                    assert repeats.most_by_all(n) >= repeated(words, n)
