"""One forward pass of a batch: the model's body packed or padded, then the head with its statistics."""

from typing import Any

import torch

from transforms.scoring import packed_attention
from transforms.scoring.batches import Batch, Sequences, packed_batch, padded_batch
from transforms.scoring.fused_layers import fuse_gates
from transforms.scoring.head_statistics import COLUMNS, head_statistics, logit_statistics
from transforms.scoring.packed_attention import Layout

_PROBE_LENGTHS = (7, 12, 5)
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.05}


class Forward:
    """A loaded model, made ready to be run on batches.

    Attributes:
        packed: whether sequences share rows; found by trying, when the model is loaded.
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
        fuse_gates(model)
        plain = self._probe_alone()
        self.plain_head = self._head_gives_the_logits()
        wanted = self.device.type == "cuda" and self.dtype != torch.float32 if pack is None else pack
        self.packed = wanted and self.plain_head and self._packing_changes_nothing(plain)
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
                longest = int((batch.bounds[1:] - batch.bounds[:-1]).max())
                with packed_attention.layout(Layout(self._put(batch.bounds), longest)):
                    found = self._body(input_ids=ids, position_ids=self._put(batch.positions), use_cache=False)
            else:
                found = self._body(input_ids=ids, use_cache=False)
            hidden = found.last_hidden_state.flatten(0, 1)
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

    def _probe(self) -> list[torch.Tensor]:
        known = min(self.vocabulary, self._model.get_input_embeddings().weight.shape[0])
        first = torch.arange(sum(_PROBE_LENGTHS)) * 7919 % known
        return [part.to(self.device) for part in first.split(list(_PROBE_LENGTHS))]

    def _probe_alone(self) -> torch.Tensor:
        with torch.inference_mode():
            alone = [self._body(input_ids=one[None], use_cache=False).last_hidden_state[0] for one in self._probe()]
            return torch.cat(alone)

    def _head_gives_the_logits(self) -> bool:
        with torch.inference_mode():
            one = self._probe()[0][None]
            wanted = self._model(input_ids=one, use_cache=False).logits
            found = self._head(self._body(input_ids=one, use_cache=False).last_hidden_state)
        return wanted.shape == found.shape and _close(found, wanted, self.dtype)

    def _packing_changes_nothing(self, alone: torch.Tensor) -> bool:
        """Try a packed row against the same sequences alone; a model that cannot be packed keeps its own attention."""
        before = self._model.config._attn_implementation  # noqa: SLF001 - there is no public name for it
        lengths = torch.tensor([0, *_PROBE_LENGTHS])
        parts = Layout(lengths.cumsum(0).to(torch.int32).to(self.device), max(_PROBE_LENGTHS))
        positions = torch.cat([torch.arange(length) for length in _PROBE_LENGTHS])[None].to(self.device)
        packed_attention.register()
        try:
            self._model.set_attn_implementation(packed_attention.NAME)
            with torch.inference_mode(), packed_attention.layout(parts):
                row = torch.cat(self._probe())[None]
                found = self._body(input_ids=row, position_ids=positions, use_cache=False).last_hidden_state[0]
            fine = _close(found, alone, self.dtype)
        except (ValueError, TypeError, RuntimeError, NotImplementedError, AttributeError):
            fine = False
        if not fine:
            self._model.set_attn_implementation(before)
        return fine


def _close(found: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> bool:
    difference = (found.double() - wanted.double()).norm()
    return bool(difference <= _TOLERANCE.get(dtype, 0.05) * wanted.double().norm())


def _layers(body: torch.nn.Module) -> list[torch.nn.Module]:
    """The repeated layers: compiled once, the code serves them all."""
    lists = [module for module in body.modules() if isinstance(module, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
