"""What the rewrite does to a shard, one row an edit, in address order."""

import pyarrow as pa

from schemas.described import field, schema

REMOVE, INSERT, ADD = 0, 1, 2

EDITS = schema(
    "edits",
    1,
    [
        field("address", pa.uint64(), "the document; for an added one, the document that it follows"),
        field("kind", pa.int8(), "0 remove the document, 1 insert into its text, 2 add a document after it"),
        field(
            "position",
            pa.uint64(),
            "UTF-8 byte offset in the original text (insert), order (add), 0 (remove)",
        ),
        field("text", pa.large_string(), "what is inserted or added; null for a removal", nullable=True),
    ],
)
