import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tests.planting.sealing import independent
from transforms.base.fields import packed
from transforms.base.keyed import keyed_hash, permutation, priorities, uniform
from transforms.planting.sealing.key import Key

KEY = Key(bytes(range(32)))


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), st.binary(), st.integers(0, 2**64 - 1))))
def test_fields_are_packed_as_written_down(fields: list[str | bytes | int]) -> None:
    assert packed(*fields) == independent.lp(*fields)


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_different_fields_give_different_bytes(one: list[str], other: list[str]) -> None:
    assert (packed(*one) == packed(*other)) == (one == other)


def test_a_keyed_hash_is_blake2b_of_the_packed_identity() -> None:
    wanted = hashlib.blake2b(independent.lp("domain", "unit", 7), key=bytes(range(32)), digest_size=12).digest()
    assert keyed_hash(KEY, "domain", "unit", 7, size=12) == wanted


@settings(deadline=None)
@given(
    st.text(alphabet="ab/", max_size=40),
    st.binary(max_size=40),
    st.lists(st.integers(0, 2**64 - 1), max_size=5),
    st.binary(min_size=32, max_size=32),
)
def test_many_priorities_are_the_hashes_one_by_one(
    domain: str, fixed: bytes, identities: list[int], raw: bytes
) -> None:
    key = Key(raw)
    found = priorities(key, domain, fixed, identities=np.array(identities, np.uint64))
    assert found.dtype == np.uint64
    assert found.tolist() == [int.from_bytes(keyed_hash(key, domain, fixed, one)) for one in identities]


def test_priorities_take_fields_up_to_one_block() -> None:
    identities = np.arange(3, dtype=np.uint64)
    longest = "x" * (112 - 16)
    found = priorities(KEY, longest, b"", identities=identities)
    assert found.tolist() == [int.from_bytes(keyed_hash(KEY, longest, b"", one)) for one in range(3)]
    with pytest.raises(ValueError, match="112"):
        priorities(KEY, longest + "x", b"", identities=identities)


@pytest.mark.parametrize("below", [1, 2, 3, 5, 8, 10, 100])
def test_uniform_integers_are_uniform(below: int) -> None:
    drawn = [uniform(KEY, "test", number, below=below) for number in range(40 * below)]
    counts = np.bincount(drawn, minlength=below)
    assert len(counts) == below
    if below > 1:
        assert chisquare(counts).pvalue > 1e-4


def test_uniform_integers_reach_both_ends_of_large_ranges() -> None:
    assert 0 <= uniform(KEY, "test", below=2**64) < 2**64
    assert {uniform(KEY, "test", number, below=2**33 + 1) >> 31 for number in range(60)} <= {0, 1, 2, 3, 4}
    for below in (0, 2**64 + 1):
        with pytest.raises(ValueError, match="below"):
            uniform(KEY, "test", below=below)


@settings(deadline=None)
@given(st.integers(0, 200))
def test_a_permutation_holds_every_number_once(size: int) -> None:
    assert sorted(permutation(KEY, "test", "unit", size=size).tolist()) == list(range(size))


def test_permutations_are_uniform() -> None:
    orders = [tuple(permutation(KEY, "test", number, size=3).tolist()) for number in range(600)]
    assert chisquare([orders.count(one) for one in sorted(set(orders))]).pvalue > 1e-4
    assert len(set(orders)) == 6
