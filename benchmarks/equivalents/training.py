"""Train a Llama-shaped model over rows of tokens; a hook gives the loss, so that changes of a model share the loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.traps.models import LENGTH, Clock, Size, build

Ids = npt.NDArray[np.uint16]
Loss = Callable[[Any, torch.Tensor], torch.Tensor]
SIZES = {
    one.name: one
    for one in (
        Size("4M", 256, 5, 4, 2.5e-3, 32),
        Size("16M", 448, 7, 7, 1.5e-3, 32),
        Size("64M", 768, 9, 12, 1.5e-3, 32),
        Size("160M", 1024, 12, 16, 1.2e-3, 32),
        Size("4M-b8", 256, 5, 4, 2.5e-3, 8),
        Size("16M-b8", 448, 7, 7, 1.5e-3, 8),
        Size("64M-b8", 768, 9, 12, 1e-3, 8),
        Size("160M-b8", 1024, 12, 16, 8e-4, 8),
        Size("400M-b8", 1280, 20, 20, 6e-4, 8),
        Size("tiny", 32, 1, 2, 2e-3, 1),
    )
}
"""Named by parameters without embeddings, and by the batch where it is not 32.

Rates of 4M, 16M and 64M are as `benchmarks.traps.sizes --sweep` chose them; the others are where a job `sweep` begins.
"""


def rows_of(stream: Ids) -> torch.Tensor:
    """The stream in rows of `LENGTH` tokens, int32[rows, LENGTH]; the last tokens that fill none are left."""
    return torch.from_numpy(stream[: len(stream) // LENGTH * LENGTH].astype(np.int32)).view(-1, LENGTH)


def next_token(model: Any, batch: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the next token, nats."""
    loss: torch.Tensor = model(input_ids=batch, labels=batch).loss
    return loss


def train(
    model: Any,
    rows: torch.Tensor,
    size: Size,
    rate: float,
    steps: int,
    clock: Clock,
    *,
    loss: Loss = next_token,
    saves: tuple[int, ...] = (),
    saved: Callable[[int], None] | None = None,
) -> None:
    """Train `model` in place: warm-up over a tenth of the steps (at most 100), cosine decay to a tenth of the rate.

    Args:
        model: on its device; only parameters with `requires_grad` change.
        rows: int32[rows, tokens], gone through in order and again in shuffled order.
        size: gives the batch.
        rate: the highest learning rate.
        steps: batches.
        clock: says how it goes.
        loss: of the model and a batch int64[batch, tokens].
        saves: steps after which `saved` is called, ascending.
        saved: called with the step.
    """
    device = next(model.parameters()).device
    generator = np.random.default_rng(1)
    rounds = -(-steps * size.batch // len(rows))
    order = torch.from_numpy(
        np.concatenate([np.arange(len(rows)), *(generator.permutation(len(rows)) for _ in range(1, rounds))])
    )
    trained = [one for one in model.parameters() if one.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=rate, weight_decay=0.1, betas=(0.9, 0.95), fused=device.type == "cuda")
    cached, model.config.use_cache = model.config.use_cache, False
    if device.type == "cuda":
        compile_layers(model)
    model.train()
    warm_up = max(1, min(100, steps // 10))
    for step in range(steps):
        share = min(1.0, (step + 1) / warm_up) * (0.1 + 0.45 * (1 + np.cos(np.pi * step / steps)))
        for group in optimizer.param_groups:
            group["lr"] = rate * share
        batch = rows[order[step * size.batch : (step + 1) * size.batch]].long().to(device, non_blocking=True)
        with torch.autocast(device.type, torch.bfloat16):
            value = loss(model, batch)
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if saved and step + 1 in saves:
            saved(step + 1)
        if step % 400 == 0 or step + 1 == steps:
            clock.say(f"{size.name}: step {step + 1} of {steps}, loss {value.item():.3f}")
    model.eval()
    model.config.use_cache = cached
    for layer in model.model.layers:
        layer._compiled_call_impl = None  # noqa: SLF001


def compile_layers(model: Any) -> None:
    """Compile the decoder layers alone: they are all alike, so one graph serves them all, at a fraction of the time."""
    for layer in model.model.layers:
        layer.compile()


def held_out_losses(model: Any, validation: torch.Tensor) -> npt.NDArray[np.float32]:
    """Mean loss of each row that no model sees, nats a token, float32[rows]."""
    device, found = next(model.parameters()).device, []
    with torch.no_grad(), torch.autocast(device.type, torch.bfloat16):
        for part in torch.split(validation, 16):
            ids = part.long().to(device)
            logits = model(input_ids=ids).logits[:, :-1].float()
            losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), ids[:, 1:], reduction="none")
            found.append(losses.mean(dim=1).float().cpu())
    return torch.cat(found).numpy()


def fresh(size: Size, vocabulary: int, device: str, seed: int) -> Any:
    """A model with random weights by `seed`."""
    torch.compiler.reset()
    torch.manual_seed(seed)
    return build(size, vocabulary).to(device)
