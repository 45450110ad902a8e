"""The draw: which candidate of each unit is planted. One row a unit, in the order of the sealed leaves. Secret."""

import pyarrow as pa

from schemas.described import field, schema

DRAW = schema(
    "draw",
    1,
    [
        field("unit", pa.string(), "the unit"),
        field("arm", pa.int32(), "the candidate that is planted, 0 to m; the others are held out"),
    ],
)
