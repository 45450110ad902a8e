"""Score token sequences with one checkpoint: batches by a budget of tokens, which adapts to the memory there is."""

import time
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from transforms.base.errors import CorpusError
from transforms.scoring.model.batches import Batch, Ints, Sequences, plan_packed, plan_padded
from transforms.scoring.model.configuration import first_line, number_of
from transforms.scoring.model.forward import SMALLEST, Forward, out_of_memory
from transforms.scoring.model.head.statistics import COLUMNS

Dtype = Literal["float32", "bfloat16"]
MAX_TOKENS = {"cuda": 32_768, "cpu": 4_096}
_LOGIT_BYTES = 1 << 30


@dataclass
class Spent:
    """What scoring took, summed over calls.

    Attributes:
        tokens: tokens of the sequences, context included, padding not.
        scored: tokens whose statistics came out.
        flop: floating-point operations: 2 a weight and token (the head: a scored token), and attention.
        seconds: time in `Scorer.score`.
        batches: forward passes.
        splits: batches that did not fit into memory and were done again in parts.
    """

    tokens: int = 0
    scored: int = 0
    flop: float = 0.0
    seconds: float = 0.0
    batches: int = 0
    splits: int = 0


@dataclass
class Scorer:
    """A model, ready for sequences.

    Attributes:
        forward: how a batch is run.
        max_tokens: tokens of a batch; lowered for good when a batch does not fit into memory.
        spent: what was done so far.
        matrix_rate: operations a second of a large matrix product on the same device; 0 where it was not measured.
        device: "cpu" or "cuda".
    """

    forward: Forward
    max_tokens: int
    matrix_rate: float = 0.0
    device: str = "cpu"
    spent: Spent = field(default_factory=Spent)

    @classmethod
    def of(cls, model: Any, max_tokens: int = 0, *, pack: bool | None = None, compiled: bool = False) -> "Scorer":
        """Make a loaded `transformers` model ready; `max_tokens` 0: what suits its device.

        Raises:
            CorpusError: if the model does not run, or is not causal.
        """
        most = max_tokens or MAX_TOKENS[next(model.parameters()).device.type]
        forward = Forward(model, row=most, pack=pack, compiled=compiled)
        most = forward.row or most
        if not forward.plain_head:
            size = forward.vocabulary * torch.empty(0, dtype=forward.dtype).element_size()
            most = max(SMALLEST, min(most, _LOGIT_BYTES // size))
        scorer = cls(forward, most)
        scorer._body, scorer._head, scorer._attention = _weights(model)
        return scorer

    def __post_init__(self) -> None:
        self._body, self._head, self._attention = 0, 0, 0

    def score(self, sequences: Sequences) -> npt.NDArray[np.float32]:
        """Statistics of all scored tokens, float32[sum of scored, 4], sequence after sequence, columns `COLUMNS`.

        Each number depends on its own sequence alone, up to rounding: not on the others, their order or the batches.

        Raises:
            CorpusError: if a single sequence does not fit into memory.
        """
        began = time.perf_counter()
        scored = sequences.scored
        ends = np.cumsum(scored)
        out = np.empty((int(scored.sum()), len(COLUMNS)), np.float32)
        waiting: list[tuple[Batch, torch.Tensor, Any]] = []
        left = np.flatnonzero(scored)
        while len(left):
            left = left[self._batches(sequences, left, waiting, lambda one: _place(out, ends, scored, *one))]
        for one in waiting:
            _place(out, ends, scored, *one)
        lengths = sequences.lengths[scored > 0].astype(np.float64)
        self.spent.tokens += int(lengths.sum())
        self.spent.scored += len(out)
        self.spent.flop += float(
            2.0 * self._body * lengths.sum() + 2.0 * self._head * len(out) + self._attention * (lengths**2).sum()
        )
        self.spent.seconds += time.perf_counter() - began
        return out

    def _batches(self, sequences: Sequences, left: Ints, waiting: list[Any], place: Any) -> Ints:
        """Run the sequences `left` until all are done or memory runs out; returns which of them are left."""
        lengths = sequences.lengths[left]
        budget = 0 if self.forward.alone else self.max_tokens
        plan = (plan_packed if self.forward.packed else plan_padded)(lengths, budget)
        for number, part in enumerate(plan):
            try:
                batch = self.forward.batch(sequences, left[part], self.max_tokens)
                found = self.forward.run(batch)
            except RuntimeError as error:
                if not out_of_memory(error):
                    raise self._failed(error, lengths[part]) from error
                self._shrink(int(lengths[part].max()), len(part))
                return np.concatenate(plan[number:])
            except (IndexError, ValueError, TypeError, KeyError, AttributeError, AssertionError) as error:
                raise self._failed(error, lengths[part]) from error
            self.spent.batches += 1
            waiting.append((batch, *_fetch(found)))
            if len(waiting) > 1:  # the device works on this batch while the one before is put in its place
                place(waiting.pop(0))
        return np.empty(0, np.int64)

    def _failed(self, error: Exception, lengths: Ints) -> CorpusError:
        return CorpusError(
            f"the model fails on a batch of {len(lengths)} sequences, the longest of {int(lengths.max())} tokens "
            f"({type(error).__name__}: {first_line(error)}); leave out what is longer than it takes, or score it in "
            "float32"
        )

    def _shrink(self, longest: int, count: int) -> None:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.spent.splits += 1
        if count == 1 and self.max_tokens <= max(longest, SMALLEST):
            raise CorpusError(
                f"a sequence of {longest} tokens does not fit into the memory of {self.forward.device}: "
                "use a card with more memory, --dtype bfloat16, or leave it out"
            )
        self.max_tokens = max(SMALLEST, self.max_tokens // 2)


def _fetch(found: torch.Tensor) -> tuple[torch.Tensor, Any]:
    """Begin to copy to the host; what is there when the event has passed."""
    if not found.is_cuda:
        return found, None
    here = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
    here.copy_(found, non_blocking=True)
    event = torch.cuda.Event()  # type: ignore[no-untyped-call]
    event.record()
    return here, event


def _place(
    out: npt.NDArray[np.float32], ends: Ints, scored: Ints, batch: Batch, found: torch.Tensor, event: Any
) -> None:
    if event is not None:
        event.synchronize()
    counts = scored[batch.which]
    before = np.cumsum(counts) - counts
    to = np.arange(int(counts.sum())) + np.repeat(ends[batch.which] - counts - before, counts)
    out[to] = found.numpy()


def _weights(model: Any) -> tuple[int, int, int]:
    """Weights in matrix products of the body and of the head, and attention's operations a squared token."""
    output = model.get_output_embeddings()
    head = getattr(output, "weight", None)
    looked_up = {id(one.weight) for one in model.modules() if isinstance(one, torch.nn.Embedding)} | {id(head)}
    body = sum(one.numel() for one in model.parameters() if id(one) not in looked_up and one.dim() > 1)
    config = model.config.get_text_config(decoder=True)
    heads, layers = number_of(config, "num_attention_heads"), number_of(config, "num_hidden_layers")
    size = number_of(config, "head_dim") or (number_of(config, "hidden_size") // heads if heads else 0)
    return body, 0 if head is None else head.numel(), 2 * heads * size * layers
