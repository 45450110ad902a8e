"""Scores made outside: the one table by which any model enters a verdict. Secret, as scores of probes are."""

import pyarrow as pa

from schemas.described import field, schema

OUTSIDE = schema(
    "outside",
    1,
    [
        field("id", pa.string(), "the candidate, as the sealed probes.parquet names it"),
        field("checkpoint", pa.string(), "what was scored, in the order in which it first appears; may be left out"),
        field("score", pa.float64(), "its score, finite; the writer is told which direction means remembered"),
    ],
)
"""Parquet, or CSV with a header. Every candidate of every unit has one row for each checkpoint."""

CHECKPOINT = "outside"
"""Name of what was scored where the table does not say it."""
