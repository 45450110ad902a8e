"""The ledger: where every copy stands in the planted corpus, and how to take it out again. Secret."""

import pyarrow as pa

from schemas.described import VERSION_KEY, field, schema

LEDGER = schema(
    "ledger",
    2,
    [
        field("unit", pa.string(), "the unit"),
        field("candidate", pa.string(), "id of the candidate that was planted"),
        field("arm", pa.int32(), "its number in the unit"),
        field("kind", pa.string(), "what made it: 'trap', 'puzzle', ..."),
        field("stratum", pa.string(), "the unit's stratum"),
        field("dose", pa.int32(), "copies of the unit"),
        field("copy", pa.int32(), "number of the copy, 0 to dose - 1"),
        field(
            "address",
            pa.uint64(),
            "the document in the input; of a document of its own, the one that it follows: "
            "file ordinal << 40 | number of its record in the file",
        ),
        field("shard", pa.int32(), "number of the output's shard"),
        field("row", pa.int64(), "row in the shard"),
        field("boundary", pa.string(), "start, end, paragraph, sentence, word; document: a document of its own"),
        field("byte_offset", pa.int64(), "where the text begins in the output's document, in UTF-8 bytes"),
        field("char_offset", pa.int64(), "the same in code points"),
        field("bytes", pa.int32(), "length of the text in UTF-8 bytes, without separators"),
        field("lead", pa.string(), "separator that was put before it"),
        field("tail", pa.string(), "separator that was put after it"),
        field("before", pa.string(), "what stands before it in the original, at most 32 characters"),
        field("after", pa.string(), "what stands after it in the original, at most 32 characters"),
        field("sha256_before", pa.binary(32), "SHA-256 of the document's text before planting", nullable=True),
        field("sha256_after", pa.binary(32), "SHA-256 of the document's text with all that was planted in it"),
        field("recomputed", pa.uint32(), "columns whose value follows the text and was recomputed, one bit each"),
    ],
)
"""One row a copy, by shard, row and byte offset."""

LEDGER_OF_FAMILIES = schema(
    "ledger",
    3,
    [
        *LEDGER,
        field("variant", pa.int32(), "number of the text: 0 the candidate's own, then its variants in sealed order"),
    ],
)
"""The ledger of a campaign in which copies of some unit differ."""

LEDGER_OF_VERSION_1 = LEDGER.with_metadata({**LEDGER.metadata, VERSION_KEY: b"1"})
"""The same columns; `address` has the byte offset of the line where the input is JSON lines."""
