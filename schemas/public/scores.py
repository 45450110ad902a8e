"""Scores of sequences: one row a sequence and checkpoint, one column a metric. Secret when the sequences are probes."""

from collections.abc import Sequence

import pyarrow as pa

from schemas.described import field, schema

VERSION = 1


def scores(metrics: Sequence[str]) -> pa.Schema:
    """The schema of a scores file with these metrics, each a nullable float64 column; high means memorised."""
    return schema(
        "scores",
        VERSION,
        [
            field("id", pa.string(), "the sequence: a candidate's id, or the user's id"),
            field("checkpoint", pa.string(), "the checkpoint's name, as the manifest lists it with its sha256"),
            field("slots", pa.int32(), "contexts over which the mean was taken; 0: scored without context"),
            field("tokens", pa.int32(), "tokens of the sequence that were scored, in one context"),
            *(field(name, pa.float64(), f"metric {name}; high means memorised", nullable=True) for name in metrics),
        ],
    )
