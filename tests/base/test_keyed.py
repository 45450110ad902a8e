import hashlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.planting.sealing import independent
from transforms.base.keyed import keyed, packed, priorities

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


def one_by_one(key: bytes, *fields: str | bytes | int) -> int:
    return int.from_bytes(hashlib.blake2b(packed(*fields), key=key, digest_size=8).digest())


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
    found = priorities(raw, domain, fixed, identities=np.array(identities, np.uint64))
    assert found.dtype == np.uint64
    assert found.tolist() == [one_by_one(raw, domain, fixed, one) for one in identities]


def test_priorities_take_fields_up_to_one_block() -> None:
    identities = np.arange(3, dtype=np.uint64)
    longest = "x" * (112 - 16)
    found = priorities(KEY, longest, b"", identities=identities)
    assert found.tolist() == [one_by_one(KEY, longest, b"", one) for one in range(3)]
    with pytest.raises(ValueError, match="112"):
        priorities(KEY, longest + "x", b"", identities=identities)
