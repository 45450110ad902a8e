"""Decoder layers of the Llama family with fewer, larger matrix products, for packed rows."""

from typing import Any

import torch

from transforms.scoring.model.attention import attend

_LAYERS = ("LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer")
"""Layers of `transformers` that compute exactly what `FusedLayer` does; one is tried before any is replaced."""


class FusedLayer(torch.nn.Module):
    """A decoder layer with query, key and value in one product, gate and up in one, residuals added by the products.

    It takes and gives what the layer does in whose place it stands: hidden states (1, tokens, width).
    """

    def __init__(self, layer: Any) -> None:
        """Copy the weights of `layer`, which is not to be used any more."""
        super().__init__()
        attention, mlp = layer.self_attn, layer.mlp
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        self.query_key_value = _weights(torch.cat([part.weight for part in parts]))
        biased = parts[0].bias is not None
        self.bias = _weights(torch.cat([part.bias for part in parts])) if biased else None
        self.out = attention.o_proj.weight
        self.gate_up = _weights(torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight]))
        self.down = mlp.down_proj.weight
        self.first_norm, self.second_norm, self.act = layer.input_layernorm, layer.post_attention_layernorm, mlp.act_fn
        self.size, self.scale = int(attention.head_dim), float(attention.scaling)
        self.attention_type = getattr(layer, "attention_type", "full_attention")
        self.heads = [part.weight.shape[0] // self.size for part in parts]

    def forward(self, hidden_states: torch.Tensor, *, position_embeddings: Any, **_: Any) -> torch.Tensor:
        """(1, tokens, width) -> the same, under the layout of the packed row that is active."""
        x = hidden_states[0]
        cos, sin = (one[0].unsqueeze(1) for one in position_embeddings)
        mixed = torch.nn.functional.linear(self.first_norm(x), self.query_key_value, self.bias)
        query, key, value = torch.split(mixed.view(len(x), -1, self.size), self.heads, dim=1)
        attended = attend(_turned(query, cos, sin), _turned(key, cos, sin), value, self.scale)
        x = torch.addmm(x, attended.flatten(1), self.out.t())
        gate, up = torch.nn.functional.linear(self.second_norm(x), self.gate_up).chunk(2, dim=-1)
        return torch.addmm(x, self.act(gate) * up, self.down.t()).unsqueeze(0)


def _weights(values: torch.Tensor) -> torch.nn.Parameter:
    return torch.nn.Parameter(values, requires_grad=False)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions: halves of each head are turned against each other (Su et al. 2021, as Llama lays them out)."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def fusible(layer: Any) -> bool:
    """Whether `layer` is of a kind, and has the parts, that `FusedLayer` stands in for."""
    if type(layer).__name__ not in _LAYERS:
        return False
    attention, mlp = layer.self_attn, layer.mlp
    parts = (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj)
    feed = (mlp.gate_proj, mlp.up_proj, mlp.down_proj)
    return all(isinstance(one, torch.nn.Linear) for one in parts + feed) and all(
        one.bias is None for one in (attention.o_proj, *feed)
    )
