"""Replies to puzzles as they were judged: one row a reply."""

import pyarrow as pa

from schemas.described import field, schema

JUDGEMENTS = schema(
    "judgements",
    1,
    [
        field("id", pa.string(), "of the puzzle in the data set"),
        field("edit", pa.string(), "original, an edit (statement, leaf, control) or a language variant"),
        field("number", pa.int32(), "of the edit among those of its kind, from 1"),
        field("model", pa.string(), "who replied; empty where the replies name nobody"),
        field("trained_on", pa.int32(), "people of the puzzles that the model was trained on", nullable=True),
        field("split", pa.string(), "of the puzzle"),
        field("people", pa.int32(), "in the puzzle"),
        field("language", pa.string(), "of the puzzle"),
        field("read", pa.list_(pa.bool_()), "who tells the truth, by the reply; null for no answer", nullable=True),
        field("right", pa.bool_(), "whether that is the solution of what was asked"),
        field("gave_original", pa.bool_(), "whether that is the solution of the puzzle before the edit"),
    ],
)
