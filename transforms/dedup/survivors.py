"""The choice of survivors: which documents stay, and which kept document covers each one that goes.

In priority order, a document is compared with the *kept* documents of its buckets, and goes only if one of
them is verified to be near. That is the lexicographically first maximal independent set of the graph of
verified pairs, found in one pass. Nothing is transitive: a chain of neighbours does not swallow its far end.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.dedup import survivors_kernel as kernels
from transforms.dedup.buckets import Buckets

MAX_BUCKET_CAP = 1 << 30


@dataclass(frozen=True)
class Survivors:
    """What happens to each of n documents.

    Attributes:
        covered_by: uint32[n], the document itself if it is kept, else the kept document that covers it.
        similarity: float32[n], estimated Jaccard similarity with `covered_by`; 1 for kept documents and for
            those of the same text hash.
        exact: bool[n], removed, and of the same text hash as `covered_by`.
        comparisons: pairs of sketches compared.
        capped_buckets: buckets in which a comparison was left out because of the cap.
        capped_documents: documents that were not compared with all kept documents of their buckets. At 0 the
            result is the one without a cap.
    """

    covered_by: npt.NDArray[np.uint32]
    similarity: npt.NDArray[np.float32]
    exact: npt.NDArray[np.bool_]
    comparisons: int
    capped_buckets: int
    capped_documents: int

    @property
    def kept(self) -> npt.NDArray[np.bool_]:
        """bool[n]: the documents that stay."""
        return np.asarray(self.covered_by == np.arange(len(self.covered_by)))


def estimate_jaccard(equal: npt.ArrayLike, num_perm: int) -> npt.NDArray[np.float64]:
    """Estimate Jaccard similarity from the number of equal bytes in two sketches of `num_perm` bytes.

    A byte of unequal minima agrees by chance with probability 1/256, so of the share m = equal / num_perm the
    estimate is (m - 1/256) / (1 - 1/256), at least 0: the b-bit estimator of Li and König, "b-Bit Minwise
    Hashing" (2010), with b = 8 and sets that are small against the range of the hash.

    Args:
        equal: number of equal bytes, 0 to `num_perm`; a number or an array of them.
        num_perm: bytes in a sketch, at least 1.

    Returns:
        float64 of the shape of `equal`, 0 to 1.

    Raises:
        ValueError: if `num_perm` is less than 1.
    """
    if num_perm < 1:
        raise ValueError(f"num_perm is {num_perm}: a sketch has at least 1 byte")
    share = np.asarray(equal, dtype=np.float64) / num_perm
    return np.clip((share - 1 / 256) / (1 - 1 / 256), 0.0, 1.0)


def documents_to_compare(representative: npt.NDArray[np.uint32], buckets: Sequence[Buckets]) -> npt.NDArray[np.bool_]:
    """Mark the documents whose sketch `choose_survivors` or `choose_by_components` may read.

    Args:
        representative: uint32[n], see `choose_survivors`.
        buckets: the buckets of each band.

    Returns:
        bool[n]: the representatives that share a bucket with another representative.

    Raises:
        ValueError: if a bucket names a document that does not exist.
    """
    stands = representative == np.arange(len(representative))
    degree, _ = _count_all_memberships(stands, buckets, MAX_BUCKET_CAP)
    return degree > 0


def choose_survivors(
    order: npt.NDArray[np.uint32],
    representative: npt.NDArray[np.uint32],
    buckets: Sequence[Buckets],
    sketch_row: npt.NDArray[np.integer],
    sketches: npt.NDArray[np.uint8],
    *,
    threshold: float,
    bucket_cap: int = 512,
) -> Survivors:
    """Choose which documents stay.

    In the given order, a representative is compared, once each, with the kept documents of its buckets. If
    the best estimate reaches the threshold it goes, covered by the best one, the first in order among equals;
    else it stays. A document with another representative is never compared: what covers its representative
    covers it. Of the kept documents of one bucket only the first `bucket_cap` are compared with.

    Takes time linear in the memberships of buckets and in the comparisons; memory of 9 bytes a document, 24
    more a document that `documents_to_compare` marks, and at most 8 for each bucket such a document is in.

    Args:
        order: uint32[n], all documents, the one to be kept first at the front (`priority_order`).
        representative: uint32[n], the document of the same text that stands for it (`representatives`).
        buckets: the buckets of each band (`find_buckets`). Their sequence does not matter.
        sketch_row: integer[n], row of each document's sketch; read where `documents_to_compare` is true.
        sketches: uint8[rows, num_perm], the low byte of each minimum.
        threshold: estimated similarity from which a document goes, above 0 and at most 1.
        bucket_cap: most kept documents of a bucket that are compared with, at least 1.

    Raises:
        ValueError: if an argument is outside its range or the arrays do not fit together.
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"threshold is {threshold}: give a similarity above 0 and at most 1")
    if not 1 <= bucket_cap <= MAX_BUCKET_CAP:
        raise ValueError(f"bucket_cap is {bucket_cap}: give a number from 1 to {MAX_BUCKET_CAP}")
    check_documents(order, representative, sketch_row, sketches)
    order = np.ascontiguousarray(order)
    representative = np.ascontiguousarray(representative)
    sketches = np.ascontiguousarray(sketches)

    stands = representative == np.arange(len(order))
    degree, slots = _count_all_memberships(stands, buckets, bucket_cap)
    documents, ends = kernels.number_documents(order, degree)
    entries = np.empty(degree.sum(dtype=np.int64), np.uint32)
    del degree
    if slots > kernels.MAX_SLOTS or len(documents) > kernels.MAX_NUMBERED:
        raise ValueError(
            f"{len(documents)} documents have {slots} places in buckets, which is more than one choice of "
            "survivors holds: split the corpus, or use more rows per band"
        )
    rows = checked_rows(sketch_row, documents, len(sketches))
    lists = np.zeros(slots, np.uint32)
    slot_of = np.full(len(order), kernels.NONE, np.uint32)
    slot = np.int64(0)
    first_entries = int(ends.sum())
    for band in buckets:
        slot = kernels.enter_band(
            band.members, band.starts, stands, documents, bucket_cap, slot, slot_of, ends, entries, lists
        )
    del slot_of, stands
    if int(ends.sum()) - first_entries != len(entries):
        raise ValueError("a document stands in two buckets of one `Buckets`: give the buckets of each band apart")

    similarities = estimate_jaccard(np.arange(sketches.shape[1] + 1), sketches.shape[1])
    covered_by = representative.copy()
    similarity = np.ones(len(order), np.float32)
    exact = np.zeros(len(order), np.bool_)
    comparisons, capped_buckets, capped_documents = kernels.choose(
        documents, ends, entries, lists, bucket_cap, rows, sketches, least_equal(threshold, sketches.shape[1]),
        similarities.astype(np.float32), covered_by, similarity,
    )  # fmt: skip
    kernels.cover_copies(representative, covered_by, similarity, exact)
    return Survivors(covered_by, similarity, exact, int(comparisons), int(capped_buckets), int(capped_documents))


def check_documents(
    order: npt.NDArray[np.uint32],
    representative: npt.NDArray[np.uint32],
    sketch_row: npt.NDArray[np.integer],
    sketches: npt.NDArray[np.uint8],
) -> None:
    """Check what both ways of choosing are given.

    Raises:
        ValueError: if `order` is no permutation, a representative does not stand for itself or comes later in
            `order` than a document it stands for, or a shape or dtype is wrong.
    """
    if order.dtype != np.uint32 or representative.dtype != np.uint32 or sketches.dtype != np.uint8:
        raise ValueError(
            f"order is {order.dtype}, representative {representative.dtype} and sketches {sketches.dtype}: "
            "expected uint32, uint32 and uint8"
        )
    if order.ndim != 1 or not order.shape == representative.shape == sketch_row.shape:
        raise ValueError(
            f"order has shape {order.shape}, representative {representative.shape} and sketch_row "
            f"{sketch_row.shape}: expected one shape (n,)"
        )
    if sketches.ndim != 2 or sketches.shape[1] < 1:
        raise ValueError(f"sketches has shape {sketches.shape}: expected (rows, num_perm)")
    fault = kernels.first_fault(order, representative)
    if fault >= 0:
        raise ValueError(
            f"document {order[fault]} at place {fault} of the order, represented by "
            f"{representative[order[fault]] if order[fault] < len(order) else 'none'}: order must hold each "
            "document once, and a representative must stand for itself and come before those it stands for"
        )


def checked_rows(
    sketch_row: npt.NDArray[np.integer], documents: npt.NDArray[np.uint32], rows: int
) -> npt.NDArray[np.int64]:
    """int64[len(documents)]: the sketch row of each of `documents`.

    Raises:
        ValueError: if one of them has no row among `rows`.
    """
    chosen = sketch_row[documents].astype(np.int64)
    bad = np.flatnonzero((chosen < 0) | (chosen >= rows))
    if len(bad):
        raise ValueError(
            f"document {documents[bad[0]]} has sketch row {chosen[bad[0]]}, and there are {rows} rows: give "
            "the sketch of every document that documents_to_compare marks"
        )
    return chosen


def count_equal(
    sketches: npt.NDArray[np.uint8], left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Count the equal bytes of the sketches in rows `left[k]` and `right[k]`: int64[k] in, int64[k] out."""
    sketches = np.ascontiguousarray(sketches)
    return kernels.equal_between(sketches, sketches, left, right)


def equal_between(
    one: npt.NDArray[np.uint8],
    other: npt.NDArray[np.uint8],
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
) -> npt.NDArray[np.int64]:
    """Count the equal bytes of the sketches in row `left[k]` of `one` and row `right[k]` of `other`.

    Args:
        one: uint8[m, num_perm].
        other: uint8[n, num_perm].
        left: int64[k].
        right: int64[k].

    Returns:
        int64[k].
    """
    return kernels.equal_between(_writable(one), _writable(other), left, right)


def _writable(sketches: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """As the kernel is compiled for: a copy of what is read-only."""
    return np.require(sketches, requirements=("C", "W"))


def least_equal(threshold: float, num_perm: int) -> int:
    """The fewest equal bytes of two sketches whose estimate reaches the threshold, which is at most 1."""
    similarities = estimate_jaccard(np.arange(num_perm + 1), num_perm)
    return int(np.argmax(similarities >= threshold))


def _count_all_memberships(
    stands: npt.NDArray[np.bool_], buckets: Sequence[Buckets], cap: int
) -> tuple[npt.NDArray[np.uint32], int]:
    """In how many buckets with another representative each document is, uint32[n]; the slots of all lists."""
    degree = np.zeros(len(stands), np.uint32)
    slots = 0
    for band in buckets:
        if len(band.members) and band.members.max() >= len(stands):
            raise ValueError(f"a bucket holds document {band.members.max()}, and there are {len(stands)} documents")
        slots += int(kernels.count_memberships(band.members, band.starts, stands, cap, degree))
    return degree, slots
