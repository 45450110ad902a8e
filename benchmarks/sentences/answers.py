"""What a stack of models says to many sequences: mean log-probabilities, and how a greedy continuation agrees.

It imports PyTorch and NumPy only; that both agree with Trapline's scorer and metrics is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from examples.training.stacked import Stack
from examples.training.stream import PAD

Ints = npt.NDArray[np.int64]
AT_ONCE = 8_192
"""Tokens of a batch, of each model of a stack."""


@dataclass(frozen=True)
class Asked:
    """Sequences, as `trapline score` takes them.

    Attributes:
        rows: int64[n, longest], token ids, `PAD` behind.
        lengths: int64[n].
        first: int64[n], the first token that is scored.
        cut: int64[n], where the second half of a sequence's own tokens begins.
    """

    rows: Ints
    lengths: Ints
    first: Ints
    cut: Ints

    @classmethod
    def of(cls, arrays: dict[str, npt.NDArray[Any]], name: str) -> Asked:
        """A campaign's candidates in the experiment."""
        lengths, first, cut = (arrays[f"{name}_{one}"].astype(np.int64) for one in ("lengths", "first", "cut"))
        return cls(in_rows(arrays[f"{name}_tokens"], lengths), lengths, first, cut)


def in_rows(tokens: npt.NDArray[Any], lengths: Ints) -> Ints:
    """Sequences that stand one after the other as rows with `PAD` behind, int64[n, longest]."""
    rows = np.full((len(lengths), int(lengths.max())), PAD, np.int64)
    rows[np.arange(rows.shape[1]) < lengths[:, None]] = tokens
    return rows


@torch.no_grad()
def losses(stack: Stack, asked: Asked) -> npt.NDArray[np.float32]:
    """Mean log-probability of the scored tokens, the metric `loss`: float32[K, n]."""
    device = next(iter(stack.weights.values())).device
    found = np.empty((stack.size, len(asked.lengths)), np.float32)
    order = np.argsort(asked.lengths, kind="stable")
    for part in np.array_split(order, max(1, -(-asked.rows.size // AT_ONCE))):
        longest = int(asked.lengths[part].max())
        rows = torch.from_numpy(asked.rows[part, :longest]).to(device)
        ids = rows.clamp(min=0).expand(stack.size, -1, -1).contiguous()
        logits = stack.head(stack.states(ids)).view(stack.size, len(part), longest, -1)[:, :, :-1]
        wanted = ids[:, :, 1:, None]
        each = (logits.gather(-1, wanted)[..., 0] - logits.logsumexp(-1)).double()
        places = torch.arange(1, longest, device=device)
        first, lengths = (torch.from_numpy(one[part]).to(device)[:, None] for one in (asked.first, asked.lengths))
        counts = (places >= first) & (places < lengths)
        found[:, part] = ((each * counts).sum(-1) / counts.sum(-1)).float().cpu().numpy()
    return found


@torch.no_grad()
def recalled(stack: Stack, asked: Asked) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Greedy continuations of first halves against second halves.

    Returns:
        Tokens in their place and edit distances, uint8[K, n] each: metrics `recall` and `recall_similarity` are these
        over the tokens of the second half, and one less that, for models that never end by themselves.
    """
    device = next(iter(stack.weights.values())).device
    left = asked.lengths - asked.cut
    produced = np.full((stack.size, len(left), int(left.max())), PAD, np.int64)
    wanted = np.full(produced.shape[1:], PAD, np.int64)
    for cut in np.unique(asked.cut).tolist():
        alike = np.flatnonzero(asked.cut == cut)
        count = int(left[alike].max())
        wanted[alike, :count] = asked.rows[alike, cut : cut + count]
        for part in np.array_split(alike, -(-len(alike) * (cut + count) // AT_ONCE)):
            cues = torch.from_numpy(asked.rows[part, :cut]).to(device)
            ids = cues.expand(stack.size, -1, -1).contiguous()
            for _ in range(count):
                states = stack.states(ids).view(stack.size, len(part), ids.shape[2], -1)[:, :, -1]
                ids = torch.cat([ids, stack.head(states).argmax(-1)[..., None]], dim=2)
            produced[:, part, :count] = ids[:, :, cut:].cpu().numpy()
    inside = np.arange(wanted.shape[1]) < left[:, None]
    hits = ((produced == wanted) & inside).sum(-1).astype(np.uint8)
    return hits, edits(produced, wanted, left)


def edits(produced: Ints, wanted: Ints, counts: Ints) -> npt.NDArray[np.uint8]:
    """Edit distances (Levenshtein 1966) of the first so many tokens of rows.

    Args:
        produced: int64[K, n, longest].
        wanted: int64[n, longest].
        counts: int64[n], tokens of both that are compared.
    """
    models, rows, longest = produced.shape
    found = np.zeros((models, rows), np.uint8)
    above = np.broadcast_to(np.arange(longest + 1, dtype=np.int16)[:, None, None], (longest + 1, models, rows))
    for i in range(longest):
        here = np.empty_like(above)
        here[0] = i + 1
        for j in range(longest):
            near = np.minimum(above[j + 1], here[j]) + 1
            here[j + 1] = np.minimum(near, above[j] + (produced[:, :, i] != wanted[:, j]))
        above = here
        ended = counts == i + 1
        found[:, ended] = above[i + 1][:, ended]
    return found
