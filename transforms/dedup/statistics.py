"""Figures about a choice of survivors, for the report: numbers only."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.corpus.scan_numbers import ScannedNumbers
from transforms.dedup.survivors import Survivors

BINS = 100
LARGEST_CLUSTERS = 10
EXAMPLE_BYTES = (200, 4000)
EXAMPLE_SHARES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Places:
    """Where documents stand.

    Attributes:
        addresses: uint64[n].
        rows: uint64[n], file << 40 | row number in the input.
        output: uint64[n], shard << 40 | row in the output, of the kept ones.
    """

    addresses: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.uint64]
    output: npt.NDArray[np.uint64]


def statistics(
    survivors: Survivors,
    kept: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.uint32],
    places: Places,
    numbers: ScannedNumbers,
) -> dict[str, Any]:
    """Counts, cluster sizes, similarity histogram and example pairs.

    Args:
        survivors: who covers whom, by dense index.
        kept: bool[n].
        sizes: uint32[n], bytes of text.
        places: of the documents.
        numbers: for the ids of the largest clusters.
    """
    removed = ~kept
    near = removed & ~survivors.exact
    exact = removed & survivors.exact
    return {
        "counts": {
            "kept": int(kept.sum()),
            "bytes_kept": _total(sizes[kept]),
            "removed": {"exact": int(exact.sum()), "near": int(near.sum())},
            "removed_bytes": {"exact": _total(sizes[exact]), "near": _total(sizes[near])},
        },
        "clusters": _clusters(survivors.covered_by[removed], places.output, numbers),
        "similarity": {
            "edges": (np.arange(BINS + 1) / BINS).tolist(),
            "counts": np.histogram(survivors.similarity[near], BINS, (0.0, 1.0))[0].tolist(),
        },
        "comparisons": {
            "pairs": survivors.comparisons,
            "capped_buckets": survivors.capped_buckets,
            "capped_documents": survivors.capped_documents,
        },
        "examples": _examples(survivors, near, sizes, places),
    }


def _total(sizes: npt.NDArray[np.uint32]) -> int:
    return int(sizes.sum(dtype=np.int64))


def _clusters(
    covered_by: npt.NDArray[np.uint32], output: npt.NDArray[np.uint64], numbers: ScannedNumbers
) -> dict[str, Any]:
    keepers, others = np.unique(covered_by, return_counts=True)
    sizes, counts = np.unique(others + 1, return_counts=True)
    largest = np.lexsort((keepers, -others))[:LARGEST_CLUSTERS]
    ids = numbers.strings("id", keepers[largest].astype(np.int64)).to_pylist()
    return {
        "sizes": {str(size): int(count) for size, count in zip(sizes, counts, strict=True)},
        "largest": [
            {"kept_row": int(output[keepers[at]]), "id": id_, "size": int(others[at]) + 1}
            for at, id_ in zip(largest, ids, strict=True)
        ],
    }


def _examples(
    survivors: Survivors,
    near: npt.NDArray[np.bool_],
    sizes: npt.NDArray[np.uint32],
    places: Places,
) -> list[dict[str, Any]]:
    """Three pairs of readable length: among the least, middling and most similar ones."""
    low, high = EXAMPLE_BYTES
    readable = np.flatnonzero(near & (sizes >= low) & (sizes <= high))
    if not len(readable):
        readable = np.flatnonzero(near)
    if not len(readable):
        return []
    order = readable[np.argsort(survivors.similarity[readable], kind="stable")]
    picked = dict.fromkeys(int(order[int(share * (len(order) - 1))]) for share in EXAMPLE_SHARES)
    return [
        {
            "removed_address": int(places.addresses[at]),
            "kept_address": int(places.addresses[survivors.covered_by[at]]),
            "removed_row": int(places.rows[at]),
            "kept_row": int(places.output[survivors.covered_by[at]]),
            "similarity": float(survivors.similarity[at]),
        }
        for at in picked
    ]
