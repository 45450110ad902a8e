"""How a token is chosen from logits: greedily, or by temperature, top-k and top-p; and with which probability."""

import math
from dataclasses import dataclass

import torch

_ROUNDING = 1e-12  # a sum of probabilities that should be p may lie a little below it
_CHUNK = 1 << 24  # logits in double precision at a time: 128 MiB


@dataclass(frozen=True)
class SamplingScheme:
    """How tokens are drawn; temperature first, then top-k, then top-p.

    Attributes:
        temperature: logits are divided by it; 0 takes the most probable token, of several the one with the lowest id.
        top_k: only tokens whose logit is among the k highest (more than k if the k-th is tied); 0 for all.
        top_p: only the most probable tokens, up to and with the one that brings their sum to p; 1 for all.

    Raises:
        ValueError: if a value is out of range.
    """

    temperature: float = 0.0
    top_k: int = 0
    top_p: float = 1.0

    def __post_init__(self) -> None:
        """Check every value."""
        if not (math.isfinite(self.temperature) and self.temperature >= 0):
            raise ValueError(f"temperature: {self.temperature}, expected 0 (greedy) or more")
        if self.top_k < 0:
            raise ValueError(f"top_k: {self.top_k}, expected 0 (all tokens) or more")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p: {self.top_p}, expected above 0 and at most 1 (all tokens)")
        if self.greedy and (self.top_k > 1 or self.top_p < 1):
            raise ValueError("top_k and top_p choose among sampled tokens: give a temperature above 0 with them")

    @property
    def greedy(self) -> bool:
        """Whether nothing is drawn."""
        return self.temperature == 0

    def log_probs(self, logits: torch.Tensor) -> torch.Tensor:
        """Log-probability of each token under the scheme, -inf for one that is never drawn; float64[rows, vocabulary].

        Double precision, so that what other rows a batch holds does not show in a sum over the vocabulary.
        """
        if self.greedy:
            best = logits.argmax(-1, keepdim=True)
            never = torch.full(logits.shape, -math.inf, dtype=torch.float64, device=logits.device)
            return never.scatter_(-1, best, 0.0)
        scaled = logits.double() / self.temperature
        if 0 < self.top_k < scaled.shape[-1]:
            lowest = scaled.topk(self.top_k, dim=-1).values[..., -1:]
            scaled = scaled.masked_fill(scaled < lowest, -math.inf)
        logs = scaled.log_softmax(-1)
        if self.top_p == 1:
            return logs
        ordered, order = logs.sort(dim=-1, descending=True, stable=True)
        before = ordered.exp().cumsum(-1) - ordered.exp()
        outside = torch.zeros_like(before, dtype=torch.bool).scatter_(-1, order, before >= self.top_p - _ROUNDING)
        return logs.masked_fill(outside, -math.inf).log_softmax(-1)

    def draw(self, logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
        """One token a row, int64[rows]: the scheme's distribution function inverted at `uniforms` (float64[rows]).

        Tokens stand in the order of their ids. -1 for a row with a NaN.
        """
        rows = max(1, _CHUNK // logits.shape[-1])
        drawn = torch.cat(
            [
                self._draw(some, at)
                for some, at in zip(torch.split(logits, rows), torch.split(uniforms, rows), strict=True)
            ]
        )
        return drawn.masked_fill(logits.amax(-1).isnan(), -1)

    def _draw(self, logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
        if self.greedy:
            return logits.argmax(-1)
        cumulative = self.log_probs(logits).exp().cumsum(-1)
        last = cumulative[:, -1:]
        found = torch.searchsorted(cumulative, uniforms[:, None] * last, right=True)
        # Rounding may carry a uniform number near 1 up to the sum: then it is the last token that can be drawn.
        return torch.minimum(found, (cumulative < last).sum(-1, keepdim=True))[:, 0]

    def token_log_probs(self, logits: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        """Log-probability of one given token a row under the scheme; float64[rows].

        Args:
            logits: [rows, vocabulary].
            tokens: int64[rows].
        """
        rows = max(1, _CHUNK // logits.shape[-1])
        return torch.cat(
            [
                self.log_probs(some).gather(-1, wanted[:, None])[:, 0]
                for some, wanted in zip(torch.split(logits, rows), torch.split(tokens, rows), strict=True)
            ]
        )
