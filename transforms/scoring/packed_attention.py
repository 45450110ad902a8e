"""Causal attention inside each part of a packed row: nothing is seen of the other parts."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch

NAME = "trapline_packed"
_REFUSED = ("sliding_window", "softcap", "s_aux", "position_bias")


@dataclass(frozen=True)
class Layout:
    """Where the parts of a packed row are.

    Attributes:
        bounds: int32[parts + 1] on the model's device.
        longest: tokens of the longest part.
    """

    bounds: torch.Tensor
    longest: int


class UnsupportedAttentionError(ValueError):
    """The model asks its attention for something that is not done on packed rows."""


_active = threading.local()


@contextmanager
def layout(of: Layout) -> Iterator[None]:
    """Within this block, attention on this thread keeps to the parts of `of`.

    The layout stands beside the graph and not in it: whatever the sequences' number and lengths, a compiled model
    sees one shape.
    """
    _active.layout = of
    try:
        yield
    finally:
        _active.layout = None


@torch.library.custom_op("trapline::packed_attention", mutates_args=())
def _packed_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Query (tokens, heads, size), key and value (tokens, key heads, size) -> (tokens, heads, size)."""
    parts: Layout = _active.layout
    if query.is_cuda:
        bounds, longest = parts.bounds, parts.longest
        flash: Any = torch.ops.aten._flash_attention_forward  # noqa: SLF001 - what varlen_attn itself calls
        attended: torch.Tensor = flash(
            query, key, value, bounds, bounds, longest, longest, 0.0, True, False, scale=scale
        )[0]
        return attended
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    edges = parts.bounds.tolist()
    for start, end in itertools.pairwise(edges):
        q, k, v = (tensor[start:end].transpose(0, 1).unsqueeze(0) for tensor in (query, key, value))
        part = torch.nn.functional.scaled_dot_product_attention(
            q, k, v, is_causal=True, scale=scale, enable_gqa=query.shape[1] != key.shape[1]
        )
        out[start:end] = part[0].transpose(0, 1)
    return out


@_packed_attention.register_fake
def _(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    del key, value, scale
    return torch.empty_like(query, memory_format=torch.contiguous_format)


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as `transformers` calls it, for one packed row: (1, heads, tokens, size) -> (1, tokens, heads, size).

    Raises:
        UnsupportedAttentionError: for a sliding window, capped scores, sinks, a bias or a mask.
    """
    del module
    asked = [name for name in _REFUSED if kwargs.get(name) is not None]
    if asked or attention_mask is not None or kwargs.get("is_causal") is False:
        raise UnsupportedAttentionError(f"attention with {asked[0] if asked else 'a mask'}")
    scale = query.shape[-1] ** -0.5 if scaling is None else float(scaling)
    rows = [tensor[0].transpose(0, 1) for tensor in (query, key, value)]
    return _packed_attention(*rows, scale).unsqueeze(0), None


def register() -> None:
    """Make the attention known to `transformers` under `NAME`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
