"""What a judge of `trapline certify` reads, and what it says of each document. Its process holds only pyarrow."""

import pyarrow as pa

from schemas.described import field, schema

EXHIBITS = schema(
    "exhibits",
    1,
    [
        field("set", pa.int32(), "documents of different sets do not stand in one corpus"),
        field("text", pa.large_string(), "the document"),
    ],
)
"""One row a document, by set, then in the order of its corpus."""

VERDICTS = schema(
    "verdicts",
    1,
    [
        field("kept", pa.bool_(), "whether the judge keeps the document"),
        field("text", pa.large_string(), "what it leaves of the document; null if all of it", nullable=True),
    ],
)
"""One row a document of the exhibits, in their order; the facts about the judge stand in the metadata, as JSON."""

FACTS_KEY = b"trapline.judge"
