"""When a model in training sees each copy of what was planted. Secret."""

import pyarrow as pa

from schemas.described import field, schema

EVENTS = schema(
    "events",
    1,
    [
        field("event", pa.int64(), "number of the event, in the order of training, from 0"),
        field("position", pa.int64(), "documents of the training order before this one"),
        field("step", pa.int64(), "position divided by the documents of a step, rounded down"),
        field(
            "wanted",
            pa.int64(),
            "step that the schedule asks for; null where no schedule applies to the copy",
            nullable=True,
        ),
        field("phase", pa.string(), "phase of training that holds the step; empty where none is named"),
        field("shard", pa.int32(), "number of the ordered output's shard"),
        field("row", pa.int64(), "row in that shard"),
        field("unit", pa.string(), "the unit"),
        field("candidate", pa.string(), "id of the candidate that was planted"),
        field("kind", pa.string(), "what made it: 'trap', 'puzzle', ..."),
        field("stratum", pa.string(), "the unit's stratum"),
        field("dose", pa.int32(), "copies of the unit"),
        field("copy", pa.int32(), "number of the copy, 0 to dose - 1"),
        field("exposure", pa.int32(), "times that this copy was seen before; above 0 only in rows that are repeated"),
        field("schedule", pa.string(), "schedule of the unit, such as 'every:100x10'; empty where none applies"),
    ],
)
"""One row per copy and time at which its document is seen."""
