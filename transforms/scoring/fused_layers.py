"""Two matrix products that share their input, done as one."""

import torch


class FusedGate(torch.nn.Module):
    """A gated feed-forward layer, `down(act(gate(x)) * up(x))`, with gate and up in one matrix."""

    def __init__(self, gate: torch.nn.Linear, up: torch.nn.Linear, down: torch.nn.Linear, act: torch.nn.Module) -> None:
        """Take over the weights; `gate` and `up` are not to be used any more."""
        super().__init__()
        self.weight = torch.nn.Parameter(torch.cat([gate.weight, up.weight]), requires_grad=False)
        biased = gate.bias is not None
        self.bias = torch.nn.Parameter(torch.cat([gate.bias, up.bias]), requires_grad=False) if biased else None
        self.down = down
        self.act = act

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., width) -> (..., width)."""
        gate, up = torch.nn.functional.linear(x, self.weight, self.bias).chunk(2, dim=-1)
        return self.down(self.act(gate) * up)  # type: ignore[no-any-return]


_FUSIBLE = ("LlamaMLP", "MistralMLP", "Qwen2MLP", "Qwen3MLP", "OlmoMLP", "Olmo2MLP", "SmolLM3MLP", "GraniteMLP")
"""Feed-forward layers of `transformers` that compute exactly that."""


def fuse_gates(model: torch.nn.Module) -> int:
    """Replace the gated feed-forward layers that are known by `FusedGate`; returns how many there were."""
    found = [(parent, name, child) for parent in model.modules() for name, child in parent.named_children()]
    fused = 0
    for parent, name, child in found:
        if type(child).__name__ in _FUSIBLE:
            parts = (child.gate_proj, child.up_proj, child.down_proj, child.act_fn)
            if all(type(part) is torch.nn.Linear for part in parts[:3]):
                setattr(parent, name, FusedGate(*parts))  # type: ignore[arg-type]
                fused += 1
    return fused
