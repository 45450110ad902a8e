import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.dedup.neighbours import find_neighbours
from benchmarks.dedup.shingles import Sets


def as_sets(documents: list[set[int]]) -> Sets:
    offsets = np.cumsum([0] + [len(document) for document in documents])
    flat = [token for document in documents for token in sorted(document)]
    return Sets(np.array(flat, np.uint64), offsets.astype(np.int64))


def brute_force(documents: list[set[int]], percent: int) -> dict[tuple[int, int], tuple[int, int]]:
    """Pairs of unequal documents by first appearance, with the sizes of intersection and union."""
    firsts = [i for i, document in enumerate(documents) if document not in documents[:i]]
    found = {}
    for a, b in itertools.combinations(range(len(firsts)), 2):
        one, other = documents[firsts[a]], documents[firsts[b]]
        shared, total = len(one & other), len(one | other)
        if 100 * shared >= percent * total:
            found[a, b] = (shared, total)
    return found


# Documents that are edits of each other, so that many similarities lie near the threshold.
@st.composite
def corpora(draw: st.DrawFn) -> list[set[int]]:
    bases = draw(st.lists(st.sets(st.integers(0, 2**64 - 1), min_size=1, max_size=30), min_size=1, max_size=4))
    documents = []
    for base in bases:
        for _ in range(draw(st.integers(1, 6))):
            gone = draw(st.sets(st.sampled_from(sorted(base)), max_size=5))
            added = draw(st.sets(st.integers(0, 40), max_size=5))
            documents.append((base - gone) | added or set(base))
    return draw(st.permutations(documents))


@given(corpora(), st.sampled_from([1, 33, 50, 73, 80, 87, 99, 100]), st.integers(1, 3))
@settings(deadline=None)
def test_finds_the_pairs_of_brute_force(documents: list[set[int]], percent: int, threads: int) -> None:
    found = find_neighbours(as_sets(documents), percent, threads)
    pairs = zip(found.left.tolist(), found.right.tolist(), strict=True)
    counts = zip(found.shared.tolist(), found.total.tolist(), strict=True)
    assert len(found.left) == len(set(zip(found.left.tolist(), found.right.tolist(), strict=True)))
    assert dict(zip(pairs, counts, strict=True)) == brute_force(documents, percent)


@given(corpora())
@settings(deadline=None)
def test_a_group_is_the_documents_with_one_set(documents: list[set[int]]) -> None:
    group = find_neighbours(as_sets(documents), 100).group
    distinct: list[set[int]] = []
    for document in documents:
        if document not in distinct:
            distinct.append(document)
    assert group.tolist() == [distinct.index(document) for document in documents]


def test_many_documents_of_few_templates() -> None:
    rng = np.random.default_rng(5)
    templates = [set(rng.integers(0, 2**63, 120).tolist()) for _ in range(5)]
    documents = []
    for _ in range(300):
        base = templates[rng.integers(5)]
        gone = set(rng.choice(sorted(base), rng.integers(0, 30), replace=False).tolist())
        documents.append((base - gone) | set(rng.integers(0, 2**63, rng.integers(0, 5)).tolist()))
    found = find_neighbours(as_sets(documents), 73)
    pairs = list(zip(found.left.tolist(), found.right.tolist(), strict=True))
    expected = brute_force(documents, 73)
    assert set(pairs) == set(expected)
    assert 1000 < len(pairs) < 300 * 299 // 2


def test_thresholds_compare_whole_numbers() -> None:
    found = find_neighbours(as_sets([set(range(100)), set(range(73)), set(range(27, 99))]), 72)
    assert list(zip(found.left.tolist(), found.right.tolist(), strict=True)) == [(0, 1), (0, 2)]
    assert found.at_least(73).tolist() == [True, False]


def test_no_documents_have_no_neighbours() -> None:
    assert len(find_neighbours(as_sets([]), 73).left) == 0


@pytest.mark.parametrize("percent", [0, 101])
def test_a_threshold_must_be_a_percentage(percent: int) -> None:
    with pytest.raises(ValueError, match="1 to 100"):
        find_neighbours(as_sets([{1}]), percent)
