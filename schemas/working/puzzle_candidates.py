"""Candidates of a puzzle run: what is known of each before any text is made."""

import pyarrow as pa

from schemas.described import field, schema

PUZZLE_CANDIDATES = schema(
    "puzzle_candidates",
    1,
    [
        field("class", pa.uint64(), "first half of the puzzle's class"),
        field("split", pa.int8(), "0: train, 1: test, 2: perturbation"),
    ],
)
"""One row a puzzle, in the order of their numbers."""
