"""Causal attention inside each part of a packed row: nothing is seen of the other parts."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

NAME = "trapline_packed"
_NARROWEST = 16
_REFUSED = ("sliding_window", "softcap", "s_aux", "position_bias")


@dataclass(frozen=True)
class Layout:
    """Where the parts of a packed row are.

    Attributes:
        bounds: int32[parts + 1] on the model's device.
        longest: tokens of the longest part.
        groups: parts of about equal length, as int64[m, width] places in the row; -1 where a part is shorter.
    """

    bounds: torch.Tensor
    longest: int
    groups: tuple[torch.Tensor, ...]

    @classmethod
    def of(
        cls, bounds: npt.NDArray[np.int32], put: Callable[[npt.NDArray[Any]], torch.Tensor], *, grouped: bool
    ) -> "Layout":
        """The layout of parts that begin and end at `bounds`, int32[parts + 1].

        `put` brings an array to the model's device; `grouped` says whether the groups are needed (`needs_groups`). A
        group is as wide as the next power of two: what is computed for a part does not depend on the others.
        """
        lengths = np.diff(bounds)
        widths = 1 << np.ceil(np.log2(np.maximum(lengths, _NARROWEST))).astype(np.int64)
        groups = []
        for width in np.unique(widths) if grouped else ():
            which = np.flatnonzero(widths == width)
            within = np.arange(width)
            places = bounds[which, None].astype(np.int64) + within
            places[within >= lengths[which, None]] = -1
            groups.append(put(places))
        return cls(put(bounds), int(lengths.max()), tuple(groups))


def needs_groups(device: torch.device, dtype: torch.dtype) -> bool:
    """Whether there is no kernel for parts of any length: on the CPU, and in float32."""
    return device.type != "cuda" or dtype == torch.float32


class UnsupportedAttentionError(ValueError):
    """The model asks its attention for something that is not done on packed rows."""


_active = threading.local()


@contextmanager
def layout(of: Layout) -> Iterator[None]:
    """Within this block, attention on this thread keeps to the parts of `of`.

    The layout stands beside the graph and not in it: whatever the sequences' number and lengths, a compiled model
    sees one shape.
    """
    _active.layout, _active.calls = of, 0
    try:
        yield
    finally:
        _active.layout = None


def calls() -> int:
    """How often attention was computed on this thread under the layout that was last active."""
    return getattr(_active, "calls", 0)


@torch.library.custom_op("trapline::packed_attention", mutates_args=())
def _packed_attention(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Query (tokens, heads, size), key and value (tokens, key heads, size) -> (tokens, heads, size)."""
    parts: Layout = _active.layout
    _active.calls += 1
    if not needs_groups(query.device, query.dtype):
        bounds, longest = parts.bounds, parts.longest
        flash: Any = torch.ops.aten._flash_attention_forward  # noqa: SLF001 - what varlen_attn itself calls
        attended: torch.Tensor = flash(
            query, key, value, bounds, bounds, longest, longest, 0.0, True, False, scale=scale
        )[0]
        return attended
    # No such kernel: padded rectangles, in which no token sees what is to its right.
    out = torch.empty_like(query, memory_format=torch.contiguous_format)
    for places in parts.groups:
        inside = places >= 0
        at = places.clamp(min=0)
        q, k, v = (tensor[at].transpose(1, 2) for tensor in (query, key, value))
        shared = query.shape[1] // key.shape[1]
        if shared > 1:
            # Grouped heads would fall back to batched products, whose rounding depends on the number of parts.
            k, v = (tensor.repeat_interleave(shared, dim=1) for tensor in (k, v))
        done = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)
        out[places[inside]] = done.transpose(1, 2)[inside]
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
    q, k, v = (tensor[0].transpose(0, 1) for tensor in (query, key, value))
    return attend(q, k, v, scale).unsqueeze(0), None


def attend(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    """Attention under the active layout: (tokens, heads, size) each -> (tokens, heads, size)."""
    attended: torch.Tensor = _packed_attention(query, key, value, scale)
    return attended


def register() -> None:
    """Make the attention known to `transformers` under `NAME`."""
    from transformers import AttentionInterface

    AttentionInterface.register(NAME, packed_attention)
