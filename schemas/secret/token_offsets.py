"""Where the tokens of every copy stand in its document, for one tokenizer. Secret; beside the ledger, row by row."""

import pyarrow as pa

from schemas.described import field, schema

TOKENIZER_KEY = b"trapline.tokenizer_sha256"

TOKEN_OFFSETS = schema(
    "token_offsets",
    1,
    [
        field("unit", pa.string(), "the unit"),
        field("candidate", pa.string(), "id of the candidate that was planted"),
        field("copy", pa.int32(), "number of the copy"),
        field("shard", pa.int32(), "number of the output's shard"),
        field("row", pa.int64(), "row in the shard"),
        field("first_token", pa.int32(), "first token of the document that holds a character of the text"),
        field("tokens", pa.int32(), "tokens that hold a character of it"),
        field("intact", pa.bool_(), "whether they are the tokens of the text by itself, and hold nothing else"),
    ],
)
"""One row a row of the ledger, in its order; the schema's metadata name the tokenizer by its SHA-256."""
