"""Words and n-grams by the kernel: against the plain definition of a word, and by brute force."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.words import words, words_of
from transforms.probes.corpus.overlap import GramSet, grams_of

alphabet = st.one_of(st.sampled_from("ab _.-\n\u00e9\u4e2d\u0e01\u212a"), st.characters(exclude_categories=["Cs"]))
texts_of_any_script = st.lists(st.text(alphabet, max_size=60), max_size=6)
few_words = st.lists(st.sampled_from(["red", "Blue", "green", "\u4e2d", "x_1"]), max_size=14).map(" ".join)


def grams(text: str, n: int) -> set[tuple[str, ...]]:
    found = words(text)
    return {tuple(found[at : at + n]) for at in range(len(found) - n + 1)}


@given(texts_of_any_script)
def test_words_are_those_of_the_definition(texts: list[str]) -> None:
    found = words_of(pa.array(texts, pa.large_string()))
    expected = [words(text) for text in texts]
    hashes = [found.hashes[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)]
    assert [len(one) for one in hashes] == [len(one) for one in expected]
    pairs = {pair for left, right in zip(hashes, expected, strict=True) for pair in zip(left, right, strict=True)}
    assert len({left for left, _ in pairs}) == len({right for _, right in pairs}) == len(pairs)


@given(st.lists(few_words, min_size=1, max_size=4), st.lists(few_words, max_size=4), st.integers(1, 4))
def test_what_is_shared_is_found_and_nothing_else(candidates: list[str], corpus: list[str], n: int) -> None:
    own = grams_of(words_of(pa.array(candidates, pa.large_string())), n)
    members = GramSet(own.hashes, n)
    marks = members.marks()
    members.scan(pa.array(corpus, pa.string()), marks)
    in_corpus = set().union(*(grams(text, n) for text in corpus))
    expected = [bool(grams(text, n) & in_corpus) for text in candidates]
    assert own.sharing(members.found(marks), len(candidates)).tolist() == expected


def test_a_gram_across_the_kernels_blocks_is_found() -> None:
    corpus = [f"w{at}" for at in range(30_000)]
    for first in (8_180, 8_185, 8_191, 8_192, 16_380, 29_992):
        own = grams_of(words_of(pa.array([" ".join(corpus[first : first + 8])], pa.large_string())))
        members = GramSet(own.hashes)
        marks = members.marks()
        assert members.scan(pa.array([" ".join(corpus)]), marks) == 30_000
        assert len(members.found(marks)) == 1, first


def test_case_and_punctuation_do_not_hide_what_is_shared() -> None:
    own = grams_of(words_of(pa.array(["One two, three four five six seven eight"], pa.large_string())))
    members = GramSet(own.hashes)
    marks = members.marks()
    members.scan(pa.array([None, "zero ONE (two) three\nfour: five six seven EIGHT nine"]), marks)
    assert len(members.found(marks)) == 1


def test_grams_do_not_reach_over_the_border_of_two_documents() -> None:
    own = grams_of(words_of(pa.array(["a b c d e f g h"], pa.large_string())))
    members = GramSet(own.hashes)
    marks = members.marks()
    members.scan(pa.array(["a b c d", "e f g h"]), marks)
    assert not len(members.found(marks))


def test_bytes_that_are_not_utf8_part_words() -> None:
    raw = pa.array([b"ab\xffcd\xe4\xb8", b"\xf0\x9f\x98\x80ok"], pa.large_binary())
    broken = pa.Array.from_buffers(pa.large_string(), 2, raw.buffers())
    assert words_of(broken).offsets.tolist() == [0, 2, 3]
