"""Decoding one batch, without padding: all rows of a batch stand at the same position.

The shortest prompt's length is read at once for all rows. From there on every row takes one token a step: the next one
of its own prompt while it has one, then the ones that it produces. No mask and no position needs to be told to the
model, so attention, rotary or learned positions and recurrent states are right by themselves.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from transforms.scoring.generation.keyed_uniforms import Words, uniforms
from transforms.scoring.generation.past import past_of
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.generation.stop import Stop, StopRules

Ints = npt.NDArray[np.int64]

_CROWDED = 0.75  # share of rows still going on below which the others' states are dropped: dropping copies the rest


class DecodeError(ValueError):
    """What the model returns is no distribution."""


@dataclass(frozen=True)
class Rows:
    """What is decoded together.

    Attributes:
        prompts: int64[p, longest], token ids; what lies behind a prompt's end is not read.
        lengths: int64[p], tokens of each prompt, 1 or more.
        prompt_of: int64[r], the prompt that each row continues: 0, then never falling, to p - 1.
        most: int64[r], tokens that each row may produce, 1 or more.
        words: uint64[r, 4], identity of each row's random numbers.
    """

    prompts: Ints
    lengths: Ints
    prompt_of: Ints
    most: Ints
    words: Words

    def __len__(self) -> int:
        return len(self.prompt_of)

    def halves(self) -> tuple["Rows", "Rows"]:
        """Two batches with half of the rows each; there must be two rows."""
        middle = len(self) // 2
        return self._only(slice(0, middle)), self._only(slice(middle, None))

    def _only(self, part: slice) -> "Rows":
        prompts, prompt_of = np.unique(self.prompt_of[part], return_inverse=True)
        lengths = self.lengths[prompts]
        return Rows(self.prompts[prompts, : lengths.max()], lengths, prompt_of, self.most[part], self.words[part])


@dataclass(frozen=True)
class Decoded:
    """Rows as they came out.

    Attributes:
        tokens: int64[r, longest], what each row produced, without an end-of-sequence token.
        counts: int64[r], tokens of each row.
        stops: uint8[r], why each ended (`Stop`).
    """

    tokens: Ints
    counts: Ints
    stops: npt.NDArray[np.uint8]


@torch.inference_mode()
def decode(model: Any, rows: Rows, scheme: SamplingScheme, rules: StopRules) -> Decoded:
    """Decode the rows of one batch.

    Raises:
        DecodeError: if a logit is NaN.
    """
    device = next(model.parameters()).device
    past = past_of(model)
    position = int(rows.lengths.min())
    start = rows.lengths[rows.prompt_of]
    prompts = torch.from_numpy(rows.prompts).to(device)
    logits = past.read(prompts[:, :position])
    which = torch.from_numpy(rows.prompt_of).to(device)
    if len(rows) != len(prompts):
        logits = logits.index_select(0, which)
        past.keep(which)
    forced = prompts[:, position:].index_select(0, which)

    tokens = np.zeros((len(rows), int(rows.most.max())), np.int64)
    counts, stops = np.zeros(len(rows), np.int64), np.full(len(rows), Stop.LENGTH, np.uint8)
    watch = rules.watch(len(rows))
    here = np.arange(len(rows))  # the row that each line of the batch is
    going = np.ones(len(rows), np.bool_)
    for step in range(len(tokens[0]) + forced.shape[1]):
        at = position + step - start[here]
        drawn = scheme.draw(logits, _uniforms(rows.words[here], at, scheme, device))
        if step < forced.shape[1]:
            drawn = torch.where(torch.from_numpy(at < 0).to(device), forced[:, step], drawn)
        new = drawn.cpu().numpy()
        producing = going[here] & (at >= 0)
        if np.any(new[producing] < 0):
            raise DecodeError(
                "the model returned NaN in place of logits; its weights are broken, or bfloat16 overflowed"
            )
        going[here[producing]] = False
        for stop, ends in rules.ended(new, here, producing, watch):
            stops[here[ends]] = stop
            if stop == Stop.EOS:
                producing &= ~ends
        own = here[producing]
        tokens[own, at[producing]] = new[producing]
        counts[own] = at[producing] + 1
        going[own] = (stops[own] == Stop.LENGTH) & (counts[own] < rows.most[own])
        if rules.max_length and position + step + 1 >= rules.max_length:
            stops[going] = Stop.CONTEXT
            break
        if not going.any():
            break
        if going[here].mean() <= _CROWDED:
            kept = np.flatnonzero(going[here])
            here, index = here[kept], torch.from_numpy(kept).to(device)
            drawn, forced = drawn.index_select(0, index), forced.index_select(0, index)
            past.keep(index)
        # What a line that has ended is fed is of no account, but it must be a token.
        logits = past.read(drawn.clamp(min=0)[:, None])
    return Decoded(tokens, counts, stops)


def _uniforms(words: Words, steps: Ints, scheme: SamplingScheme, device: torch.device) -> torch.Tensor:
    if scheme.greedy:
        return torch.empty(len(steps), device=device)
    return torch.from_numpy(uniforms(words, np.maximum(steps, 0))).to(device)
