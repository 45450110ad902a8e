import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from transforms.dedup.buckets import Buckets, find_buckets, priority_order, representatives

TOP = 2**64 - 1
KEYS = st.one_of(st.integers(0, 6), st.sampled_from([2**11, 2**33, 2**63, TOP - 1, TOP]), st.integers(0, TOP))
PRIORITIES = st.one_of(st.sampled_from([0.0, -0.0, 1.0, 2.0, math.inf, -math.inf, math.nan]), st.floats(allow_nan=True))


def as_lists(buckets: Buckets) -> list[list[int]]:
    assert buckets.members.dtype == np.uint32
    assert buckets.starts.dtype == np.int64
    assert len(buckets) == len(buckets.starts) - 1
    assert buckets.starts[0] == 0
    assert buckets.starts[-1] == len(buckets.members)
    edges = zip(buckets.starts[:-1], buckets.starts[1:], strict=True)
    return [buckets.members[start:end].tolist() for start, end in edges]


def expected_buckets(keys: list[int]) -> list[list[int]]:
    groups = defaultdict(list)
    for row, key in enumerate(keys):
        if key:
            groups[key].append(row)
    return [groups[key] for key in sorted(groups) if len(groups[key]) > 1]


def first_is_better(left: float, right: float) -> bool:
    """Whether `left` is strictly higher, NaN being lowest."""
    if math.isnan(left):
        return False
    return (math.isnan(right) and left > -math.inf) or left > right


@settings(deadline=None)
@given(st.lists(KEYS, max_size=60))
@example([])
@example([0, 0])
@example([7])
def test_buckets_are_the_groups_of_equal_keys(keys: list[int]) -> None:
    assert as_lists(find_buckets(np.array(keys, np.uint64))) == expected_buckets(keys)


@pytest.mark.parametrize("distinct", [10, 3_000, 20_000, 10**12])
@pytest.mark.parametrize("shift", [0, 20, 44])
def test_buckets_of_many_keys(distinct: int, shift: int) -> None:
    keys = np.random.default_rng(distinct).integers(0, distinct, 20_000).astype(np.uint64) << np.uint64(shift)
    assert as_lists(find_buckets(keys)) == expected_buckets(keys.tolist())


def test_a_key_repeated_a_million_times_is_one_bucket() -> None:
    buckets = find_buckets(np.full(1_000_000, 12345, np.uint64))
    assert buckets.starts.tolist() == [0, 1_000_000]
    np.testing.assert_array_equal(buckets.members, np.arange(1_000_000))


def test_documents_without_a_key_share_nothing() -> None:
    for key in range(1, 300):
        assert as_lists(find_buckets(np.array([0, key, 0, key], np.uint64))) == [[1, 3]]


def test_read_only_and_strided_keys() -> None:
    table = np.array([[5, 1], [6, 1], [5, 1]], np.uint64)
    table.flags.writeable = False
    assert as_lists(find_buckets(table[:, 0])) == [[0, 2]]


# Hashes of few bits, so that many fall together wherever less than the whole hash is looked at.
HASHES = st.tuples(st.sampled_from([0, 1, 2, 3, 2**63, TOP]), st.sampled_from([0, 1, 2**32]))


@settings(deadline=None)
@given(st.lists(st.tuples(HASHES, PRIORITIES), max_size=60))
@example([])
@example([((1, 1), math.nan), ((1, 1), -math.inf), ((1, 1), 0.0)])
@example([((1, 1), math.nan), ((1, 0), 1.0), ((0, 0), 2.0), ((0, 1), 3.0), ((1, 1), 0.0)])
def test_representatives_are_the_best_of_equal_hash(documents: list[tuple[tuple[int, int], float]]) -> None:
    expected = []
    for text_hash, _ in documents:
        best = -1
        for row, (other_hash, priority) in enumerate(documents):
            if other_hash == text_hash and (best < 0 or first_is_better(priority, documents[best][1])):
                best = row
        expected.append(best)
    hashes = np.array([text_hash for text_hash, _ in documents], np.uint64).reshape(-1, 2)
    result = representatives(hashes, np.array([priority for _, priority in documents]))
    assert result.dtype == np.uint32
    assert result.tolist() == expected


def test_representative_of_a_million_equal_texts() -> None:
    priority = np.zeros(1_000_000)
    priority[777_777] = 1.0
    result = representatives(np.full((1_000_000, 2), 9, np.uint64), priority)
    assert (result == 777_777).all()


def test_representatives_need_two_words_a_document() -> None:
    with pytest.raises(ValueError, match=r"expected \(3, 2\)"):
        representatives(np.zeros((3, 1), np.uint64), np.zeros(3))


@settings(deadline=None)
@given(st.lists(PRIORITIES, max_size=40))
@example([math.nan, -math.inf, 0.0, math.nan, math.inf])
def test_order_is_by_priority_then_index(priorities: list[float]) -> None:
    remaining = list(range(len(priorities)))
    expected = []
    while remaining:
        best = remaining[0]
        for row in remaining:
            if first_is_better(priorities[row], priorities[best]):
                best = row
        expected.append(best)
        remaining.remove(best)
    given_priorities = np.array(priorities)
    before = given_priorities.copy()
    order = priority_order(given_priorities)
    assert order.dtype == np.uint32
    assert order.tolist() == expected
    np.testing.assert_array_equal(given_priorities, before)
