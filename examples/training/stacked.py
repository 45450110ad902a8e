"""Many models of one shape trained at once: every weight is a tensor [K, ...], every product is batched over K.

Small models are bound by the number of operations that are started, not by their size; K of them start no more than
one does. Each model has its own weights, order of rows and rows that do not count; the arithmetic is that of `train`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from examples.training.scheduled import ADAM, Adam, Rate
from examples.training.stream import PAD, Ids

Saved = Callable[[int, "Stack"], None]
_LAYERS = "model.layers."


class Stack:
    """K Llama-shaped models, as one set of tensors.

    Attributes:
        weights: by the name that a single model has for it: float32[K, ...].
        size: K.
    """

    def __init__(self, models: Sequence[Any], device: str = "cpu") -> None:
        """Copy the weights of models of one shape, which have no biases and as many keys as heads."""
        self._config = models[0].config
        if any(one.config.to_dict() != self._config.to_dict() for one in models):
            raise ValueError("models of several shapes: give models of one")
        if any(name.endswith(".bias") for name, _ in models[0].named_parameters()) or self._config.hidden_act != "silu":
            raise ValueError("a stack takes models without biases, with the activation silu")
        if self._config.num_key_value_heads != self._config.num_attention_heads or not self._config.tie_word_embeddings:
            raise ValueError("a stack takes models whose heads have keys of their own and whose embedding is the head")
        self.size = len(models)
        named = [dict(one.named_parameters()) for one in models]
        self.weights = {
            name: torch.stack([one[name].detach().float() for one in named]).to(device).requires_grad_()
            for name in named[0]
        }
        rotary = models[0].model.rotary_emb
        self._frequencies = rotary.inv_freq.to(device)

    def copy_into(self, number: int, model: Any) -> Any:
        """Give a model of the same shape the weights of one of the K; returns it."""
        with torch.no_grad():
            for name, one in model.named_parameters():
                one.copy_(self.weights[name][number])
        return model

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        """Of ids int64[K, rows, tokens]: float[K, rows * tokens, vocabulary]."""
        return self.head(self.states(ids))

    def head(self, states: torch.Tensor) -> torch.Tensor:
        """Logits of states float[K, n, width]: float[K, n, vocabulary]."""
        return torch.bmm(states, self.weights["model.embed_tokens.weight"].transpose(1, 2))

    def states(self, ids: torch.Tensor) -> torch.Tensor:
        """What the head takes, of ids int64[K, rows, tokens]: float[K, rows * tokens, width]."""
        models, rows, tokens = ids.shape
        embedding = self.weights["model.embed_tokens.weight"]
        vocabulary, width = embedding.shape[1:]
        shifted = ids + vocabulary * torch.arange(models, device=ids.device)[:, None, None]
        x = torch.nn.functional.embedding(shifted.view(models, -1), embedding.reshape(-1, width))
        angles = torch.arange(tokens, device=ids.device)[:, None] * self._frequencies
        turn = torch.cat([angles, angles], dim=-1).cos(), torch.cat([angles, angles], dim=-1).sin()
        for layer in range(self._config.num_hidden_layers):
            x = self._layer(f"{_LAYERS}{layer}.", x, (rows, tokens), turn)
        return self._norm("model.norm.weight", x)

    def _layer(self, name: str, x: torch.Tensor, shape: tuple[int, int], turn: Any) -> torch.Tensor:
        """A decoder layer: (K, rows * tokens, width) -> the same."""
        normed = self._norm(f"{name}input_layernorm.weight", x)
        heads, (rows, tokens) = self._config.num_attention_heads, shape
        parts = [self._times(f"{name}self_attn.{one}_proj.weight", normed) for one in "qkv"]
        query, key, value = (one.view(self.size * rows, tokens, heads, -1).transpose(1, 2) for one in parts)
        found = torch.nn.functional.scaled_dot_product_attention(
            _turned(query, *turn), _turned(key, *turn), value, is_causal=True
        )
        x = x + self._times(f"{name}self_attn.o_proj.weight", found.transpose(1, 2).reshape(normed.shape))
        normed = self._norm(f"{name}post_attention_layernorm.weight", x)
        gate, up = (self._times(f"{name}mlp.{one}_proj.weight", normed) for one in ("gate", "up"))
        return x + self._times(f"{name}mlp.down_proj.weight", torch.nn.functional.silu(gate) * up)

    def _times(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return torch.bmm(x, self.weights[name].transpose(1, 2))

    def _norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        """Root-mean-square norm (Zhang and Sennrich 2019, equation 4)."""
        scale = torch.rsqrt(x.pow(2).mean(dim=-1, keepdim=True) + self._config.rms_norm_eps)
        return self.weights[name][:, None] * (x * scale)


def _turned(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions: halves of each head are turned against each other (Su et al. 2021, as Llama lays them out)."""
    first, second = x.chunk(2, dim=-1)
    return x * cos + torch.cat([-second, first], dim=-1) * sin


def train_stacked(
    stack: Stack,
    rows: Ids,
    order: npt.NDArray[np.int64],
    rate: Rate,
    batch: int,
    *,
    counted: npt.NDArray[np.bool_] | None = None,
    shares: Sequence[float] | None = None,
    saves: Sequence[int] = (),
    saved: Saved | None = None,
    adam: Adam = ADAM,
    half: bool = False,
) -> None:
    """Train all models of the stack in place, each as `train` trains it alone on its own order.

    Args:
        stack: the models.
        rows: int32[n, length], of all models, `PAD` behind shorter ones.
        order: int64[K, steps * batch]: for each model the rows in the order in which it sees them.
        rate: over all steps.
        batch: rows of a step.
        counted: bool[K, n]: rows that count in a model's loss. Its mean is over the tokens of those that do; a batch
            without any moves that model by what its optimizer remembers alone. Default: all.
        shares: of the rate, one for each of the K models, so that models of several rates stand in one stack.
        saves: steps done when `saved` is called; 0: before training.
        saved: called with the step and the stack.
        adam: settings of the optimizer.
        half: products in bfloat16; otherwise everything is in float32.

    Raises:
        ValueError: if the order or the shares are not of K models.
    """
    for what, given in (("order", order), ("shares", shares)):
        if given is not None and len(given) != stack.size:
            raise ValueError(f"{what}: is of {len(given)} models, the stack has {stack.size}")
    weights = list(stack.weights.values())
    device = weights[0].device
    optimizer = torch.optim.AdamW(
        weights, lr=0.0, betas=adam.betas, weight_decay=adam.weight_decay, fused=device.type == "cuda"
    )
    parts = None if shares is None else torch.tensor(shares, device=device)
    steps = order.shape[1] // batch
    wanted = set(saves)
    if saved and 0 in wanted:
        saved(0, stack)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = rate.at(step, steps)
        now = order[:, step * batch : (step + 1) * batch]
        targets = rows[now]
        targets = targets[..., : int((targets != PAD).sum(axis=-1).max())]
        ids = torch.from_numpy(targets.astype(np.int64)).to(device)
        if counted is not None:
            hidden = torch.from_numpy(~np.take_along_axis(counted, now, axis=1)).to(device)
            labels = ids.masked_fill(hidden[..., None], PAD)
        else:
            labels = ids
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            losses = losses_of(stack, ids, labels)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        _clip(weights, adam.clip)
        before = None if parts is None else [one.detach().clone() for one in weights]
        optimizer.step()
        if parts is not None and before is not None:
            _go_back(weights, before, parts)
        if saved and step + 1 in wanted:
            saved(step + 1, stack)


def losses_of(stack: Stack, ids: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy of the next token for each model, nats, float[K]; 0 for one without a label.

    Args:
        stack: the models.
        ids: int64[K, rows, tokens], `PAD` behind.
        labels: the same, with `PAD` for what does not count.
    """
    models, rows, tokens = ids.shape
    logits = stack.logits(ids.clamp(min=0)).view(models, rows, tokens, -1)[:, :, :-1]
    wanted = labels[:, :, 1:]
    each = torch.nn.functional.cross_entropy(
        logits.flatten(0, 2), wanted.flatten(), ignore_index=PAD, reduction="none"
    ).view(models, -1)
    return each.sum(dim=1) / (wanted != PAD).sum(dim=(1, 2)).clamp(min=1)


@torch.no_grad()
def _clip(weights: Sequence[torch.Tensor], most: float) -> None:
    """Cut the gradient of each model by itself to a norm, as `clip_grad_norm_` cuts that of one model."""
    gradients = [one.grad for one in weights if one.grad is not None]
    norms = torch.stack([one.flatten(1).norm(dim=1) for one in gradients]).norm(dim=0)
    shares = (most / (norms + 1e-6)).clamp(max=1.0)
    for one in gradients:
        one.mul_(shares.view(-1, *[1] * (one.dim() - 1)))


@torch.no_grad()
def _go_back(weights: Sequence[torch.Tensor], before: Sequence[torch.Tensor], shares: torch.Tensor) -> None:
    """Leave of the optimizer's move a share for each model: AdamW's move is linear in the rate."""
    for one, old in zip(weights, before, strict=True):
        one.copy_(torch.lerp(old, one, shares.view(-1, *[1] * (one.dim() - 1))))
