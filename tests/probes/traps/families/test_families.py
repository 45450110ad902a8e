"""Families of candidates: which words are replaced by which, that no two texts share a pair, and what fails."""

import collections
import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from schemas.probes import PROBES
from tests.probes.traps.tiny_lm import WORDS, word_tokenizer
from transforms.base.words import words
from transforms.probes.ngram.ngram import NgramGenerator
from transforms.probes.traps.families.draw import draw_variants
from transforms.probes.traps.families.judge import shared_with_others
from transforms.probes.traps.families.make import Families, make_families
from transforms.probes.traps.families.promise import borders
from transforms.probes.traps.families.suggesting.neighbours import Neighbours
from transforms.probes.traps.families.suggesting.proposer import MOST_WORDS
from transforms.probes.traps.families.wanted import Wanted
from transforms.probes.traps.families.words import Place, places_in
from transforms.probes.traps.rules import Rules

KEY = b"k" * 32
TEXTS = [
    "The cat sat on the mat, and the dog sat on the cat. Then the dog ran; the cat's friend didn't.",
    "When the well-known dog ran on the mat, the cat sat on the dog! Who ran then? The mat ran off.",
    "A cat and a dog ran. The mat and the friend sat on a day, then the new cat ran on the well-known mat.",
] * 4  # fmt: skip


class SameWords:
    """Suggests the same words everywhere."""

    name = "same/1"

    def __init__(self, count: int) -> None:
        self.words = [f"zz{word}" for word in WORDS[:count]]

    def propose(self, texts: pa.Array, places: Sequence[Place]) -> list[list[str]]:
        return [self.words for _ in places]


def table(texts: Sequence[str], dose: int, m: int = 1) -> pa.Table:
    rows = [
        {
            "id": f"i{at}", "kind": "trap", "unit": f"u{at // (m + 1)}", "candidate": at % (m + 1), "stratum": "9xb00",
            "dose": dose, "text": text, "length_tokens": len(words(text)),
        }
        for at, text in enumerate(texts)
    ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=PROBES)


def candidates(count: int, length: int = 24, seed: int = 3) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(WORDS[at] for at in random.integers(0, len(WORDS), length)) for _ in range(count)]


def families(
    texts: Sequence[str], dose: int, wanted: Wanted, proposer: SameWords, rules: Rules | None = None
) -> Families:
    return make_families(table(texts, dose), wanted, proposer, rules or Rules(form="line"), None, KEY)


def test_places_are_whole_words_in_one_block_and_not_the_first() -> None:
    text = "Well-known cats didn't sit, but they ran off then."
    found = places_in(pa.array([text], pa.large_string()), 3, None)
    assert words(text) == ["well", "known", "cats", "didn", "t", "sit", "but", "they", "ran", "off", "then"]
    # Blocks are of 3, 4 and 4 words: "didn't" is two of one block.
    assert [(text[one.start : one.end], one.block) for one in found] == [
        ("cats", 0), ("didn't", 1), ("sit", 1), ("but", 1), ("they", 2), ("ran", 2), ("off", 2), ("then", 2),
    ]  # fmt: skip
    assert [(one.before, one.after) for one in found][:4] == [
        ("Well-known", "didn't"), ("cats", "sit"), ("didn't", ","), (",", "they"),
    ]  # fmt: skip
    assert found[-1].after == "."
    assert len({one.group for one in found}) == 2  # "didn't" takes two words, the others one


def test_a_word_that_reaches_into_another_block_stays() -> None:
    text = "One two didn't go."
    for blocks, fit in ((1, ["two", "didn't", "go"]), (5, ["two", "go"])):
        found = places_in(pa.array([text], pa.large_string()), blocks, None)
        assert [text[one.start : one.end] for one in found] == fit


@pytest.fixture(scope="module")
def neighbours() -> tuple[NgramGenerator, Neighbours]:
    generator = NgramGenerator(pa.array(TEXTS, pa.large_string()), KEY, None, 1)
    return generator, Neighbours(generator.vocabulary, generator.model, None, 1)


def test_words_are_suggested_by_both_neighbours(neighbours: tuple[NgramGenerator, Neighbours]) -> None:
    generator, proposer = neighbours
    model, pieces = generator.model, ["", *generator.vocabulary.pieces.to_pylist()]

    def probability(context: int, piece: int) -> float:
        entries = range(int(model.begin[context]), int(model.end[context]))
        mass = sum(float(model.mass[at]) for at in entries if model.piece[at] == piece)
        total = float(model.total[context])
        return (mass / total if total else 0) + float(model.back_off[context] * model.alone[piece])

    text = "The dog sat on the cat. Then a friend ran."
    places = places_in(pa.array([text], pa.large_string()), 1, None)
    suggested = proposer.propose(pa.array([text], pa.large_string()), places)
    ids = {piece: at for at, piece in enumerate(pieces)}
    checked = 0
    for place, found in zip(places, suggested, strict=True):
        own = text[place.start : place.end]
        left = 0 if place.before in ".!?" else ids[place.before]
        right = ids[place.after]
        like = [
            at for at, piece in enumerate(pieces)
            if at and piece[0].isalpha() and piece[0].islower() == own[0].islower()
            and len(words(piece)) == len(words(own)) and piece.lower() != own.lower()
        ]  # fmt: skip
        scores = {pieces[at]: probability(left, at) * probability(at, right) for at in like}
        folded: dict[str, float] = {}
        for word, score in scores.items():
            folded[word.lower()] = max(score, folded.get(word.lower(), 0))
        wanted = sorted(folded.values(), reverse=True)[:MOST_WORDS]
        assert [scores[word] for word in found] == pytest.approx(wanted)
        assert len({word.lower() for word in found}) == len(found)
        checked += len(found)
    assert checked > 30


def test_suggestions_do_not_depend_on_threads(neighbours: tuple[NgramGenerator, Neighbours]) -> None:
    generator, one = neighbours
    texts = pa.array(TEXTS * 20, pa.large_string())
    places = places_in(texts, 2, None)
    assert len(places) > 600
    assert Neighbours(generator.vocabulary, generator.model, None, 3).propose(texts, places) == one.propose(
        texts, places
    )


def changed(text: str, variant: str) -> set[tuple[int, str]]:
    pairs = zip(text.split(), variant.split(), strict=True)
    return {(at, new) for at, (old, new) in enumerate(pairs) if old != new}


def test_no_two_variants_have_a_pair_in_common() -> None:
    text = candidates(1)[0]
    places = places_in(pa.array([text], pa.large_string()), 4, None)
    proposer = SameWords(20)
    own = proposer.propose(pa.array([text]), places)
    found = draw_variants(KEY, text, 4, places, own, 50)
    assert len(found.texts) == 50
    pairs = [changed(text, variant) for variant in found.texts]
    counted = collections.Counter(itertools.chain.from_iterable(pairs))
    assert set(counted.values()) == {1}
    edges = borders(24, 4)
    for one in pairs:
        assert sorted(int(np.searchsorted(edges, at, side="right")) - 1 for at, _ in one) == [0, 1, 2, 3]
    assert found.texts == draw_variants(KEY, text, 4, places, own, 50).texts
    assert found.texts[:7] == draw_variants(KEY, text, 4, places, own, 7).texts[:7]
    assert found.texts != draw_variants(b"o" * 32, text, 4, places, own, 50).texts


def test_more_words_are_used_only_where_they_are_needed() -> None:
    text = candidates(1)[0]
    places = places_in(pa.array([text], pa.large_string()), 4, None)
    own = SameWords(90).propose(pa.array([text]), places)
    few, many = (draw_variants(KEY, text, 4, places, own, wanted) for wanted in (20, 300))
    assert (few.words, len(few.texts)) == (10, 20)
    # The first block has five places, for its first word stays.
    assert (many.words, len(many.texts)) == (60, 300)
    assert len(draw_variants(KEY, text, 4, places, own, 10**6).texts) == 5 * 90


@pytest.mark.parametrize("tokenizer", [False, True])
def test_a_family_keeps_length_and_promise(tokenizer: bool) -> None:
    counting = word_tokenizer([*WORDS, *SameWords(40).words]) if tokenizer else None
    rules = Rules(form="line", counting=counting, tokenizers=(counting,) if counting else ())
    found = families(candidates(6), 9, Wanted(4, 0, 3), SameWords(40), rules)
    assert (found.table.num_rows, found.failed_units) == (6, 0)
    for row in found.table.to_pylist():
        members = [row["text"], *row["variants"], *row["fresh"]]
        assert (len(row["variants"]), len(row["fresh"]), len(set(members))) == (8, 3, 12)
        assert {len(one.split()) for one in members} == {24}
    entry = found.lengths["9"]
    assert entry["families"] == 6
    assert entry["run"] <= entry["most_run"] == 10
    assert entry["jaccard"] <= entry["most_jaccard"]


def test_variants_are_as_many_as_there_are_copies_to_plant() -> None:
    assert [Wanted(4, 0, 0).planted(dose) for dose in (1, 2, 9)] == [0, 1, 8]
    assert [Wanted(4, 3, 0).planted(dose) for dose in (1, 2, 9)] == [0, 1, 3]


def test_a_family_that_fails_takes_its_unit_along() -> None:
    texts = candidates(6)
    texts[3] = " ".join(["go", *texts[3].split()[1:3]])  # three words do not make four blocks
    found = families(texts, 3, Wanted(4, 0, 0), SameWords(20))
    assert found.failed == {"few": 1}
    assert found.failed_units == 1
    assert found.rows.tolist() == [0, 1, 4, 5]
    assert found.table["text"].to_pylist() == [texts[at] for at in (0, 1, 4, 5)]


def test_a_variant_that_breaks_a_rule_is_replaced_by_another() -> None:
    bad = SameWords(40).words[0]
    rules = Rules(form="line", separators=(bad,))
    found = families(candidates(4), 11, Wanted(4, 0, 2), SameWords(40), rules)
    assert found.failed_units == 0
    assert found.rejected["separator"] > 0
    assert not any(bad in text for row in found.table.to_pylist() for text in (*row["variants"], *row["fresh"]))


def test_variants_are_looked_up_in_the_corpus() -> None:
    asked: list[npt.NDArray[np.uint64]] = []

    def everything(grams: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        asked.append(grams)
        return grams

    found = make_families(table(candidates(4), 3), Wanted(4, 0, 0), SameWords(20), Rules(form="line"), everything, KEY)
    assert len(asked) == 1
    assert found.failed == {"few": 4}
    assert found.table.num_rows == 0


def test_families_that_share_eight_words_are_found() -> None:
    a, b, c = candidates(3)
    together = " ".join([*a.split()[3:11], *c.split()[:4]])
    assert shared_with_others([[a, b], [c], ["short"]]).tolist() == [False, False, False]
    assert shared_with_others([[a, b], [together], [c]]).tolist() == [True, True, False]
    assert shared_with_others([[a, together], [c]]).tolist() == [False, False]
