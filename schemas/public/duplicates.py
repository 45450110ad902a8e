"""Which documents were removed, and which kept document covers each of them."""

import pyarrow as pa

from schemas.described import field, schema

DUPLICATES = schema(
    "duplicates",
    2,
    [
        field("address", pa.uint64(), "the removed document: file ordinal << 40 | number of its record in the file"),
        field("kept_address", pa.uint64(), "the kept document that covers it: number of the shard << 40 | row in it"),
        field(
            "reason",
            pa.string(),
            "'exact': the same text as the kept one, byte for byte after NFC; 'near': similar to it",
        ),
        field("similarity", pa.float32(), "estimated Jaccard similarity of the two sets of shingles, 0 to 1"),
        field("id", pa.string(), "id of the removed document", nullable=True),
        field("kept_id", pa.string(), "id of the kept document", nullable=True),
    ],
)
