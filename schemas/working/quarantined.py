"""Records that a scan's task could not use, by their addresses; published with row numbers in their place."""

import pyarrow as pa

from schemas.described import field, schema

QUARANTINED = schema(
    "quarantined",
    1,
    [
        field("address", pa.uint64(), "file ordinal << 40 | position in the file"),
        field("reason", pa.string(), "as in quarantine/"),
        field("detail", pa.string(), "as in quarantine/"),
        field("raw", pa.binary(), "as in quarantine/", nullable=True),
    ],
)
