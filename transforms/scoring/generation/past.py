"""What a model remembers of the tokens that it has read: its own cache where that is exact, else the tokens."""

import inspect
import weakref
from typing import Any, Protocol

import numpy as np
import torch

from transforms.scoring.model.probes import probe_tokens, same

_CACHE_NAMES = ("cache", "past_key_values", "cache_params")  # of transformers, newest first
_READ, _TRIED = 5, 24
_cached: "weakref.WeakKeyDictionary[Any, str]" = weakref.WeakKeyDictionary()


class Past(Protocol):
    """Rows of tokens that stand at the same place, and the model's logits for the token after them."""

    def read(self, ids: torch.Tensor) -> torch.Tensor:
        """Read the next tokens of all rows, int64 (rows, tokens) -> logits after the last one, (rows, vocabulary)."""
        ...

    def keep(self, rows: torch.Tensor) -> None:
        """Go on with these rows, int64 (any): fewer, or some of them several times."""
        ...


class Cache:
    """The model's own cache, which it takes and returns as `named`."""

    def __init__(self, model: Any, named: str) -> None:
        self._model, self._named = model, named
        self._held: Any = None

    def read(self, ids: torch.Tensor) -> torch.Tensor:
        """As `Past.read`."""
        before = {} if self._held is None else {self._named: self._held}
        outputs = self._model(input_ids=ids, use_cache=True, **_last_only(self._model), **before)
        self._held = outputs[self._named]
        logits: torch.Tensor = outputs.logits[:, -1]
        return logits

    def keep(self, rows: torch.Tensor) -> None:
        """As `Past.keep`."""
        self._held.reorder_cache(rows)


class Tokens:
    """All tokens again at every step: slow, and what the model itself says."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._held: torch.Tensor | None = None

    def read(self, ids: torch.Tensor) -> torch.Tensor:
        """As `Past.read`."""
        self._held = ids if self._held is None else torch.cat([self._held, ids], dim=1)
        logits: torch.Tensor = self._model(input_ids=self._held, use_cache=False, **_last_only(self._model)).logits
        return logits[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        """As `Past.keep`."""
        if self._held is not None:
            self._held = self._held.index_select(0, rows)


def past_of(model: Any) -> Past:
    """An empty past: the model's cache, if the logits by it are those of a plain pass; tried once for each model."""
    if model not in _cached:
        named = _cache_name(model)
        _cached[model] = named if named and _agrees(model, named) else ""
    return Cache(model, _cached[model]) if _cached[model] else Tokens(model)


def _last_only(model: Any) -> dict[str, int]:
    return {"logits_to_keep": 1} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def _cache_name(model: Any) -> str:
    """The argument by which a model takes its cache; empty where it takes none that is known."""
    takes = inspect.signature(model.forward).parameters
    return next((name for name in _CACHE_NAMES if name in takes), "")


@torch.inference_mode()
def _agrees(model: Any, named: str) -> bool:
    """Whether two rows, read token by token and then changing places, have the logits of a plain pass."""
    weights = model.get_input_embeddings().weight
    one = probe_tokens(_TRIED, int(weights.shape[0]))
    ids = torch.from_numpy(np.stack([one, one[::-1]])).to(weights.device)
    try:
        wanted = model(input_ids=ids, use_cache=False).logits
        past = Cache(model, named)
        found = [past.read(ids[:, :_READ])]
        found += [past.read(ids[:, at : at + 1]) for at in range(_READ, _TRIED - 1)]
        past.keep(torch.tensor([1, 0], device=ids.device))
        found.append(past.read(ids[:, -1:].flip(0)).flip(0))
    except torch.OutOfMemoryError:
        raise
    except Exception:  # noqa: BLE001 - caches of another kind fail by errors of any kind
        return False
    made = torch.stack(found, dim=1)
    return all(same(made[row], wanted[row, _READ - 1 :], weights.dtype) for row in range(2))
