"""Where the rows that belong to one bin of the output lie in the files of an order's first pass."""

import pyarrow as pa

from schemas.described import field, schema

BLOCKS = schema(
    "blocks",
    1,
    [
        field("bin", pa.int32(), "number of the bin: a run of neighbouring places in the training order"),
        field("task", pa.int32(), "number of the task that wrote the block, which names its file"),
        field("offset", pa.int64(), "where the block begins in that file, in bytes"),
        field("bytes", pa.int64(), "length of the block in bytes: one Arrow IPC stream"),
        field("rows", pa.int64(), "rows in it"),
    ],
)
