"""Which document takes each copy: keyed tries, weighted by what a document can still hold, then a keyed search."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import mix, stream_word

TRIES = 64
"""Keyed tries for a copy before all documents are searched from a keyed one on."""


@inline_kernel
def _first_above(edges: NDArray[np.int64], wanted: int) -> int:
    """Index of the first of ascending numbers that is greater than `wanted`."""
    lo, hi = 0, len(edges)
    while lo < hi:
        middle = (lo + hi) >> 1
        if edges[middle] <= wanted:
            lo = middle + 1
        else:
            hi = middle
    return lo


@kernel
def place_copies(
    capacities: NDArray[np.int64],
    first: NDArray[np.int64],
    costs: NDArray[np.int64],
    together: bool,
    seeds: NDArray[np.uint64],
) -> tuple[NDArray[np.int64], int, int]:
    """Choose a document for every copy.

    A copy goes to a random document, each as likely as its capacity says, that still has room for it and holds no
    other copy of its unit. Units come in the order given, which must not depend on any draw.

    Args:
        capacities: int64[documents], bytes that planting may add; reduced by what is placed.
        first: int64[units + 1]: unit u has the copies first[u] <= c < first[u + 1].
        costs: int64[units], bytes that one copy takes at most.
        together: all copies of a unit go into one document.
        seeds: uint64[copies], a keyed hash of each copy's identity.

    Returns:
        int64[copies] indices of documents; then -1 and -1, or the first unit that finds no room and how many of its
        copies did.
    """
    documents = len(capacities)
    where, holds = np.empty(len(seeds), np.int64), np.empty(documents, np.int64)
    for seed in range(len(seeds)):
        where[seed] = -1
    edges = np.empty(documents, np.int64)
    total: Any = np.int64(0)
    for candidate in range(documents):
        holds[candidate] = -1
        total += capacities[candidate]
        edges[candidate] = total
    for unit in range(len(costs)):
        step = first[unit + 1] - first[unit] if together else 1
        for copy in range(first[unit], first[unit + 1], max(step, 1)):
            need = costs[unit] * step
            found: Any = -1
            for attempt in range(TRIES if total > 0 else 0):
                draw = stream_word(seeds[copy], attempt)
                # Of 2**63 numbers the remainder favours none by more than one part in 2**63 / total.
                byte = np.int64(draw >> np.uint64(1)) % total
                document: Any = _first_above(edges, byte)
                if capacities[document] >= need and holds[document] != unit:
                    found = document
                    break
            if found < 0 and documents:
                begin = np.int64(mix(seeds[copy]) >> np.uint64(1)) % documents
                for ahead in range(documents):
                    document = (begin + ahead) % documents
                    if capacities[document] >= need and holds[document] != unit:
                        found = document
                        break
            if found < 0:
                return where, unit, copy - first[unit]
            capacities[found] -= need
            holds[found] = unit
            for same in range(copy, copy + step):
                where[same] = found
    return where, -1, -1
