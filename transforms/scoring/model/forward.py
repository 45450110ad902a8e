"""One forward pass of a batch: the model's body packed or padded, then the head with its statistics."""

from typing import Any

import numpy as np
import torch

from transforms.base.errors import CorpusError
from transforms.scoring.model import attention as packed_attention
from transforms.scoring.model.attention import Layout
from transforms.scoring.model.batches import Batch, Sequences, packed_batch, padded_batch
from transforms.scoring.model.configuration import first_line, max_length_of
from transforms.scoring.model.cpu_linear import use_onednn
from transforms.scoring.model.fused_layers import FusedLayer, fusible
from transforms.scoring.model.head.statistics import COLUMNS, head_statistics, logit_statistics
from transforms.scoring.model.probes import (
    company_changes_nothing,
    compared,
    probe_row,
    probe_tokens,
    refuse_not_causal,
    same,
)

_SHORT_ROW = 24
_WIDTH = 1024
_LOGITS = 1 << 26
SMALLEST = 16


class Forward:
    """A loaded model, made ready to be run on batches.

    Attributes:
        packed: whether sequences share rows; found by trying, when the model is loaded.
        alone: whether each sequence is a batch of its own, since others beside it would move its states.
        fused: whether the layers were replaced by `FusedLayer`, likewise.
        compiled: whether the layers are compiled, for one shape.
        row: tokens of a packed row that the trial found room for; 0 where nothing is packed.
    """

    def __init__(self, model: Any, *, row: int, pack: bool | None = None, compiled: bool = False) -> None:
        """Fuse what can be fused, and find out what the model allows.

        Args:
            model: a `transformers` causal language model, on its device; it is changed in place.
            row: tokens of a batch, the length at which packing is tried.
            pack: whether to pack; None: on a GPU, where the model allows it.
            compiled: whether to compile the layers; only packed rows are, as they have one shape.

        Raises:
            CorpusError: if the model does not run, or is not causal.
        """
        self.device = next(model.parameters()).device
        self.dtype = next(model.parameters()).dtype
        self._model = model
        self._body = model.base_model
        self._head = model.get_output_embeddings()
        self._longest = max_length_of(model.config.get_text_config(decoder=True))
        self._known = int(model.get_input_embeddings().weight.shape[0])
        if self.device.type == "cpu":
            use_onednn(model)
        self.plain_head = False
        logits = self._try_the_model()
        self.vocabulary = int(logits.shape[-1])
        self._known = min(self._known, self.vocabulary)
        self.plain_head = self._head_gives(logits)
        embedding = model.get_input_embeddings()
        refuse_not_causal(self._states, embedding, self._known, self._longest, self.dtype, self.device)
        wanted = self.device.type == "cuda" if pack is None else pack
        self.row = self._packed_row(row) if wanted and self.plain_head else 0
        self.packed = bool(self.row)
        self.alone = not self.packed and not self._company_is_harmless(row)
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
            hidden = self._hidden(ids, batch).flatten(0, 1)
            if len(pick) != len(hidden):
                hidden = hidden[pick]
            return head_statistics(hidden, self._head, self.vocabulary, targets)

    def _hidden(self, ids: torch.Tensor, batch: Batch | None = None) -> torch.Tensor:
        """What the head takes of ids (rows, width), of a packed row if `batch` is one: (rows, width, size)."""
        if batch is not None and len(batch.bounds):
            with packed_attention.layout(self._layout(batch.bounds)):
                found = self._body(input_ids=ids, position_ids=self._put(batch.positions), use_cache=False)
        else:
            found = self._body(input_ids=ids, use_cache=False)
        # In the head's number format: Mamba's body returns float32 whatever its weights are in.
        hidden: torch.Tensor = found.last_hidden_state.to(self._head.weight.dtype)
        return hidden

    def _whole(self, ids: torch.Tensor, pick: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """For a model that does more to its logits than a matrix product: they come from the model itself."""
        logits = self._model(input_ids=ids, use_cache=False).logits.flatten(0, 1)[pick]
        out = torch.empty((len(targets), len(COLUMNS)), dtype=torch.float32, device=self.device)
        logit_statistics(logits, targets, out)
        return out

    def _states(self, ids: torch.Tensor) -> torch.Tensor:
        """What the model makes of each token, before the head where that is a plain one: (rows, width, any)."""
        if self.plain_head:
            return self._hidden(ids)
        logits: torch.Tensor = self._model(input_ids=ids, use_cache=False).logits
        return logits

    def _put(self, array: Any) -> torch.Tensor:
        tensor = torch.from_numpy(array)
        return tensor.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else tensor

    def _layout(self, bounds: Any) -> Layout:
        return Layout.of(bounds, self._put, grouped=packed_attention.needs_groups(self.device, self.dtype))

    def _few(self) -> torch.Tensor:
        return torch.from_numpy(probe_tokens(min(7, self._longest or 7), self._known)).to(self.device)[None]

    def _try_the_model(self) -> torch.Tensor:
        """Logits (1, tokens, vocabulary) of a few tokens."""
        ids = self._few()
        try:
            with torch.inference_mode():
                logits = self._model(input_ids=ids, use_cache=False).logits
        except torch.OutOfMemoryError:
            raise
        except Exception as error:
            raise CorpusError(
                f"{type(self._model).__name__} cannot be run on token ids alone ({type(error).__name__}: "
                f"{first_line(error)}); score a model of text that needs no other input"
            ) from error
        if not isinstance(logits, torch.Tensor) or logits.shape[:2] != ids.shape or logits.dim() != 3:
            raise CorpusError(
                f"{type(self._model).__name__} gives no logits for each token of a text; score a causal language model"
            )
        return logits

    def _head_gives(self, logits: torch.Tensor) -> bool:
        """Whether the head alone makes these logits of the body's last hidden states."""
        try:
            with torch.inference_mode():
                found = self._head(self._hidden(self._few()))
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - a body of another kind; the model as a whole was tried before
            return False
        return found.shape == logits.shape and same(found[0], logits[0], self.dtype)

    def _company_is_harmless(self, row: int) -> bool:
        """Whether sequences may be padded to the width of the longest and run together.

        On the CPU products of sixteen bits are rounded by the shape of the batch, so nothing stands beside another.
        """
        if self.device.type == "cpu" and self.dtype not in (torch.float32, torch.float64):
            return False
        width = min(self._longest or row, row, _WIDTH)
        if not self.plain_head:
            width = max(SMALLEST, min(width, _LOGITS // (2 * self.vocabulary)))
        try:
            return company_changes_nothing(self._states, self._known, width, self.dtype, self.device)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - it ran on one sequence, and has errors of any kind for two
            return False

    def _packed_row(self, row: int) -> int:
        """Tokens of a row in which parts have the states that they have alone; 0, and nothing changed, if in none.

        The short row comes first: a model that counts places through the whole row is found out there, while on a
        long one it would look for places that it does not have, which ends a GPU's work for good.
        """
        before = self._model.config._attn_implementation  # noqa: SLF001 - there is no public name for it
        packed_attention.register()
        short, tried = probe_row(min(_SHORT_ROW, row), self._longest, self._known), row
        try:
            wanted = self._parts_alone(short)
            self._model.set_attn_implementation(packed_attention.NAME)
            fine = same(self._parts_packed(short, _SHORT_ROW), wanted, self.dtype) and packed_attention.calls() > 0
            while fine and tried > _SHORT_ROW:
                long = probe_row(tried, self._longest, self._known)
                try:
                    found = self._parts_packed(long, tried)
                    self._model.set_attn_implementation(before)
                    fine = same(found, self._parts_alone(long), self.dtype)
                    self._model.set_attn_implementation(packed_attention.NAME)
                    break
                except RuntimeError as error:
                    if not out_of_memory(error) or tried // 2 < SMALLEST:
                        raise
                tried //= 2
                self._model.set_attn_implementation(packed_attention.NAME)
        except torch.OutOfMemoryError:
            raise
        except Exception:  # noqa: BLE001 - what is not made for packed rows fails on them by errors of any kind
            fine = False
        if not fine:
            self._model.set_attn_implementation(before)
        return tried if fine else 0

    def _parts_alone(self, sequences: Sequences) -> torch.Tensor:
        """States of the compared parts, each run alone: (tokens, size)."""
        rows = [sequences.tokens[a:b] for a, b in zip(sequences.offsets[:-1], sequences.offsets[1:], strict=True)]
        with torch.inference_mode():
            return torch.cat([self._hidden(self._put(rows[at][None]))[0] for at in compared(len(rows))])

    def _parts_packed(self, sequences: Sequences, row: int) -> torch.Tensor:
        """States of the compared parts in one packed row: (tokens, size)."""
        batch = packed_batch(sequences, np.arange(len(sequences)), row)
        with torch.inference_mode():
            hidden = self._hidden(self._put(batch.ids), batch)[0]
            return torch.cat([hidden[batch.bounds[at] : batch.bounds[at + 1]] for at in compared(len(sequences))])

    def _fuse_layers(self) -> bool:
        """Replace the layers by fused ones, if the first of them gives what the layer in its place gives."""
        layers = _layers(self._body)
        if not layers or not all(map(fusible, layers)):
            return False
        row = probe_row(min(self.row, 4 * _SHORT_ROW), self._longest, self._known)
        batch = packed_batch(row, np.arange(len(row)), len(row.tokens))
        seen: list[Any] = []
        hook = layers[0].register_forward_hook(
            lambda _, given, named, out: seen.extend((given, named, out)), with_kwargs=True
        )
        try:
            before = self._parts_packed(row, len(row.tokens))
        finally:
            hook.remove()
        given, named, wanted = seen
        try:
            with torch.inference_mode(), packed_attention.layout(self._layout(batch.bounds)):
                fine = same(FusedLayer(layers[0])(*given, **named)[0], wanted[0], self.dtype)
        except (ValueError, TypeError, RuntimeError, AttributeError):
            fine = False
        if fine:
            within = next(
                one for one in self._body.modules() if isinstance(one, torch.nn.ModuleList) and one[0] is layers[0]
            )
            for at, layer in enumerate(layers):
                within[at] = FusedLayer(layer)
            fine = same(self._parts_packed(row, len(row.tokens)), before, self.dtype)
            if not fine:
                raise RuntimeError("fused layers give other hidden states than the model's own")
        return fine


def out_of_memory(error: RuntimeError) -> bool:
    """Whether an error says that memory ended."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator: can't allocate" in str(error)


def _layers(body: torch.nn.Module) -> list[torch.nn.Module]:
    """The repeated layers: compiled once, the code serves them all."""
    lists = [module for module in body.modules() if isinstance(module, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
