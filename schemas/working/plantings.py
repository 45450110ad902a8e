"""What planting does to a shard, one row per copy, in address order. Secret."""

import pyarrow as pa

from schemas.described import field, schema

PLANTINGS = schema(
    "plantings",
    3,
    [
        field("address", pa.uint64(), "the document; for a document of its own, the one that it follows"),
        field("as_document", pa.bool_(), "whether the text becomes a document of its own"),
        field("fraction", pa.uint64(), "wanted place: 2**64 times the share of the text before it; order of documents"),
        field("leaf", pa.int32(), "the unit, by its place among the sealed leaves"),
        field("copy", pa.int32(), "number of the copy, 0 to dose - 1"),
        field("unit", pa.string(), "the unit"),
        field("candidate", pa.string(), "id of the candidate that was drawn"),
        field("arm", pa.int32(), "its number in the unit"),
        field("kind", pa.string(), "what made it"),
        field("stratum", pa.string(), "the unit's stratum"),
        field("dose", pa.int32(), "copies of the unit"),
        field("variant", pa.int32(), "number of the text among those of the candidate's copies, 0: its own"),
        field("text", pa.large_string(), "what is planted"),
        field("form", pa.int8(), "of all the unit's texts: 0 lines, 1 sentences, 2 sentences without spaces"),
        field("is_slot", pa.bool_(), "whether the unit's candidates are scored here"),
    ],
)
