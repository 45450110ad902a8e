"""Records that could not be used, where they stand, and why."""

import pyarrow as pa

from schemas.described import field, schema

QUARANTINE = schema(
    "quarantine",
    2,
    [
        field("address", pa.uint64(), "file ordinal << 40 | number of the record in the file"),
        field("reason", pa.string(), "a short fixed code: null_text, invalid_utf8, broken_json, missing_text"),
        field("detail", pa.string(), "what exactly was found"),
        field("raw", pa.binary(), "the JSON line as it stands; null for Parquet rows", nullable=True),
    ],
)
