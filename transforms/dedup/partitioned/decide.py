"""The choice of survivors on a part of the verified graph that fits one task."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.texts import offsets_of
from transforms.dedup.survivors import least_equal
from transforms.dedup.survivors_kernel import choose_in_graph

Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Graph:
    """Verified pairs and large buckets of some documents.

    Attributes:
        edges: the columns of `schemas.working.partitioned.edges`.
        members: those of `members`.
        sketches: those of `sketches`, of each document in `members`; no NaN among the priorities.
    """

    edges: Sequence[Column]
    members: Sequence[Column]
    sketches: Sequence[Column]


@dataclass(frozen=True)
class Before:
    """What earlier rounds have decided, as far as a round needs it.

    Attributes:
        decided: of each document of the round's graph that comes before the round: uint64, ascending.
        went: bool, which of these go.
        listed: the columns of `schemas.working.partitioned.listed`, in order of choice within each bucket.
        tallies: those of `tallies`; a bucket may have several rows.
    """

    decided: npt.NDArray[np.uint64]
    went: npt.NDArray[np.bool_]
    listed: Sequence[Column]
    tallies: Sequence[Column]


@dataclass(frozen=True)
class Decision:
    """Which documents go, what covers them, and what later rounds need to know.

    Attributes:
        covered: the columns of `schemas.working.partitioned.covered`.
        listed, tallies: as in `Before`, of this decision alone.
        counts: comparisons and capped buckets and documents, as in `Survivors`; documents that go.
    """

    covered: Sequence[Column]
    listed: Sequence[Column]
    tallies: Sequence[Column]
    counts: dict[str, int] = field(default_factory=dict)


def decide(graph: Graph, threshold: float, cap: int, width: int, before: Before | None = None) -> Decision:
    """Choose the survivors: the same as `choose_survivors` on the same pairs and buckets.

    Args:
        graph: what is decided on.
        threshold: estimated similarity from which a document goes.
        cap: most kept documents of a bucket that a document is compared with.
        width: bytes in a sketch.
        before: what is decided already; none of the graph's documents where it is None.
    """
    earlier, later, earlier_priority, later_priority, equal = graph.edges
    own, own_priority, own_sketches = graph.sketches
    context = before.listed[1:] if before else [own[:0], own_priority[:0], own_sketches[:0]]
    documents, first = np.unique(np.concatenate([earlier, later, own, context[0]]), return_index=True)
    priority = np.concatenate([earlier_priority, later_priority, own_priority, context[1]])[first]
    order = np.lexsort((documents, -priority))
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))

    def numbered(some: Column) -> npt.NDArray[np.int64]:
        return number[np.searchsorted(documents, some)]

    state = np.zeros(len(documents), np.uint8)
    if before is not None:
        state[numbered(before.decided)] = 1 + before.went.astype(np.uint8)
        state[numbered(context[0])] = 1
    rows = np.zeros(len(documents), np.int64)
    rows[numbered(own)] = np.arange(len(own))
    rows[numbered(context[0])] = len(own) + np.arange(len(context[0]))
    edge_order = np.argsort(numbered(later), kind="stable")
    edge_starts = offsets_of(np.bincount(numbered(later), minlength=len(documents)))
    buckets = _Lists(graph.members, before, cap)
    entry_number = numbered(graph.members[0])
    entry_order = np.argsort(entry_number, kind="stable")
    lists = np.full(int(buckets.starts[-1]), -1, np.int64)
    lists[buckets.filled] = numbered(context[0])
    best_of, equal_of = np.full(len(documents), -1, np.int64), np.zeros(len(documents), np.int64)
    listed, kept, met = buckets.listed.copy(), buckets.kept.copy(), buckets.met.copy()
    comparisons, capped_buckets, capped_documents = choose_in_graph(
        state, edge_starts, numbered(earlier)[edge_order], equal.astype(np.int64)[edge_order],
        offsets_of(np.bincount(entry_number, minlength=len(documents))), buckets.of_member[entry_order],
        buckets.starts[:-1].copy(), lists, listed, kept, met, cap, rows,
        np.concatenate([own_sketches, context[2]]), least_equal(threshold, width), best_of, equal_of,
    )  # fmt: skip
    ordered = documents[order]
    gone = np.flatnonzero(best_of >= 0)
    new = np.repeat(buckets.starts[:-1] + buckets.listed, listed - buckets.listed)
    new += np.arange(len(new)) - np.repeat(offsets_of(listed - buckets.listed)[:-1], listed - buckets.listed)
    chosen = lists[new]
    in_own = rows[chosen]
    return Decision(
        [ordered[gone], ordered[best_of[gone]], equal_of[gone].astype(np.uint16)],
        [
            np.repeat(buckets.names, listed - buckets.listed),
            ordered[chosen],
            own_priority[in_own],
            own_sketches[in_own],
        ],
        [buckets.names, (kept - buckets.kept).astype(np.uint32), (met - buckets.met).astype(np.uint8)],
        {
            "gone": len(gone),
            "comparisons": int(comparisons),
            "capped_buckets": int(capped_buckets),
            "capped_documents": int(capped_documents),
        },
    )


class _Lists:
    """Room for the kept documents of each large bucket, with those that earlier rounds have listed."""

    def __init__(self, members: Sequence[Column], before: Before | None, cap: int) -> None:
        self.names, of_member = np.unique(members[1], return_inverse=True)
        self.of_member = of_member.astype(np.int64)
        count = np.bincount(self.of_member, minlength=len(self.names))
        self.listed = np.zeros(len(self.names), np.int64)
        self.kept = np.zeros(len(self.names), np.int64)
        self.met = np.zeros(len(self.names), np.uint8)
        own = np.empty(0, np.int64)
        if before is not None:
            own = np.searchsorted(self.names, before.listed[0])
            self.listed = np.bincount(own, minlength=len(self.names))
            at = np.searchsorted(self.names, before.tallies[0])
            np.add.at(self.kept, at, before.tallies[1].astype(np.int64))
            np.maximum.at(self.met, at, before.tallies[2])
        self.starts = offsets_of(np.minimum(count + self.listed, cap))
        # Rows of one bucket stand in the order of choice; a stable sort puts those of each bucket together.
        order = np.argsort(own, kind="stable")
        self.filled = np.empty(len(own), np.int64)
        self.filled[order] = self.starts[own[order]] + np.arange(len(own)) - offsets_of(self.listed)[own[order]]
