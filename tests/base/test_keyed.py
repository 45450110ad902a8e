import hashlib

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from tests.planting.sealing import independent
from transforms.base.keyed import keyed, numbers, packed

KEY = bytes(range(32))


@settings(deadline=None)
@given(st.lists(st.one_of(st.text(), st.binary(), st.integers(0, 2**64 - 1))))
def test_fields_are_packed_as_written_down(fields: list[str | bytes | int]) -> None:
    assert packed(*fields) == independent.lp(*fields)


@settings(deadline=None)
@given(st.lists(st.text(max_size=3), max_size=4), st.lists(st.text(max_size=3), max_size=4))
def test_different_fields_give_different_bytes(one: list[str], other: list[str]) -> None:
    assert (packed(*one) == packed(*other)) == (one == other)


def test_a_keyed_hash_is_blake2b_of_the_packed_identity() -> None:
    wanted = hashlib.blake2b(independent.lp("domain", "unit", "7"), key=KEY, digest_size=12).digest()
    assert keyed(KEY, "domain", "unit", 7, size=12) == wanted


def test_numbers_are_shake_256_of_the_key_and_the_packed_identity() -> None:
    stream = hashlib.shake_256(KEY + independent.lp("domain", "unit", 7)).digest(24)
    found = numbers(KEY, "domain", "unit", 7, count=3)
    assert found.dtype == np.uint64
    assert found.tolist() == [int.from_bytes(stream[at : at + 8], "big") for at in (0, 8, 16)]
    assert numbers(KEY, "domain", count=2).tolist() == [0x859F0D6DAE76AEA5, 0x2361630E379F5650]


@settings(deadline=None)
@given(st.text(max_size=40), st.integers(0, 2**64 - 1), st.integers(0, 40), st.integers(0, 40))
def test_a_number_does_not_depend_on_how_many_are_asked_for(unit: str, number: int, few: int, more: int) -> None:
    short = numbers(KEY, "test", unit, number, count=few)
    assert numbers(KEY, "test", unit, number, count=few + more)[:few].tolist() == short.tolist()


def test_numbers_are_uniform_and_independent_of_each_other() -> None:
    found = numbers(KEY, "test", "unit", count=40_000)
    for shift in (0, 30, 61):
        digits = (found >> np.uint64(shift)).astype(np.int64) % 8
        assert chisquare(np.bincount(digits, minlength=8)).pvalue > 1e-4
        pairs = digits[:-1] * 8 + digits[1:]
        assert chisquare(np.bincount(pairs, minlength=64)).pvalue > 1e-4
    other = numbers(KEY[::-1], "test", "unit", count=40_000)
    assert not set(found.tolist()) & set(other.tolist())
