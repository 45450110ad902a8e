"""One forward pass of a batch: the model's body packed or padded, then the head with its statistics."""

from typing import Any

import numpy as np
import torch

from transforms.scoring.model import attention as packed_attention
from transforms.scoring.model.attention import Layout
from transforms.scoring.model.batches import Batch, Sequences, packed_batch, padded_batch
from transforms.scoring.model.cpu_linear import use_onednn
from transforms.scoring.model.fused_layers import FusedLayer, fusible
from transforms.scoring.model.head.statistics import COLUMNS, head_statistics, logit_statistics

_PROBE_LENGTHS = (7, 12, 5)
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05}


class Forward:
    """A loaded model, made ready to be run on batches.

    Attributes:
        packed: whether sequences share rows; found by trying, when the model is loaded.
        fused: whether the layers were replaced by `FusedLayer`, likewise.
        compiled: whether the layers are compiled, for one shape.
    """

    def __init__(self, model: Any, *, pack: bool | None = None, compiled: bool = False) -> None:
        """Fuse what can be fused, and find out what the model allows.

        Args:
            model: a `transformers` causal language model, on its device; it is changed in place.
            pack: whether to pack; None: on a GPU, where the model allows it.
            compiled: whether to compile the layers; only packed rows are, as they have one shape.
        """
        self.device = next(model.parameters()).device
        self.dtype = next(model.parameters()).dtype
        self._model = model
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self.vocabulary = int(self._head.weight.shape[0])
        if self.device.type == "cpu":
            use_onednn(model)
        plain = self._probe_alone()
        self.plain_head = self._head_gives_the_logits()
        wanted = self.device.type == "cuda" if pack is None else pack
        self.packed = wanted and self.plain_head and self._packing_changes_nothing(plain)
        self.fused = self.packed and self._fuse_layers()
        self.compiled = compiled and self.packed
        if self.compiled:
            for layer in _layers(self._body):
                layer.compile(dynamic=False)

    def batch(self, sequences: Sequences, which: Any, capacity: int) -> Batch:
        """The batch of these sequences in the form that this model takes."""
        return packed_batch(sequences, which, capacity) if self.packed else padded_batch(sequences, which)

    def run(self, batch: Batch) -> torch.Tensor:
        """Statistics of the batch's scored tokens, float32 (k, 4) on the model's device, in the batch's order."""
        with torch.inference_mode():
            ids, pick, targets = (self._put(array) for array in (batch.ids, batch.pick, batch.targets))
            if not len(batch.pick):
                return torch.empty((0, len(COLUMNS)), device=self.device)
            if not self.plain_head:
                return self._whole(ids, pick, targets)
            if len(batch.bounds):
                with packed_attention.layout(self._layout(batch.bounds)):
                    found = self._body(input_ids=ids, position_ids=self._put(batch.positions), use_cache=False)
            else:
                found = self._body(input_ids=ids, use_cache=False)
            hidden = self._as_head_takes_it(found.last_hidden_state).flatten(0, 1)
            if len(pick) != len(hidden):
                hidden = hidden[pick]
            return head_statistics(hidden, self._head, self.vocabulary, targets)

    def _whole(self, ids: torch.Tensor, pick: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """For a model that does more to its logits than a matrix product: they come from the model itself."""
        logits = self._model(input_ids=ids, use_cache=False).logits.flatten(0, 1)[pick]
        out = torch.empty((len(targets), len(COLUMNS)), dtype=torch.float32, device=self.device)
        logit_statistics(logits, targets, out)
        return out

    def _put(self, array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def _layout(self, bounds: Any) -> Layout:
        return Layout.of(bounds, self._put, grouped=packed_attention.needs_groups(self.device, self.dtype))

    def _probe(self) -> list[torch.Tensor]:
        known = min(self.vocabulary, self._model.get_input_embeddings().weight.shape[0])
        first = torch.arange(sum(_PROBE_LENGTHS)) * 7919 % known
        return [part.to(self.device) for part in first.split(list(_PROBE_LENGTHS))]

    def _probe_alone(self) -> torch.Tensor:
        with torch.inference_mode():
            alone = [self._body(input_ids=one[None], use_cache=False).last_hidden_state[0] for one in self._probe()]
            return torch.cat(alone)

    def _probe_packed(self) -> torch.Tensor:
        bounds = np.cumsum([0, *_PROBE_LENGTHS]).astype(np.int32)
        positions = torch.cat([torch.arange(length) for length in _PROBE_LENGTHS])[None].to(self.device)
        row = torch.cat(self._probe())[None]
        with torch.inference_mode(), packed_attention.layout(self._layout(bounds)):
            found: torch.Tensor = self._body(input_ids=row, position_ids=positions, use_cache=False).last_hidden_state[
                0
            ]
            return found

    def _head_gives_the_logits(self) -> bool:
        with torch.inference_mode():
            one = self._probe()[0][None]
            wanted = self._model(input_ids=one, use_cache=False).logits
            hidden = self._body(input_ids=one, use_cache=False).last_hidden_state
            found = self._head(self._as_head_takes_it(hidden))
        return wanted.shape == found.shape and _close(found, wanted, self.dtype)

    def _as_head_takes_it(self, hidden: torch.Tensor) -> torch.Tensor:
        """In the head's number format: Mamba's body returns float32 whatever its weights are in."""
        return hidden.to(self._head.weight.dtype)

    def _packing_changes_nothing(self, alone: torch.Tensor) -> bool:
        """Try a packed row against the same sequences alone; a model that cannot be packed keeps its own attention."""
        before = self._model.config._attn_implementation  # noqa: SLF001 - there is no public name for it
        packed_attention.register()
        try:
            self._model.set_attn_implementation(packed_attention.NAME)
            fine = _close(self._probe_packed(), alone, self.dtype)
        except (ValueError, TypeError, RuntimeError, NotImplementedError, AttributeError):
            fine = False
        if not fine:
            self._model.set_attn_implementation(before)
        return fine

    def _fuse_layers(self) -> bool:
        """Replace the layers by fused ones, if the first of them gives what the layer in its place gives."""
        layers = _layers(self._body)
        if not layers or not all(map(fusible, layers)):
            return False
        seen: list[Any] = []
        hook = layers[0].register_forward_hook(
            lambda _, given, named, out: seen.extend((given, named, out)), with_kwargs=True
        )
        try:
            before = self._probe_packed()
        finally:
            hook.remove()
        given, named, wanted = seen
        bounds = np.cumsum([0, *_PROBE_LENGTHS]).astype(np.int32)
        try:
            with torch.inference_mode(), packed_attention.layout(self._layout(bounds)):
                fine = _close(FusedLayer(layers[0])(*given, **named), wanted, self.dtype)
        except (ValueError, TypeError, RuntimeError, AttributeError):
            fine = False
        if fine:
            within = next(
                one for one in self._body.modules() if isinstance(one, torch.nn.ModuleList) and one[0] is layers[0]
            )
            for at, layer in enumerate(layers):
                within[at] = FusedLayer(layer)
            fine = _close(self._probe_packed(), before, self.dtype)
            if not fine:
                raise RuntimeError("fused layers give other hidden states than the model's own")
        return fine


def _close(found: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> bool:
    difference = (found.double() - wanted.double()).norm()
    return bool(difference <= _TOLERANCE.get(dtype, 0.05) * wanted.double().norm())


def _layers(body: torch.nn.Module) -> list[torch.nn.Module]:
    """The repeated layers: compiled once, the code serves them all."""
    lists = [module for module in body.modules() if isinstance(module, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
