"""The training loop: streams one after the other, in their order, with one optimizer over all of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from examples.training.stream import PAD, Stream

Loss = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]
"""Of logits float[rows, tokens, vocabulary], ids int64[rows, tokens] with `PAD` behind, and int64[rows] of the stream's
`index`: a scalar."""
Mask = Callable[[Mapping[str, torch.nn.Parameter], int], Mapping[str, torch.Tensor]]
"""Of the parameters by name and the number of the phase: by name which weights train (above 0) and which stay as they
are (0), of the parameter's shape or one that is broadcast to it. A parameter without one trains."""
Saved = Callable[[int, Any], None]
"""What is done with the model at a step."""


@dataclass(frozen=True)
class Rate:
    """The learning rate of a phase.

    Attributes:
        peak: the highest.
        kind: "constant", or "cosine" down to `floor` of the peak.
        warm_up: steps in which it rises from 0 in equal parts.
        floor: share of the peak at the end of a cosine.
    """

    peak: float
    kind: Literal["constant", "cosine"] = "constant"
    warm_up: int = 0
    floor: float = 0.1

    def at(self, step: int, steps: int) -> float:
        """The rate of a step, 0 to `steps` - 1: warm-up, then from the peak to the floor at the last step."""
        if step < self.warm_up:
            return self.peak * (step + 1) / self.warm_up
        if self.kind == "constant":
            return self.peak
        done = (step - self.warm_up) / max(1, steps - 1 - self.warm_up)
        return self.peak * (self.floor + (1 - self.floor) * 0.5 * (1 + math.cos(math.pi * done)))


@dataclass(frozen=True)
class Phase:
    """A part of training.

    Attributes:
        stream: its rows.
        rate: its learning rate.
        batch: rows of a step, in the order of the stream: as `trapline order --batch` counts.
        steps: how many; 0: all whole steps of the stream.
        updates: parts into which each step's rows are cut, each of which is an update of its own.
    """

    stream: Stream
    rate: Rate
    batch: int
    steps: int = 0
    updates: int = 1

    @property
    def length(self) -> int:
        """Steps.

        Raises:
            ValueError: if the stream has not as many.
        """
        there = len(self.stream) // self.batch
        if self.steps > there:
            raise ValueError(
                f"steps {self.steps}: the stream has {len(self.stream)} rows, {there} steps of {self.batch}"
            )
        return self.steps or there


@dataclass(frozen=True)
class Adam:
    """Settings of AdamW, and the norm to which gradients are cut."""

    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.95)
    clip: float = 1.0


ADAM = Adam()


def next_token(logits: torch.Tensor, batch: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the next token over all tokens of the rows, nats."""
    del index
    return torch.nn.functional.cross_entropy(logits[:, :-1].flatten(0, 1), batch[:, 1:].flatten(), ignore_index=PAD)


def train(
    model: Any,
    phases: Sequence[Phase],
    *,
    saves: Sequence[int] = (),
    saved: Saved | None = None,
    loss: Loss = next_token,
    mask: Mask | None = None,
    adam: Adam = ADAM,
    optimizer: torch.optim.Optimizer | None = None,
    say: Callable[[str], None] | None = None,
    say_every: int = 200,
    fast: bool | None = None,
) -> None:
    """Train `model` in place, on the device where it is. Its seed and the streams decide everything.

    Args:
        model: a `transformers` causal language model.
        phases: one after the other; steps are counted over all of them, and the optimizer keeps its state.
        saves: steps done when `saved` is called, 0 for the model as it is given.
        saved: called with the step and the model, in evaluation mode, which it must leave as it is.
        loss: of a part of a step.
        mask: asked at the beginning of each phase. What is masked does not move: neither by gradients, nor by what
            the optimizer remembers, nor by weight decay.
        adam: settings of the optimizer.
        optimizer: to go on with, from `optimizer_of`: it remembers an earlier call. Default: a new one.
        say: called with a line on the step and its loss.
        say_every: steps between such lines.
        fast: compiled, and in bfloat16 where that is enough. Default: on a GPU.

    Raises:
        ValueError: for a mask of no parameter, or a phase with more steps than rows.
    """
    device = next(model.parameters()).device
    named = dict(model.named_parameters())
    optimizer = optimizer or optimizer_of(model, adam)
    total, done, wanted = sum(one.length for one in phases), 0, set(saves)
    fast = device.type == "cuda" if fast is None else fast
    run = torch.compile(model, dynamic=True) if fast else model
    _save(model, done, wanted, saved)
    for number, phase in enumerate(phases):
        held = _Held(named, mask(named, number)) if mask else None
        for step in range(phase.length):
            for group in optimizer.param_groups:
                group["lr"] = phase.rate.at(step, phase.length)
            for part in np.array_split(np.arange(step * phase.batch, (step + 1) * phase.batch), phase.updates):
                value = _forward(run, phase.stream, part, loss, device, fast)
                optimizer.zero_grad(set_to_none=True)
                value.backward()  # type: ignore[no-untyped-call]
                if held:
                    held.mask_gradients()
                torch.nn.utils.clip_grad_norm_(named.values(), adam.clip)
                optimizer.step()
                if held:
                    held.put_back()
            done += 1
            if say and (done % say_every == 0 or done == total):
                say(f"step {done:,} of {total:,}, loss {value.item():.3f}")
            _save(model, done, wanted, saved)
    model.eval()


def optimizer_of(model: Any, adam: Adam = ADAM) -> torch.optim.AdamW:
    """A new optimizer of all weights, for a model on its device; `train` sets its rate."""
    weights = list(model.parameters())
    on_gpu = weights[0].device.type == "cuda"
    return torch.optim.AdamW(weights, lr=0.0, betas=adam.betas, weight_decay=adam.weight_decay, fused=on_gpu)


def _forward(run: Any, stream: Stream, part: Any, loss: Loss, device: torch.device, fast: bool) -> torch.Tensor:
    rows = stream.rows[part]
    longest = int((rows != PAD).sum(axis=1).max())
    ids = torch.from_numpy(rows[:, :longest].astype(np.int64)).to(device)
    index = torch.from_numpy(stream.index[part]).to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=fast):
        # Padding stands behind all tokens of its row, where a causal model does not look.
        return loss(run(input_ids=ids.clamp(min=0), use_cache=False).logits, ids, index)


def _save(model: Any, step: int, wanted: set[int], saved: Saved | None) -> None:
    if saved and step in wanted:
        model.eval()
        saved(step, model)
    model.train()


class _Held:
    """Weights that a phase must not move."""

    def __init__(self, named: Mapping[str, torch.nn.Parameter], masks: Mapping[str, torch.Tensor]) -> None:
        unknown = sorted(set(masks) - set(named))
        if unknown:
            raise ValueError(f"mask of {unknown[0]!r}: the model has no such parameter; it has {', '.join(named)}")
        self._parts = [
            (named[name], (one.to(named[name].device) > 0).expand_as(named[name]), named[name].detach().clone())
            for name, one in masks.items()
        ]

    def mask_gradients(self) -> None:
        """Set gradients of held weights to 0, so that they do not count in the norm."""
        for weights, moves, _ in self._parts:
            if weights.grad is not None:
                weights.grad.mul_(moves)

    @torch.no_grad()
    def put_back(self) -> None:
        """Undo what the optimizer did to held weights."""
        for weights, moves, before in self._parts:
            weights.copy_(torch.where(moves, weights, before))
