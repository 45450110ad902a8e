"""Token statistics: one row a sequence, checkpoint and slot. Secret when the sequences are probes."""

import pyarrow as pa

from schemas.described import field, schema

_FLOATS, _FLAGS, _IDS = pa.list_(pa.float32()), pa.list_(pa.bool_()), pa.list_(pa.int32())

TOKEN_SCORES = schema(
    "token_scores",
    1,
    [
        field("row", pa.int64(), "number of the sequence, counted from 0 through all files in their order"),
        field("id", pa.string(), "the sequence: a candidate's id, or the user's id"),
        field("checkpoint", pa.string(), "the checkpoint's name, as the manifest lists it with its sha256"),
        field("slot", pa.int32(), "the slot in whose context it was scored; null: without context", nullable=True),
        field("reason", pa.string(), "why nothing was scored: null, empty, single_token, too_long", nullable=True),
        field("context_tokens", pa.int32(), "tokens that the model was given before token_ids[1], begin included"),
        field("unscored", pa.int32(), "tokens of the sequence itself that are context only: 0 or 1"),
        field(
            "text_bytes", pa.int32(), "UTF-8 bytes of the text under the scored tokens; null: ids given", nullable=True
        ),
        field(
            "token_ids",
            _IDS,
            "the scored tokens, after the one token before them: begin-of-sequence, the context's last, or the "
            "sequence's first",
            nullable=True,
        ),
        field(
            "log_probs", _FLOATS, "log p(x_t | x_<t) of token_ids[1:], natural log; len(token_ids) - 1", nullable=True
        ),
        field("mean", _FLOATS, "mu_t = sum_v p_v log p_v, the negative entropy", nullable=True),
        field("deviation", _FLOATS, "sigma_t = sqrt(sum_v p_v (log p_v - mu_t)^2), at least 0.001", nullable=True),
        field("hit", _FLAGS, "whether the most probable token (of several, the lowest id) is x_t", nullable=True),
    ],
)
"""Reduced in float32 whatever the model's own number format."""

REASONS = ("null", "empty", "single_token", "too_long")
"""Why a sequence has no statistics: its text or ids are null; there are none; only one, with nothing before it; or
more than the model has positions for, context included."""
