"""With which probability a sampling scheme would have produced the tokens that really follow: from one pass."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from transforms.base.texts import Ragged, offsets_of
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.metrics.inputs import Ints


@torch.inference_mode()
def scheme_log_probs(
    model: Any, sequences: Ragged, first: Ints, scheme: SamplingScheme, batch_tokens: int = 8192
) -> npt.NDArray[np.float64]:
    """Log-probability of each scored token under the scheme, given the true tokens before it; float64[total].

    Their sum over a suffix is the logarithm of p_z, the probability that sampling yields that suffix: what
    `extraction_probability` takes. -inf for a token that the scheme never draws.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        sequences: int64 token ids, with a begin-of-sequence token where the model is to see one.
        first: int64[n], place in each sequence of the first scored token, 1 or more. All from there on are scored.
        scheme: how tokens would be drawn.
        batch_tokens: tokens of a batch. Rows are filled up at their ends, which no token before can see.

    Raises:
        ValueError: if a place is below 1, or the model returns NaN.
    """
    if np.any(first < 1):
        raise ValueError(f"first: {int(first.min())}, expected 1 or more: the first token has nothing before it")
    lengths = sequences.lengths
    offsets = offsets_of(np.maximum(lengths - first, 0))
    values = np.empty(int(offsets[-1]), np.float64)
    device = next(model.parameters()).device
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > first[order]]
    begin = 0
    while begin < len(order):
        # Sorted by length, so the last row of a batch is its widest.
        most = order[begin : begin + batch_tokens // int(lengths[order[begin]]) + 1]
        end = begin + max(1, int(np.searchsorted(lengths[most] * np.arange(1, len(most) + 1), batch_tokens, "right")))
        which = order[begin:end]
        rows = sequences.take(which)
        places = np.arange(int(rows.lengths.max()))
        table = np.zeros((len(which), len(places)), np.int64)
        table[places < rows.lengths[:, None]] = rows.values
        scored = (places >= first[which][:, None]) & (places < rows.lengths[:, None])
        ids = torch.from_numpy(table).to(device)
        logits = model(input_ids=ids[:, :-1], use_cache=False).logits
        wanted = torch.from_numpy(scored[:, 1:]).to(device)
        found = scheme.token_log_probs(logits[wanted], ids[:, 1:][wanted]).cpu().numpy()
        if np.isnan(found).any():
            raise ValueError(
                "the model returned NaN in place of logits; its weights are broken, or bfloat16 overflowed"
            )
        counts = np.diff(offsets)[which]
        values[np.arange(len(found)) + np.repeat(offsets[which] - offsets_of(counts)[:-1], counts)] = found
        begin = end
    return values
