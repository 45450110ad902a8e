"""Grouping of texts that are drawn one after the other."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from transforms.probes.sentences.config import SentencesConfig
from transforms.probes.sentences.grouping import alike


def lengths(texts: list[str]) -> list[tuple[int, ...] | None]:
    return [(len(text),) if text else None for text in texts]


@given(st.lists(st.text("ab", max_size=4), max_size=60), st.integers(2, 4), st.sets(st.text("ab", max_size=2)))
def test_groups_are_the_first_distinct_texts_of_each_measure(texts: list[str], together: int, taken: set[str]) -> None:
    before = set(taken)
    found = list(alike(texts, lengths, together, taken))
    fit = [text for text in dict.fromkeys(texts) if text and text not in before]
    expected = []
    for length in range(1, 5):
        own = [text for text in fit if len(text) == length]
        expected += [own[at : at + together] for at in range(0, len(own) - together + 1, together)]
    assert sorted(found) == sorted(expected)
    assert taken == before | {text for group in found for text in group}


@given(
    st.lists(st.floats(0, 9), min_size=6, max_size=6).filter(any),
    st.lists(st.integers(1, 5), min_size=1, max_size=3, unique=True),
    st.integers(1, 60),
)
def test_units_are_shared_out_by_weight_and_none_is_lost(weights: list[float], doses: list[int], units: int) -> None:
    names = ("natural", "near", "words", "letters", "varied", "paraphrase")
    given_weights = dict(zip(names, weights, strict=True))
    if doses == [1] and not any(one for name, one in given_weights.items() if name != "varied"):
        return
    config = SentencesConfig(output="o", corpus=("c",), doses=tuple(doses), units=(units,), **given_weights)
    found = config.units_by_stratum()
    counts = Counter((stratum, dose) for stratum, own in found.items() for dose in own)
    for dose in doses:
        usable = {name: one for name, one in given_weights.items() if dose > 1 or name != "varied"}
        whole = math.fsum(usable.values())
        assert sum(counts[name, dose] for name in names) == (units if whole else 0)
        for name, weight in usable.items():
            if whole:
                assert abs(counts[name, dose] - units * weight / whole) < 1 + 1e-6
    assert counts["varied", 1] == 0
