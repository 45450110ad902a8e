"""Buckets of the band keys: which documents share a key."""

import pyarrow as pa

from schemas.described import field, schema

BUCKETS = schema(
    "buckets",
    1,
    [
        field("member", pa.uint32(), "dense index of a document (its rank by address)"),
        field("first", pa.bool_(), "whether a new bucket begins with this row"),
    ],
)
