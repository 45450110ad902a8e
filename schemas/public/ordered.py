"""Where each document of an ordered corpus comes from, and where its tokens stand."""

import pyarrow as pa

from schemas.described import field, schema

ORDERED = schema(
    "ordered",
    1,
    [
        field("address", pa.uint64(), "the document in the input: file ordinal << 40 | row in the file"),
        field("first_token", pa.int64(), "its first token in the shard's file of tokens, from 0", nullable=True),
        field("tokens", pa.int64(), "its tokens there, with the one that ends the document", nullable=True),
    ],
)
"""One row per row of the shard of the same number, in its order; the last two are null in an output without tokens."""
