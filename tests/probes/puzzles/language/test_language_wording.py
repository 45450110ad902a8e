"""The choices of a text: each from a stream of its own, and a variant changes exactly one of them."""

import dataclasses
import itertools
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from tests.probes.puzzles.language.slow_text import Speech
from transforms.probes.puzzles.language.language import TAGS, load
from transforms.probes.puzzles.language.text import render_quiz, render_solution
from transforms.probes.puzzles.language.wording import VARIANTS, Wording, draw
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.sampling import sample

SEED = b"a seed of these tests"
CHANGED = {
    "original": set(),
    "role_pair": {"pair"},
    "flipped": {"flipped"},
    "uncommon": {"names"},
    "reordered": {"order"},
}


def different(one: Wording, other: Wording) -> set[str]:
    arrays = [field.name for field in dataclasses.fields(one) if field.name != "language"]
    return {name for name in arrays if not np.array_equal(getattr(one, name), getattr(other, name))}


@pytest.mark.parametrize("tag", TAGS)
@settings(max_examples=25)
@given(
    people=st.integers(2, 100),
    index=st.lists(st.integers(0, 2**50), min_size=1, max_size=20),
    seed=st.binary(max_size=16),
)
def test_a_variant_changes_one_array_in_every_puzzle(tag: str, people: int, index: list[int], seed: bytes) -> None:
    language = load(tag)
    numbers = np.array(index)
    original = draw(numbers, people, language, seed)
    genders = np.array([gender for _, gender in language.common + language.uncommon])
    assert set(original.pair.tolist()) == {0}
    for variant in VARIANTS:
        found = draw(numbers, people, language, seed, variant)
        assert different(original, found) == CHANGED[variant]
        assert (found.names < len(language.common)).all() == (variant != "uncommon")
        assert all(len(set(names)) == people for names in found.names.tolist())
        assert np.array_equal(genders[found.names], genders[original.names])
        assert all(sorted(order) == list(range(people)) for order in found.order.tolist())
        if variant == "role_pair":
            assert 0 not in found.pair
        if variant == "reordered":
            assert (found.order != np.arange(people)).any(1).all()


@pytest.mark.parametrize("tag", TAGS)
def test_a_variant_changes_one_thing_in_the_text(tag: str) -> None:
    language = load(tag)
    puzzles = sample(5, b"seed", np.arange(60), Grammar())
    texts, speeches = {}, {}
    for variant in VARIANTS:
        wording = draw(puzzles.index, 5, language, SEED, variant)
        texts[variant] = list(
            zip(
                render_quiz(puzzles, wording).to_pylist(),
                render_solution(puzzles.solution, wording).to_pylist(),
                strict=True,
            )
        )
        speeches[variant] = [Speech(wording, row) for row in range(60)]

    def neutral(text: str, speech: Speech, names: bool, roles: bool) -> str:
        """A text with its names, or its role words, taken out."""
        if names:
            for number, (name, _) in enumerate(speech.names):
                text = re.sub(rf"\b{name}\b", f"<{number}>", text)
        if roles:
            truth, lie = speech.role(True), speech.role(False)
            for mark, role in (("<T>", truth), ("<L>", lie)):
                words = {*role.a, *role.no, role.many, role.many[0].upper() + role.many[1:]}
                for word in sorted(words, key=len, reverse=True):
                    text = re.sub(rf"\b{word}\b", mark, text)
        return text

    for row in range(60):
        for at in range(2):
            original = texts["original"][row][at]
            for variant, names, roles in (
                ("uncommon", True, False),
                ("flipped", False, True),
                ("role_pair", False, True),
            ):
                changed = texts[variant][row][at]
                assert changed != original
                left, right = (
                    neutral(text, speeches[which][row], names, roles)
                    for text, which in ((changed, variant), (original, "original"))
                )
                assert left == right
        assert texts["reordered"][row][1] == texts["original"][row][1]
        first, second = texts["original"][row][0], texts["reordered"][row][0]
        assert first != second
        assert Counter(first.split()) == Counter(second.split())


def test_streams_are_separate() -> None:
    # What one field draws says nothing of another: over many puzzles, any two are independent.
    language = load("en")
    index = np.arange(20_000)
    wording = draw(index, 3, language, SEED)
    fields = {
        "names": wording.names[:, 0],
        "uncommon": draw(index, 3, language, SEED, "uncommon").names[:, 0],
        "role pair": draw(index, 3, language, SEED, "role_pair").pair,
        "order": draw(index, 3, language, SEED, "reordered").order[:, 0],
        "intro": wording.intro,
        "question": wording.question,
        "says": wording.says[:, 0],
        "another's says": wording.says[:, 1],
        "phrases": wording.phrases >> np.uint64(60),
        "thoughts": wording.thoughts >> np.uint64(60),
    }
    for one, other in itertools.combinations(fields, 2):
        table = np.histogram2d(fields[one].astype(int), fields[other].astype(int), bins=(3, 3))[0]
        assert chi2_contingency(table).pvalue > 1e-5, (one, other)


def test_choices_are_uniform() -> None:
    language = load("de")
    wording = draw(np.arange(30_000), 3, language, SEED)
    assert chisquare(np.bincount(wording.names[:, 2], minlength=len(language.common))).pvalue > 1e-4
    assert chisquare(np.bincount(wording.says[:, 1])).pvalue > 1e-4
    pairs = draw(np.arange(30_000), 3, language, SEED, "role_pair").pair
    assert chisquare(np.bincount(pairs)[1:]).pvalue > 1e-4
    orders = Counter(map(tuple, draw(np.arange(30_000), 3, language, SEED, "reordered").order.tolist()))
    assert len(orders) == 5
    assert chisquare(list(orders.values())).pvalue > 1e-4
    uncommon = draw(np.arange(30_000), 3, language, SEED, "uncommon").names[:, 2] - len(language.common)
    of = np.array([gender for _, gender in language.uncommon])
    for gender in (0, 1):
        assert chisquare(np.bincount(uncommon, minlength=len(of))[of == gender]).pvalue > 1e-4


def test_a_puzzles_wording_depends_on_seed_people_and_number_only() -> None:
    language = load("fr")
    every = draw(np.arange(50), 4, language, SEED)
    some = np.array([33, 2, 2])
    assert different(draw(some, 4, language, SEED), every.take(some)) == set()
    assert different(draw(some, 4, language, b"another"), every.take(some)) >= {"names", "says", "phrases"}


def test_roles_and_names_are_given_as_words() -> None:
    wording = draw(np.arange(3), 2, load("en"), SEED)
    assert [column.to_pylist() for column in wording.roles()] == [["a knight"] * 3, ["a knave"] * 3]
    flipped = draw(np.arange(3), 2, load("en"), SEED, "flipped")
    assert [column.to_pylist() for column in flipped.roles()] == [["a knave"] * 3, ["a knight"] * 3]
    assert wording.name_lists().to_pylist() == [[name for name, _ in Speech(wording, row).names] for row in range(3)]


def test_what_cannot_be_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="no variant 'shouted'"):
        draw(np.arange(2), 3, load("en"), SEED, "shouted")
    for people in (1, 101):
        with pytest.raises(ValueError, match=f"{people} people: a puzzle has 2 to 100"):
            draw(np.arange(2), people, load("en"), SEED)
