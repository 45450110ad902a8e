"""Questions: cues whose answers are scored in place of a candidate's whole text. One row per cue. Secret."""

import pyarrow as pa

from schemas.described import field, schema

QUESTIONS = schema(
    "questions",
    1,
    [
        field("unit", pa.string(), "the unit whose candidates are asked about"),
        field("ask", pa.string(), "kind of question, which is asked by this name: 'memorisation', 'semantic', ..."),
        field("slot", pa.int32(), "number of the cue among those of its unit and kind, 0 to r - 1"),
        field("before", pa.large_string(), "the cue: text before the answer, the same for all candidates"),
        field(
            "lead",
            pa.string(),
            "what separates cue and answer, such as a space; a token that joins it to the answer is scored",
        ),
        field("weight", pa.float64(), "weight of the cue in the mean over the unit's cues, above 0"),
        field(
            "answers",
            pa.list_(pa.field("item", pa.large_string(), nullable=False)),
            "the answer of each candidate, in the order of their numbers: m + 1 of them",
        ),
        field(
            "truth",
            pa.large_string(),
            "the answer that can be inferred without having seen what was planted, which no candidate has; null: "
            "nothing is true, all answers are invented alike",
            nullable=True,
        ),
    ],
)
"""Cues of a unit and the answers of its candidates. Nothing here depends on which candidate was drawn."""
