import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.dedup.buckets import Buckets, find_buckets, priority_order, representatives
from transforms.dedup.components import choose_by_components
from transforms.dedup.survivors import documents_to_compare


def components(keys: npt.NDArray[np.uint64], texts: npt.NDArray[np.uint64]) -> list[set[int]]:
    """Documents that a walk over shared buckets and shared texts connects."""
    n = keys.shape[1]
    found: list[set[int]] = []
    unseen = set(range(n))
    while unseen:
        walk = [unseen.pop()]
        component = set(walk)
        while walk:
            here = walk.pop()
            near = {
                other
                for other in unseen
                if texts[other] == texts[here] or any(band[other] == band[here] != 0 for band in keys)
            }
            unseen -= near
            component |= near
            walk.extend(near)
        found.append(component)
    return found


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 40), st.integers(0, 4), st.integers(1, 30), st.integers(0, 2**32))
def test_first_of_each_component_is_kept(n: int, bands: int, distinct: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    texts = rng.integers(0, 2 * n + 1, n).astype(np.uint64)
    # As in a scan, equal texts have equal keys and equal sketches; many keys are 0.
    keys = rng.integers(0, distinct, (bands, 2 * n + 1)).astype(np.uint64)[:, texts]
    sketches = rng.integers(0, 3, (2 * n + 1, 130)).astype(np.uint8)[texts]
    priority = rng.choice([0.0, 1.0, np.nan], n)
    order, represented = priority_order(priority), representatives(np.stack([texts] * 2, 1), priority)
    buckets = [find_buckets(band) for band in keys]
    needed = documents_to_compare(represented, buckets)
    rows = np.where(needed, np.cumsum(needed) - 1, -1)
    result = choose_by_components(order, represented, buckets, rows, sketches[needed])

    place = {document: k for k, document in enumerate(order.tolist())}
    compared = 0
    for component in components(keys, texts):
        keeper = min(component, key=place.__getitem__)
        for document in component:
            same = texts[document] == texts[keeper]
            share = float((sketches[document] == sketches[keeper]).mean())
            expected = 1.0 if same else max(0.0, (share - 1 / 256) / (1 - 1 / 256))
            assert result.covered_by[document] == keeper
            assert result.exact[document] == (same and document != keeper)
            assert result.similarity[document] == np.float32(expected)
            compared += not same
    assert result.comparisons == compared
    assert (result.capped_buckets, result.capped_documents) == (0, 0)
    assert result.covered_by.dtype == np.uint32
    assert result.similarity.dtype == np.float32


def test_a_chain_of_a_hundred_thousand_documents_is_one_component() -> None:
    n = 100_000
    everyone = np.arange(n, dtype=np.uint32)
    pairs = np.stack([everyone[:-1], everyone[1:]], 1).reshape(-1)
    chain = Buckets(pairs[::-1].copy(), np.arange(0, len(pairs) + 1, 2))
    row = np.zeros(n, np.uint32)
    result = choose_by_components(everyone[::-1].copy(), everyone, [chain], row, np.zeros((1, 256), np.uint8))
    assert (result.covered_by == n - 1).all()
    assert result.comparisons == n - 1


def test_documents_that_do_not_exist() -> None:
    everyone = np.arange(2, dtype=np.uint32)
    bucket = Buckets(np.array([0, 2], np.uint32), np.array([0, 2], np.int64))
    with pytest.raises(ValueError, match="a bucket holds document 2, and there are 2"):
        choose_by_components(everyone, everyone, [bucket], everyone, np.zeros((2, 16), np.uint8))
    with pytest.raises(ValueError, match="document 0 at place 0"):
        choose_by_components(everyone, everyone[::-1].copy(), [], everyone, np.zeros((2, 16), np.uint8))
