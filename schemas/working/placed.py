"""Where the rows of one piece of the input go: written by the plan of an order, read by the task that spreads them."""

import pyarrow as pa

from schemas.described import field, schema

PLACED = schema(
    "placed",
    1,
    [
        field("row", pa.int64(), "row in the input file; a row that is seen several times stands here as often"),
        field("position", pa.int64(), "place in the training order, from 0"),
    ],
)
"""Sorted by row, then by position."""
