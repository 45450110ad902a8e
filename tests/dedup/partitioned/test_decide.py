"""The choice on verified pairs and large buckets, against one written down in plain Python."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.dedup.partitioned.decide import Graph, decide
from transforms.dedup.partitioned.verify import in_order
from transforms.dedup.survivors import least_equal

WIDTH, THRESHOLD = 8, 0.7


@st.composite
def graphs(draw: st.DrawFn) -> tuple[np.ndarray, list[float], list[tuple[int, int]], list[list[int]]]:
    """Sketches and priorities of documents, pairs that are candidates, and the members of large buckets."""
    size = draw(st.integers(2, 14))
    sketches = np.array(draw(st.lists(st.binary(min_size=WIDTH, max_size=WIDTH), min_size=size, max_size=size)))
    matrix = np.frombuffer(b"".join(sketches.tolist()).ljust(size * WIDTH, b"\0"), np.uint8).reshape(size, WIDTH) % 2
    priority = draw(st.lists(st.sampled_from([0.0, 1.0, -np.inf]), min_size=size, max_size=size))
    document = st.integers(0, size - 1)
    pairs = draw(st.sets(st.tuples(document, document).filter(lambda pair: pair[0] < pair[1]), max_size=30))
    buckets = draw(st.lists(st.sets(document, min_size=2), max_size=4))
    return matrix, priority, sorted(pairs), [sorted(one) for one in buckets]


def slowly(sketches, priority, pairs, buckets, cap):  # type: ignore[no-untyped-def]
    """What covers each document that goes, the buckets in which one was left out, and the documents concerned."""
    order = sorted(range(len(priority)), key=lambda one: (-priority[one], one))
    kept: list[int] = []
    covered, capped_documents, capped_buckets = {}, 0, set()
    least = least_equal(THRESHOLD, WIDTH)
    for own in order:
        met = {other for pair in pairs if own in pair for other in pair if other != own and other in kept}
        capped = False
        for number, bucket in enumerate(buckets):
            if own in bucket:
                inside = [other for other in kept if other in bucket]
                met |= set(inside[:cap])
                if len(inside) > cap:
                    capped = True
                    capped_buckets.add(number)
        capped_documents += capped
        near = [(-int((sketches[own] == sketches[other]).sum()), order.index(other), other) for other in met]
        near = [one for one in near if -one[0] >= least]
        if near:
            covered[own] = (min(near)[2], -min(near)[0])
        else:
            kept.append(own)
    return covered, len(capped_buckets), capped_documents


@settings(max_examples=150, deadline=None)
@given(graphs(), st.integers(1, 4))
def test_the_choice_is_that_of_one_pass_in_order(graph, cap) -> None:  # type: ignore[no-untyped-def]
    sketches, priority, pairs, buckets = graph
    equal = np.array([(sketches[a] == sketches[b]).sum() for a, b in pairs], np.uint16)
    near = equal >= least_equal(THRESHOLD, WIDTH)
    verified = np.array(pairs, np.uint64).reshape(-1, 2)[near]
    own = np.array(priority)
    at = verified.astype(np.int64)
    edges = [*in_order(verified[:, 0], verified[:, 1], own[at[:, 0]], own[at[:, 1]]), equal[near]]
    inside = np.array(sorted({one for bucket in buckets for one in bucket}), np.int64)
    rows = [(one, number) for number, bucket in enumerate(buckets) for one in bucket]
    members = [np.array([row[at] for row in rows], np.uint64) for at in range(2)]
    graph_ = Graph(edges, members, [inside.astype(np.uint64), own[inside], sketches[inside]])
    decision = decide(graph_, THRESHOLD, cap, WIDTH)
    covered, capped_buckets, capped_documents = slowly(sketches, priority, pairs, buckets, cap)
    found = {a: (b, e) for a, b, e in zip(*(column.tolist() for column in decision.covered), strict=True)}
    assert found == covered
    assert decision.counts["capped_buckets"] == capped_buckets
    assert decision.counts["capped_documents"] == capped_documents
