"""The alternative to `choose_survivors` that other tools take: one document of each component of buckets."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.dedup.buckets import MAX_DOCUMENTS, Buckets
from transforms.dedup.survivors import (
    Survivors,
    check_documents,
    checked_rows,
    count_equal,
    estimate_jaccard,
)

_NONE = np.uint32(MAX_DOCUMENTS)


def choose_by_components(
    order: npt.NDArray[np.uint32],
    representative: npt.NDArray[np.uint32],
    buckets: Sequence[Buckets],
    sketch_row: npt.NDArray[np.integer],
    sketches: npt.NDArray[np.uint8],
) -> Survivors:
    """Keep the first document, in order, of each connected component of the bucket graph.

    Two documents are connected if they share a bucket or their text; nothing is verified, and a chain of such
    pairs is one component. The similarity is the estimate against the kept document, however low.

    Takes time linear in the memberships, and 21 bytes a document, the result included.

    Args:
        order: uint32[n], all documents, the one to be kept first at the front (`priority_order`).
        representative: uint32[n], the document of the same text that stands for it (`representatives`).
        buckets: the buckets of each band (`find_buckets`).
        sketch_row: integer[n], row of each document's sketch; read where `documents_to_compare` is true.
        sketches: uint8[rows, num_perm], the low byte of each minimum.

    Returns:
        The choice; `comparisons` counts the estimates made, and no bucket is capped.

    Raises:
        ValueError: if the arrays do not fit together.
    """
    check_documents(order, representative, sketch_row, sketches)
    order = np.ascontiguousarray(order)
    representative = np.ascontiguousarray(representative)
    parent = representative.copy()
    for band in buckets:
        if len(band.members) and band.members.max() >= len(order):
            raise ValueError(f"a bucket holds document {band.members.max()}, and there are {len(order)} documents")
        _join_band(band.members, band.starts, representative, parent)
    covered_by = _first_of_components(order, parent)
    del parent

    stand_in = representative[covered_by]
    exact = (representative == stand_in) & (covered_by != np.arange(len(order)))
    near = np.flatnonzero(representative != stand_in).astype(np.uint32)
    similarity = np.ones(len(order), np.float32)
    left = checked_rows(sketch_row, representative[near], len(sketches))
    right = checked_rows(sketch_row, stand_in[near], len(sketches))
    similarity[near] = estimate_jaccard(count_equal(sketches, left, right), sketches.shape[1])
    return Survivors(covered_by, similarity, exact, len(near), 0, 0)


@inline_kernel
def _root(parent: npt.NDArray[np.uint32], document: np.uint32) -> np.uint32:
    """The root of a tree; every second node passed is hung one level higher (path halving)."""
    while parent[document] != document:
        parent[document] = parent[parent[document]]
        document = parent[document]
    return document


@kernel
def _join_band(
    members: npt.NDArray[np.uint32],
    starts: npt.NDArray[np.int64],
    representative: npt.NDArray[np.uint32],
    parent: npt.NDArray[np.uint32],
) -> None:
    """Join each bucket's documents with its first one; the smaller root stays the root."""
    for bucket in range(len(starts) - 1):
        first = representative[members[starts[bucket]]]
        for k in range(starts[bucket] + 1, starts[bucket + 1]):
            one = _root(parent, first)
            other = _root(parent, representative[members[k]])
            parent[max(one, other)] = min(one, other)


@kernel
def _first_of_components(order: npt.NDArray[np.uint32], parent: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """For each document the first, in order, of its tree."""
    first = np.full(len(parent), _NONE, np.uint32)
    result = np.empty(len(parent), np.uint32)
    for k in range(len(order)):
        root = _root(parent, order[k])
        if first[root] == _NONE:
            first[root] = order[k]
        result[order[k]] = first[root]
    return result
