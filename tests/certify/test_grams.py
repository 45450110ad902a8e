"""N-grams and their hashes all at once, against one after the other."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from transforms.certify.judges.duplicates.substrings import _runs
from transforms.certify.judges.grams import grams_of, hashed_grams, least_permuted, repeated, stood_before

WORDS = st.lists(st.sampled_from(["a", "bc", "été", "\U0001f600", "中文", "d"]), max_size=20)
HASHES = st.lists(st.integers(0, 6), max_size=30).map(lambda own: np.array(own, np.uint64))


@given(WORDS, st.integers(1, 6))
def test_grams_are_the_words_joined_by_spaces(words: list[str], n: int) -> None:
    joined = [" ".join(words[at : at + n]) for at in range(len(words) - n + 1)]
    assert grams_of(words, n) == {one.encode() for one in joined}
    assert hashed_grams(words, n, hash_of=lambda one: len(one) * 1000 + ord(one[-1])).tolist() == [
        len(one) * 1000 + ord(one[-1]) for one in joined
    ]


@given(HASHES)
def test_hashes_that_are_there_more_than_once(hashes: np.ndarray) -> None:
    own = hashes.tolist()
    assert repeated(hashes).tolist() == [own.count(one) > 1 for one in own]
    assert sorted(stood_before(hashes).tolist()) == [at for at, one in enumerate(own) if one in own[:at]]


@given(HASHES, st.integers(1, 9))
def test_runs_have_equal_hashes_where_their_tokens_are_equal(tokens: np.ndarray, length: int) -> None:
    found = _runs(tokens, length).tolist()
    runs = [tuple(tokens[at : at + length].tolist()) for at in range(len(tokens) - length + 1)]
    assert len(found) == len(runs)
    assert [[one == other for other in found] for one in found] == [[one == other for other in runs] for one in runs]


@pytest.mark.parametrize("length", [1, 2, 3, 50, 64])
def test_a_run_weighs_each_token_by_its_place(length: int) -> None:
    tokens, factor = np.arange(1, 101, dtype=np.uint64), 0x9E3779B97F4A7C15
    wanted = [
        sum((at + k + 1) * factor ** (length - 1 - k) for k in range(length)) % 2**64 for at in range(101 - length)
    ]
    assert _runs(tokens, length).tolist() == wanted


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=300),
    st.lists(st.tuples(st.integers(1, 2**61), st.integers(0, 2**61)), min_size=1, max_size=5),
    st.sampled_from([32, 64]),
)
@example([2**64 - 1, 2**61 - 1, 2**61], [(1, 0)], 64)
def test_the_least_permuted_hash_is_that_of_whole_numbers(
    hashes: list[int], permutations: list[tuple[int, int]], bits: int
) -> None:
    a, b = np.array(permutations, np.uint64).T
    wanted = [
        min((one * factor + term) % 2**64 % (2**61 - 1) % 2**bits for one in hashes) for factor, term in permutations
    ]
    assert least_permuted(np.array(hashes, np.uint64), a, b, bits).tolist() == wanted
