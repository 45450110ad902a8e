"""What a loaded model does, found by running it a few times: whether it can be scored at all, and with what beside."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from transforms.base.errors import CorpusError
from transforms.base.texts import offsets_of
from transforms.scoring.model.batches import Ints, Sequences

States = Callable[[torch.Tensor], torch.Tensor]
"""Token ids int64 (rows, width) -> what the model makes of each token, (rows, width, any)."""

_TOKENS, _CHANGED_FROM = 64, 37  # not at the edge of a block, of whatever size
_COMPANY = 24
_PARTS = (7, 12, 5, 100, 33, 64, 1, 250)
_COMPARED = 3


@dataclass(frozen=True)
class Tolerance:
    """How far two computations of the same states may lie apart, relative to a token's own state.

    Attributes:
        worst: of any token.
        middle: of half of the tokens.
    """

    worst: float
    middle: float


_CAUSAL = {torch.float32: Tolerance(1e-5, 1e-5), torch.float64: Tolerance(1e-9, 1e-9)}
_SAME = {torch.float32: Tolerance(1e-4, 2e-5), torch.float64: Tolerance(1e-8, 1e-8)}
_SHORT_CAUSAL, _SHORT_SAME = Tolerance(0.05, 2e-3), Tolerance(0.3, 0.05)  # formats of sixteen bits


def same(found: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> bool:
    """Whether states (tokens, any) are equal up to the rounding of a model in `dtype` and batches of other shapes."""
    return _within(found, wanted, _SAME.get(dtype, _SHORT_SAME))


def _within(found: torch.Tensor, wanted: torch.Tensor, tolerance: Tolerance) -> bool:
    if found.shape != wanted.shape:
        return False
    apart = _apart(found, wanted)
    # What is not a number is within nothing.
    return bool(apart.max() <= tolerance.worst) and bool(apart.median() <= tolerance.middle)


def _apart(found: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Distance of each token's states (tokens, any), relative to their norm: float64 (tokens,)."""
    size = wanted.double().norm(dim=-1)
    apart: torch.Tensor = (found.double() - wanted.double()).norm(dim=-1) / size.clamp(min=1e-30)
    return apart


def probe_tokens(count: int, vocabulary: int) -> Ints:
    """Token ids that differ from their neighbours, int64[count]."""
    ids: Ints = np.arange(1, count + 1, dtype=np.int64) * 7919 % vocabulary
    return ids


def refuse_not_causal(
    states: States, embedding: torch.nn.Module, vocabulary: int, longest: int, dtype: torch.dtype, device: torch.device
) -> None:
    """Refuse a model in which a later token changes the state of an earlier one, or chance does.

    Args:
        states: of the model.
        embedding: its first layer, from token ids to vectors.
        vocabulary: ids are below it.
        longest: most tokens that the model takes; 0: no bound.
        dtype: of the model.
        device: where it is.

    Raises:
        CorpusError: if its log-probabilities are not those of a text read from left to right.
    """
    count = min(_TOKENS, longest or _TOKENS)
    changed = count * _CHANGED_FROM // _TOKENS
    if count < 2 or vocabulary < 2:
        return
    ids = torch.from_numpy(probe_tokens(count, vocabulary)).to(device)
    other = ids.clone()
    other[changed:] = (ids[changed:] + 1 + vocabulary // 2) % vocabulary
    with torch.inference_mode():
        first, again, moved = (states(one[None])[0, :changed] for one in (ids, ids, other))
    if not bool(torch.isfinite(first.float()).all()):
        raise CorpusError(
            "it returns NaN or infinite values on a probe: the weights are broken, or overflow in this format; take "
            "an earlier checkpoint, or --dtype float32"
        )
    tolerance = _CAUSAL.get(dtype, _SHORT_CAUSAL)
    if not _within(again, first, tolerance):
        raise CorpusError(
            "two passes over the same tokens give different states: its scores would be drawn by chance, and cannot "
            "be compared; score a model without random parts"
        )
    far = float(_apart(moved, first).max())
    # In sixteen bits a leak may be smaller than the rounding of experts that get other tokens: a derivative is exact.
    leaks = far > 0 and dtype not in _CAUSAL and _depends_on_later(states, embedding, ids, changed)
    if leaks or not _within(moved, first, tolerance):
        raise CorpusError(
            f"it is not causal: a later token changes the states of earlier ones (by {far:.2g} of their size), so it "
            "gives no log-probability of a text read from left to right; score a causal language model (some have "
            "is_decoder or a bidirectional attention in config.json)"
        )


def _depends_on_later(states: States, embedding: torch.nn.Module, ids: torch.Tensor, changed: int) -> bool:
    """Whether the states before `changed` have a derivative by the vectors of the tokens from there on.

    In a causal model it is exactly zero, whatever is rounded. False where the model has no derivatives.
    """
    vectors: list[torch.Tensor] = []

    def keep(_: torch.nn.Module, given: object, out: torch.Tensor) -> torch.Tensor:
        del given
        vectors.append(out.detach().requires_grad_())
        return vectors[-1]

    hook = embedding.register_forward_hook(keep)
    try:
        with torch.enable_grad():
            early = states(ids[None])[0, :changed].float()
            weights = torch.linspace(0.5, 1.5, early.shape[-1], device=early.device)
            (slope,) = torch.autograd.grad((early * weights).sum(), vectors[:1])
    except torch.OutOfMemoryError:
        raise
    except Exception:  # noqa: BLE001 - kernels without derivatives fail by errors of any kind
        return False
    finally:
        hook.remove()
    return bool((slope[0, changed:] != 0).any())


def company_changes_nothing(
    states: States, vocabulary: int, width: int, dtype: torch.dtype, device: torch.device
) -> bool:
    """Whether a sequence's states stay the same in a padded batch of this width, beside a sequence that fills it."""
    if width < 2:
        return True
    alone = probe_tokens(min(_COMPANY, width), vocabulary)
    batch = np.zeros((2, width), np.int64)
    batch[0, : len(alone)] = alone
    batch[1] = probe_tokens(width, vocabulary)[::-1]
    with torch.inference_mode():
        wanted = states(torch.from_numpy(alone[None]).to(device))[0]
        found = states(torch.from_numpy(batch).to(device))[0, : len(alone)]
    return same(found, wanted, dtype)


def probe_row(tokens: int, longest: int, vocabulary: int) -> Sequences:
    """Sequences that fill a row of so many tokens: one as long as half the row at most, then many of all sizes.

    Args:
        tokens: of the row.
        longest: most tokens that the model takes; 0: no bound.
        vocabulary: ids are below it.
    """
    bound = min(longest or tokens, tokens)
    lengths = [min(length, bound) for length in _PARTS[:3]]
    lengths.append(max(1, min(bound, 2048, (tokens - sum(lengths)) // 2)))
    while sum(lengths) < tokens:
        lengths.append(min(_PARTS[len(lengths) % len(_PARTS)], bound))
    while lengths and sum(lengths) > tokens:
        lengths[-1] -= sum(lengths) - tokens
        if lengths[-1] <= 0:
            lengths.pop()
    offsets = offsets_of(np.array(lengths, np.int64))
    return Sequences(probe_tokens(int(offsets[-1]), vocabulary), offsets, np.ones(len(lengths), np.int64))


def compared(count: int) -> list[int]:
    """Of so many parts of a row, those that are compared: some at its beginning, in the middle and at its end."""
    middle = count // 2
    chosen = {*range(_COMPARED + 1), *range(middle, middle + _COMPARED), *range(count - _COMPARED, count)}
    return sorted(one for one in chosen if 0 <= one < count)
