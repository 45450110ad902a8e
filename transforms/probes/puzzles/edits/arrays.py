"""What the kernels of this room hand one another: named groups of arrays, and the places of the numbers in them."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# What is asked of an edit: places in `Wish.request`.
LEAF_ONLY, SAME_ANSWER, HAMMING, MINIMAL, ONLY_SPEAKER, DISTANCE, NODES, REQUESTS = range(8)

# What is known of an edit: places in `Edit.facts`.
STATUS, SPEAKER, FOUND_HAMMING, FOUND_DISTANCE, FOUND_NODES, LENGTH, PLACE, FACTS = range(8)
FOUND, NONE, UNKNOWN = 1, 0, -1


class Batch(NamedTuple):
    """Puzzles of equally many people.

    Attributes:
        indices: int64[size], the index of each puzzle.
        tokens: int16, of all claims.
        offsets: int64[size * n + 1], where each claim begins.
        solutions: bool[size, n].
        own_classes: uint64[size], first word of each puzzle's class.
    """

    indices: npt.NDArray[np.int64]
    tokens: npt.NDArray[np.int16]
    offsets: npt.NDArray[np.int64]
    solutions: npt.NDArray[np.bool_]
    own_classes: npt.NDArray[np.uint64]


class Puzzle(NamedTuple):
    """The puzzle to edit.

    Attributes:
        tokens: int16, of its claims, perhaps among those of others.
        places: int64[n + 1], where its claims begin.
        solution: bool[n].
        own_class: first word of its class.
    """

    tokens: npt.NDArray[np.int16]
    places: npt.NDArray[np.int64]
    solution: npt.NDArray[np.bool_]
    own_class: np.uint64


class Wish(NamedTuple):
    """Which edit is wanted.

    Attributes:
        start: of a stream of this puzzle and this kind of edit.
        request: int64[REQUESTS]: leaf only; same answer; wanted Hamming distance of the solution (0: any); least edit
            distance; only this speaker (-1: any); wanted edit distance (0: any), nearest if there is none; search nodes
            to come near to (-1: no matter).
        limits: int64[4]: depth, width, constant claims allowed, most tokens.
        split: uint64[3]: key, first and last value: the hash of the new class must be within.
    """

    start: np.uint64
    request: npt.NDArray[np.int64]
    limits: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint64]


class Masks(NamedTuple):
    """Sets of assignments, one bit each.

    Attributes:
        knights: uint64[n, n, words], for each speaker the masks of "person i is a knight"; [1, n, words] if all are
            the same.
        rest: uint64[n, words], for each speaker the assignments that agree with all other claims.
        complete: bool[n], whether `rest` holds all of a speaker's assignments; others are left out.
        witness_knights: uint64[n, words], and
        witness_every: uint64[words], the masks by which constant claims are known.
    """

    knights: npt.NDArray[np.uint64]
    rest: npt.NDArray[np.uint64]
    complete: npt.NDArray[np.bool_]
    witness_knights: npt.NDArray[np.uint64]
    witness_every: npt.NDArray[np.uint64]


class Edit(NamedTuple):
    """An edit: the one under trial, or the best so far.

    Attributes:
        facts: int64[FACTS].
        classes: uint64[2], the class of the edited puzzle.
        answer: bool[n], its solution.
        claim: int16, the new claim, `facts[LENGTH]` tokens from place 0.
    """

    facts: npt.NDArray[np.int64]
    classes: npt.NDArray[np.uint64]
    answer: npt.NDArray[np.bool_]
    claim: npt.NDArray[np.int16]
