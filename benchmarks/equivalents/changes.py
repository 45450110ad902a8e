"""Changes that a trained model goes through before somebody asks it: each gives another model."""

from __future__ import annotations

import copy
from typing import Any

import torch

from benchmarks.equivalents.training import Ids, fresh, rows_of, train
from benchmarks.traps.models import Clock, Size

LORA_RANK, LORA_SCALE, GROUP = 16, 2.0, 32


def quantised(model: Any, bits: int) -> Any:
    """Every linear weight rounded to nearest: 8 bits, one scale per output; 4 bits, one scale per 32 inputs.

    Scales are the largest absolute value over 2^(bits-1) - 1. The embedding, which is also the head, is rounded alike.
    """
    found = copy.deepcopy(model)
    top = 2 ** (bits - 1) - 1
    with torch.no_grad():
        for one in found.parameters():
            if one.dim() != 2:
                continue
            groups = one if bits == 8 else one.view(one.shape[0], -1, GROUP)
            scale = groups.abs().amax(dim=-1, keepdim=True).clamp(min=1e-12) / top
            groups.copy_((groups / scale).round().clamp(-top, top) * scale)
    return found


def further(model: Any, stream: Ids, size: Size, rate: float, steps: int, clock: Clock) -> Any:
    """The model after more training on other text, all weights free."""
    found = copy.deepcopy(model)
    torch.compiler.reset()
    train(found, rows_of(stream), size, rate, steps, clock)
    return found


def tuned(model: Any, rows: torch.Tensor, size: Size, rate: float, steps: int, clock: Clock) -> Any:
    """Supervised fine-tuning: loss on the answers alone.

    Args:
        model: to begin with.
        rows: int32[rows, 2, tokens], ids, and 1 where a token belongs to an answer.
        size: gives the batch.
        rate: learning rate.
        steps: batches.
        clock: says how it goes.
    """
    found = copy.deepcopy(model)
    torch.compiler.reset()

    def loss(run: Any, batch: torch.Tensor) -> torch.Tensor:
        ids, answers = batch[:, 0], batch[:, 1]
        value: torch.Tensor = run(input_ids=ids, labels=ids.masked_fill(answers == 0, -100)).loss
        return value

    train(found, rows, size, rate, steps, clock, loss=loss)
    return found


class _Lora(torch.nn.Module):
    def __init__(self, linear: torch.nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        device = linear.weight.device
        self.down = torch.nn.Parameter(torch.randn(LORA_RANK, linear.in_features, device=device) * 0.02)
        self.up = torch.nn.Parameter(torch.zeros(linear.out_features, LORA_RANK, device=device))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.linear(values) + LORA_SCALE * (values @ self.down.T) @ self.up.T
        return found


def merged_lora(model: Any, stream: Ids, size: Size, rate: float, steps: int, clock: Clock) -> Any:
    """The model after more training through adapters of rank 16 on every linear layer, merged into the weights."""
    found = copy.deepcopy(model)
    torch.compiler.reset()
    for one in found.parameters():
        one.requires_grad_(False)
    places = []
    for layer in found.model.layers:
        for block in (layer.self_attn, layer.mlp):
            for name, child in list(block.named_children()):
                if isinstance(child, torch.nn.Linear):
                    setattr(block, name, _Lora(child))
                    places.append((block, name))
    train(found, rows_of(stream), size, rate, steps, clock)
    with torch.no_grad():
        for block, name in places:
            adapter = getattr(block, name)
            adapter.linear.weight += LORA_SCALE * adapter.up @ adapter.down
            setattr(block, name, adapter.linear)
    return found


def distilled(teacher: Any, stream: Ids, size: Size, vocabulary: int, steps: int, clock: Clock) -> Any:
    """A smaller student that learns the teacher's whole distribution on text without a trap.

    The loss is half the cross-entropy of the next token and half the divergence from the teacher, at temperature 1.
    """
    device = str(next(teacher.parameters()).device)
    student = fresh(size, vocabulary, device, 1)

    def loss(run: Any, batch: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            wanted = teacher(input_ids=batch).logits[:, :-1].float().log_softmax(-1)
        logits = run(input_ids=batch).logits[:, :-1].float().log_softmax(-1)
        divergence = (wanted.exp() * (wanted - logits)).sum(-1).mean()
        plain = torch.nn.functional.nll_loss(logits.flatten(0, 1), batch[:, 1:].flatten())
        value: torch.Tensor = (divergence + plain) / 2
        return value

    train(student, rows_of(stream), size, size.rate, steps, clock, loss=loss)
    return student
