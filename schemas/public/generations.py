"""What a checkpoint went on with: one row a prompt and continuation. Secret when the sequences are probes."""

import pyarrow as pa

from schemas.described import field, schema

GENERATIONS = schema(
    "generations",
    1,
    [
        field("row", pa.int64(), "number of the sequence, counted from 0 through all files in their order"),
        field("id", pa.string(), "the sequence: a candidate's id, or the user's id"),
        field("checkpoint", pa.string(), "the checkpoint's name, as the manifest lists it with its sha256"),
        field("slot", pa.int32(), "the slot whose context the prompt begins with; null: no context", nullable=True),
        field("prompt", pa.string(), "how much of the sequence was given: first_half or whole"),
        field("sample", pa.int32(), "number of the sample, from 0; null: greedy", nullable=True),
        field(
            "token_ids", pa.list_(pa.int32()), "what was produced; null: there was nothing to continue", nullable=True
        ),
        field(
            "text",
            pa.string(),
            "its text without special tokens, up to a stop string; null: no ids, or no tokenizer to decode them with",
            nullable=True,
        ),
        field(
            "stop",
            pa.string(),
            "why it ended: length, eos, string, context (the model's is full); or why there is nothing: null, empty, "
            "single_token, too_long",
        ),
    ],
)
