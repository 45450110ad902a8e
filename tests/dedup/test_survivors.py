from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.dedup.buckets import Buckets, find_buckets, priority_order, representatives
from transforms.dedup.survivors import (
    Survivors,
    choose_survivors,
    documents_to_compare,
    estimate_jaccard,
)

NO_CAP = 10_000


@dataclass
class Corpus:
    keys: npt.NDArray[np.uint64]  # (bands, n)
    texts: npt.NDArray[np.uint64]  # (n, 2)
    priority: npt.NDArray[np.float64]
    sketches: npt.NDArray[np.uint8]  # (n, num_perm)

    def __len__(self) -> int:
        return len(self.priority)

    def inputs(self) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.uint32], list[Buckets]]:
        order, represented = priority_order(self.priority), representatives(self.texts, self.priority)
        return order, represented, [find_buckets(band) for band in self.keys]

    def choose(self, threshold: float, bucket_cap: int = NO_CAP) -> Survivors:
        rows = np.arange(len(self), dtype=np.uint32)
        return choose_survivors(*self.inputs(), rows, self.sketches, threshold=threshold, bucket_cap=bucket_cap)


def make_corpus(n: int, bands: int, num_perm: int, seed: int) -> Corpus:
    """Families of planted neighbours, some of the same text, in few buckets, so that all rules come to bear."""
    rng = np.random.default_rng(seed)
    family = rng.integers(0, max(1, n // 4), n)
    sketches = rng.integers(0, 256, (max(1, n // 4), num_perm)).astype(np.uint8)[family]
    changed = rng.random((n, num_perm)) < rng.choice([0.0, 0.1, 0.2, 0.3], n)[:, None]
    sketches[changed] = rng.integers(0, 256, int(changed.sum())).astype(np.uint8)
    return Corpus(
        keys=rng.integers(0, rng.integers(1, 6), (bands, n)).astype(np.uint64),
        texts=rng.integers(0, max(1, rng.integers(n // 2, 4 * n + 1)), (n, 1)).astype(np.uint64).repeat(2, 1),
        priority=rng.choice([0.0, 1.0, 2.0, np.nan, -np.inf], n),
        sketches=sketches,
    )


CORPORA = st.builds(
    make_corpus,
    st.integers(0, 40),
    st.integers(0, 4),
    st.sampled_from([1, 16, 128, 130, 256]),
    st.integers(0, 2**32),
)
THRESHOLDS = st.sampled_from([0.05, 0.5, 0.6, 0.7, 0.8, 1.0])


def estimate(corpus: Corpus, left: int, right: int) -> float:
    pairs = zip(corpus.sketches[left].tolist(), corpus.sketches[right].tolist(), strict=True)
    share = sum(a == b for a, b in pairs) / corpus.sketches.shape[1]
    return max(0.0, (share - 1 / 256) / (1 - 1 / 256))


def choose_slowly(corpus: Corpus, threshold: float, cap: int) -> Survivors:
    """The rule, word by word, with lists and sets."""
    n = len(corpus)

    def rank(document: int) -> tuple[float, int]:
        priority = corpus.priority[document]
        return (np.inf if np.isnan(priority) else -priority, document)

    order = sorted(range(n), key=rank)
    same_text: dict[int, list[int]] = {}
    for document in order:
        same_text.setdefault(int(corpus.texts[document, 0]), []).append(document)
    kept_in: dict[tuple[int, int], list[int]] = {}
    covered_by = np.arange(n, dtype=np.uint32)
    similarity = np.ones(n, np.float32)
    exact = np.zeros(n, np.bool_)
    compared: set[tuple[int, int]] = set()
    capped_buckets: set[tuple[int, int]] = set()
    capped_documents: set[int] = set()
    for document in (group[0] for group in sorted(same_text.values(), key=lambda group: rank(group[0]))):
        mine = [(band, int(keys[document])) for band, keys in enumerate(corpus.keys) if keys[document]]
        candidates: set[int] = set()
        for bucket in mine:
            kept = kept_in.setdefault(bucket, [])
            candidates.update(kept[:cap])
            if len(kept) > cap:
                capped_buckets.add(bucket)
                capped_documents.add(document)
        compared.update((document, other) for other in candidates)
        near = [other for other in candidates if estimate(corpus, document, other) >= threshold]
        if near:
            best = min(near, key=lambda other: (-estimate(corpus, document, other), rank(other)))
            covered_by[document], similarity[document] = best, estimate(corpus, document, best)
        else:
            for bucket in mine:
                kept_in[bucket].append(document)
        for copy in same_text[int(corpus.texts[document, 0])][1:]:
            covered_by[copy], similarity[copy] = covered_by[document], similarity[document]
            exact[copy] = not near
    return Survivors(covered_by, similarity, exact, len(compared), len(capped_buckets), len(capped_documents))


def assert_same(result: Survivors, expected: Survivors) -> None:
    assert result.covered_by.dtype == np.uint32
    assert result.similarity.dtype == np.float32
    assert result.exact.dtype == np.bool_
    np.testing.assert_array_equal(result.covered_by, expected.covered_by)
    np.testing.assert_array_equal(result.similarity, expected.similarity)
    np.testing.assert_array_equal(result.exact, expected.exact)
    assert result.comparisons == expected.comparisons
    assert result.capped_buckets == expected.capped_buckets
    assert result.capped_documents == expected.capped_documents


@settings(deadline=None, max_examples=300)
@given(CORPORA, THRESHOLDS, st.sampled_from([1, 2, 3, 5, NO_CAP]))
def test_choice_is_that_of_the_plain_rule(corpus: Corpus, threshold: float, cap: int) -> None:
    assert_same(corpus.choose(threshold, cap), choose_slowly(corpus, threshold, cap))


@settings(deadline=None)
@given(CORPORA, THRESHOLDS)
def test_survivors_cover_all_and_are_no_neighbours(corpus: Corpus, threshold: float) -> None:
    result = corpus.choose(threshold)
    everyone = np.arange(len(corpus))
    assert result.kept[result.covered_by].all()
    np.testing.assert_array_equal(result.kept, result.covered_by == everyone)
    assert (result.similarity[result.kept] == 1).all()
    for document in everyone[~result.kept]:
        keeper = int(result.covered_by[document])
        assert result.exact[document] == (corpus.texts[document] == corpus.texts[keeper]).all()
        assert result.exact[document] or result.similarity[document] >= np.float32(threshold)
    kept = everyone[result.kept]
    for left in kept:
        for right in kept[kept > left]:
            assert (corpus.texts[left] != corpus.texts[right]).any()
            if ((corpus.keys[:, left] == corpus.keys[:, right]) & (corpus.keys[:, left] > 0)).any():
                assert estimate(corpus, left, right) < threshold


@settings(deadline=None)
@given(CORPORA, st.sampled_from([1, 2, NO_CAP]), st.integers(0, 2**32))
def test_the_sequence_of_buckets_does_not_matter(corpus: Corpus, cap: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    order, represented, buckets = corpus.inputs()
    shuffled = []
    for band in rng.permutation(len(buckets)):
        groups = np.split(buckets[band].members, buckets[band].starts[1:-1])
        groups = [groups[k] for k in rng.permutation(len(buckets[band]))]
        members = np.concatenate([*groups, np.empty(0, np.uint32)]).astype(np.uint32)
        shuffled.append(Buckets(members, np.cumsum([0, *map(len, groups)], dtype=np.int64)))
    rows = np.arange(len(corpus))
    result = choose_survivors(order, represented, shuffled, rows, corpus.sketches, threshold=0.7, bucket_cap=cap)
    assert_same(result, corpus.choose(0.7, cap))


@settings(deadline=None)
@given(CORPORA)
def test_only_the_sketches_of_documents_to_compare_are_read(corpus: Corpus) -> None:
    order, represented, buckets = corpus.inputs()
    stands = represented == np.arange(len(corpus))
    shared = np.zeros(len(corpus), np.bool_)
    for keys in corpus.keys:
        for key in set(keys.tolist()) - {0}:
            members = (keys == key) & stands
            shared |= members & (members.sum() > 1)
    needed = documents_to_compare(represented, buckets)
    np.testing.assert_array_equal(needed, shared)

    rows = np.full(len(corpus), -1)
    rows[needed] = np.arange(needed.sum())[::-1]
    sketches = corpus.sketches[needed][::-1]
    sketches.flags.writeable = False
    result = choose_survivors(order, represented, buckets, rows, sketches, threshold=0.7)
    assert_same(result, corpus.choose(0.7))


def one_bucket(n: int) -> Buckets:
    return Buckets(np.arange(n, dtype=np.uint32), np.array([0, n], np.int64))


def test_no_chain_swallows_its_far_end() -> None:
    sketches = np.zeros((3, 256), np.uint8)
    sketches[1, :40] = 1
    sketches[2, :80] = 1
    everyone = np.arange(3, dtype=np.uint32)
    result = choose_survivors(everyone, everyone, [one_bucket(3)], everyone, sketches, threshold=0.8)
    assert result.covered_by.tolist() == [0, 0, 2]


def test_a_hundred_thousand_equal_documents_cost_no_comparison() -> None:
    n = 100_000
    everyone, nobody = np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32)
    result = choose_survivors(
        everyone, nobody, [one_bucket(n)] * 28, nobody, np.zeros((1, 256), np.uint8), threshold=0.8
    )
    assert result.kept.sum() == 1
    assert result.exact.sum() == n - 1
    assert (result.comparisons, result.capped_documents) == (0, 0)


def test_a_hundred_thousand_equal_sketches_of_different_texts_are_compared_once_each() -> None:
    n = 100_000
    everyone, row = np.arange(n, dtype=np.uint32), np.zeros(n, np.uint32)
    result = choose_survivors(
        everyone, everyone, [one_bucket(n)] * 28, row, np.zeros((1, 256), np.uint8), threshold=0.8
    )
    assert (result.covered_by == 0).all()
    assert not result.exact.any()
    assert (result.comparisons, result.capped_documents) == (n - 1, 0)


def test_documents_of_one_template_are_capped_and_counted() -> None:
    n, cap = 20_000, 64
    rng = np.random.default_rng(1)
    own = rng.random((n, 256)) > 0.85
    sketches = np.where(own, rng.integers(0, 256, (n, 256)), 7).astype(np.uint8)  # pairs agree in 72 %
    everyone = np.arange(n, dtype=np.uint32)
    buckets = [one_bucket(n)] * 3
    result = choose_survivors(everyone, everyone, buckets, everyone, sketches, threshold=0.9, bucket_cap=cap)
    assert result.kept.all()
    assert result.comparisons == sum(min(before, cap) for before in range(n))
    assert result.capped_buckets == 3
    assert result.capped_documents == n - cap - 1


def test_estimate_takes_out_chance_agreement() -> None:
    jaccard = np.linspace(0, 1, 11)
    agreeing = jaccard + (1 - jaccard) / 256
    np.testing.assert_allclose(estimate_jaccard(256 * agreeing, 256), jaccard, atol=1e-12)
    assert estimate_jaccard(256, 256) == 1
    assert estimate_jaccard(0, 256) == 0
    assert estimate_jaccard([0, 3], 3).tolist() == [0, 1]
    with pytest.raises(ValueError, match="num_perm is 0"):
        estimate_jaccard(0, 0)


def test_arguments_that_do_not_fit() -> None:
    everyone = np.arange(3, dtype=np.uint32)
    sketches = np.zeros((3, 16), np.uint8)
    buckets = [one_bucket(3)]
    with pytest.raises(ValueError, match="threshold is 0"):
        choose_survivors(everyone, everyone, buckets, everyone, sketches, threshold=0)
    with pytest.raises(ValueError, match="bucket_cap is 0"):
        choose_survivors(everyone, everyone, buckets, everyone, sketches, threshold=0.8, bucket_cap=0)
    with pytest.raises(ValueError, match="order is int64"):
        choose_survivors(np.arange(3), everyone, buckets, everyone, sketches, threshold=0.8)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"representative \(2,\)"):
        choose_survivors(everyone, everyone[:2], buckets, everyone, sketches, threshold=0.8)
    with pytest.raises(ValueError, match=r"sketch_row \(2,\)"):
        choose_survivors(everyone, everyone, buckets, everyone[:2], sketches, threshold=0.8)
    with pytest.raises(ValueError, match="num_perm"):
        choose_survivors(everyone, everyone, buckets, everyone, sketches[:, :0], threshold=0.8)
    with pytest.raises(ValueError, match="document 2 has sketch row 2, and there are 2 rows"):
        choose_survivors(everyone, everyone, buckets, everyone, sketches[:2], threshold=0.8)
    with pytest.raises(ValueError, match="a bucket holds document 3, and there are 3"):
        choose_survivors(everyone, everyone, [one_bucket(4)], everyone, sketches, threshold=0.8)


@pytest.mark.parametrize(
    ("order", "represented", "fault"),
    [
        ([0, 1, 1], [0, 1, 2], "document 1 at place 2"),
        ([0, 1, 3], [0, 1, 2], "document 3 at place 2"),
        ([0, 1, 2], [0, 9, 2], "document 1 at place 1"),
        ([0, 1, 2], [0, 0, 1], "document 2 at place 2"),
        ([1, 0, 2], [0, 0, 2], "document 1 at place 0"),
    ],
)
def test_orders_and_representatives_that_contradict(order: list[int], represented: list[int], fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        choose_survivors(
            np.array(order, np.uint32),
            np.array(represented, np.uint32),
            [],
            np.arange(3),
            np.zeros((3, 16), np.uint8),
            threshold=0.8,
        )


def test_buckets_of_several_bands_in_one_are_refused() -> None:
    together = Buckets(np.array([0, 1, 0, 2], np.uint32), np.array([0, 2, 4], np.int64))
    everyone = np.arange(3, dtype=np.uint32)
    with pytest.raises(ValueError, match="buckets of each band apart"):
        choose_survivors(everyone, everyone, [together], everyone, np.zeros((3, 16), np.uint8), threshold=0.8)
