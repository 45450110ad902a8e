"""Continuations of prompts by a causal language model: greedy or sampled, batched, each a function of its own row.

Which rows share a batch changes speed and the rounding of the model's arithmetic, nothing else: no row is padded,
random numbers belong to (seed, sequence id, sample, place of the token), and sums over the vocabulary are in double
precision. In bfloat16 on a GPU rounding may still let two nearly equal logits change places; float32 keeps them apart.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer

from transforms.base.texts import Ragged, offsets_of
from transforms.scoring.generation.decoding import Decoded, Rows, decode
from transforms.scoring.generation.keyed_uniforms import identity_words
from transforms.scoring.generation.sampling import SamplingScheme
from transforms.scoring.generation.stop import Stop, StopRules, before_stop_string
from transforms.scoring.metrics.inputs import Ints


@dataclass(frozen=True)
class GenerationSettings:
    """How prompts are continued.

    Attributes:
        scheme: greedy, or how tokens are drawn.
        samples: continuations of each prompt; 1 if greedy.
        seed: of the random numbers, 0 to 2**64 - 1.
        eos_ids: token ids that end a continuation; none of them is part of it.
        stop_strings: texts that end a continuation.
        batch_tokens: tokens of prompts and continuations in the KV cache of a batch; halved where memory ends.
        spread: how many tokens longer than the shortest prompt of a batch another one may be. Each is one step more,
            and a batch of its own would be as many steps as tokens are produced: so many are allowed by default.

    Raises:
        ValueError: if a value is out of range.
    """

    scheme: SamplingScheme = field(default_factory=SamplingScheme)
    samples: int = 1
    seed: int = 0
    eos_ids: tuple[int, ...] = ()
    stop_strings: tuple[str, ...] = ()
    batch_tokens: int = 65_536
    spread: int | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        if self.samples < 1 or (self.scheme.greedy and self.samples > 1):
            raise ValueError(f"samples: {self.samples}, expected 1 or more, and 1 if greedy: all would be equal")
        if self.batch_tokens < 1 or (self.spread is not None and self.spread < 0):
            raise ValueError(
                f"batch_tokens {self.batch_tokens} and spread {self.spread}: expected 1 or more, 0 or more"
            )
        if not all(self.stop_strings):
            raise ValueError("stop_strings: an empty one would stop everything; leave it out")


@dataclass(frozen=True)
class Continuations:
    """What was produced, `samples` rows a prompt: those of prompt i are rows `i * samples` to `(i + 1) * samples - 1`.

    Attributes:
        tokens: int64 ids of n * samples rows, prompts not included.
        stops: uint8[n * samples], why each row ended (`Stop`).
        samples: rows of each prompt.
        decoded: rows that went through the model: equal greedy prompts are decoded once.
    """

    tokens: Ragged
    stops: npt.NDArray[np.uint8]
    samples: int
    decoded: int

    def texts(self, tokenizer: Tokenizer, stop_strings: tuple[str, ...] = ()) -> list[str]:
        """The rows as text, without special tokens and without a stop string and what follows it."""
        values, offsets = self.tokens.values.tolist(), self.tokens.offsets.tolist()
        rows = [values[begin:end] for begin, end in itertools.pairwise(offsets)]
        return [before_stop_string(one, stop_strings) for one in tokenizer.decode_batch(rows, skip_special_tokens=True)]


def generate(
    model: Any,
    prompts: Ragged,
    identities: Sequence[str],
    max_tokens: int | Ints,
    settings: GenerationSettings,
    tokenizer: Tokenizer | None = None,
    max_length: int = 0,
) -> Continuations:
    """Continue every prompt.

    Args:
        model: a causal language model of transformers, in evaluation mode, on any device.
        prompts: int64 ids of n prompts, with a begin-of-sequence token where the model is to see one.
        identities: id of each prompt's sequence: the random numbers are a function of it.
        max_tokens: most tokens of a continuation, for all prompts or int64[n].
        settings: how to continue.
        tokenizer: decodes tokens; needed for stop strings.
        max_length: the model's context, prompt and continuation together; 0 for no bound.

    A prompt that is empty, or fills the context by itself, has an empty continuation and a stop that says so.

    Raises:
        ValueError: if the arguments do not agree, or as `decode`.
    """
    most = np.broadcast_to(np.asarray(max_tokens, np.int64), (len(prompts),))
    if len(identities) != len(prompts):
        raise ValueError(f"{len(identities)} identities for {len(prompts)} prompts")
    if np.any(most < 0):
        raise ValueError(f"max_tokens: {int(most.min())}, expected 0 or more")
    if settings.stop_strings and tokenizer is None:
        raise ValueError("stop_strings need the tokenizer that decodes tokens to text")
    rules = StopRules(settings.eos_ids, settings.stop_strings, tokenizer, max_length)
    work = _Work.of(prompts, identities, most, settings, max_length)
    results: list[Decoded] = []
    for batch in work.batches(settings):
        results += _decode_halving(model, batch, settings.scheme, rules)
    return work.gathered(results, settings.samples)


@dataclass(frozen=True)
class _Work:
    """The rows that are to be decoded, each once, in the order of their prompts' lengths; and whose they are.

    Attributes:
        prompts: all prompts.
        prompt: int64[rows], the prompt of each row.
        most: int64[rows].
        words: uint64[rows, 4].
        row_of: int64[n * samples], the row that holds each wanted continuation; -1 if there is none.
        wanted: int64[n * samples], most tokens of each wanted continuation.
        stops: uint8[n * samples], the stop of those that have no row.
    """

    prompts: Ragged
    prompt: Ints
    most: Ints
    words: npt.NDArray[np.uint64]
    row_of: Ints
    wanted: Ints
    stops: npt.NDArray[np.uint8]

    @classmethod
    def of(
        cls, prompts: Ragged, identities: Sequence[str], most: Ints, settings: GenerationSettings, max_length: int
    ) -> "_Work":
        lengths, samples = prompts.lengths, settings.samples
        stops = np.full(len(prompts), Stop.LENGTH, np.uint8)
        if max_length:
            stops[lengths >= max_length] = Stop.CONTEXT
        stops[lengths == 0] = Stop.EMPTY
        able = np.flatnonzero((stops == Stop.LENGTH) & (most > 0))
        able = able[np.argsort(lengths[able], kind="stable")]
        # The first of equal prompts stands for all of them where nothing is drawn.
        stands_for = _first_of_equals(prompts, able) if settings.scheme.greedy else np.arange(len(able))
        chosen, of_able = np.unique(stands_for, return_inverse=True)
        longest = np.zeros(len(chosen), np.int64)
        np.maximum.at(longest, of_able, most[able])
        prompt = np.repeat(able[chosen], samples)
        drawn = (
            ()
            if settings.scheme.greedy
            else ((identities[one], at) for one in prompt[::samples] for at in range(samples))
        )
        words = identity_words(settings.seed, drawn)
        row_of = np.full((len(prompts), samples), -1, np.int64)
        row_of[able] = of_able[:, None] * samples + np.arange(samples)
        return cls(
            prompts,
            prompt,
            np.repeat(longest, samples),
            words if len(words) else np.zeros((len(prompt), 4), np.uint64),
            row_of.ravel(),
            np.repeat(most, samples),
            np.repeat(stops, samples),
        )

    def batches(self, settings: GenerationSettings) -> Iterator[Rows]:
        """Cut the rows into batches: few enough tokens in each, and prompts of nearly one length."""
        lengths = self.prompts.lengths[self.prompt]
        begin = 0
        while begin < len(lengths):
            most = begin + settings.batch_tokens // int(lengths[begin]) + 1
            spread = int(self.most[begin]) if settings.spread is None else settings.spread
            near = min(most, int(np.searchsorted(lengths, lengths[begin] + spread, "right")))
            tokens = np.maximum.accumulate(lengths[begin:near] + self.most[begin:near]) * np.arange(1, near - begin + 1)
            end = begin + max(1, int(np.searchsorted(tokens, settings.batch_tokens, "right")))
            yield self._rows(begin, end)
            begin = end

    def _rows(self, begin: int, end: int) -> Rows:
        whose = self.prompt[begin:end]
        first = np.concatenate(([True], whose[1:] != whose[:-1]))
        prompts, prompt_of = whose[first], np.cumsum(first) - 1
        picked = self.prompts.take(prompts)
        table = np.zeros((len(prompts), int(picked.lengths.max())), np.int64)
        table[np.arange(table.shape[1]) < picked.lengths[:, None]] = picked.values
        return Rows(table, picked.lengths, prompt_of, self.most[begin:end], self.words[begin:end])

    def gathered(self, results: Sequence[Decoded], samples: int) -> Continuations:
        """Give each wanted continuation its row's tokens, cut to what it may have."""
        counts = np.concatenate([np.empty(0, np.int64), *(one.counts for one in results)])
        ends = np.concatenate([np.empty(0, np.uint8), *(one.stops for one in results)])
        values = [one.tokens[np.arange(one.tokens.shape[1]) < one.counts[:, None]] for one in results]
        produced = Ragged(np.concatenate([np.empty(0, np.int64), *values]), offsets_of(counts))
        there = self.row_of >= 0
        rows, stops = self.row_of[there], self.stops.copy()
        # A row decoded further for another's sake ends, for this one, at its own length.
        cut = (counts[rows] > self.wanted[there]) | ((counts[rows] == self.wanted[there]) & (ends[rows] != Stop.STRING))
        stops[there] = np.where(cut, Stop.LENGTH, ends[rows])
        lengths = np.zeros(len(stops), np.int64)
        taken = produced.take(rows, self.wanted[there])
        lengths[there] = taken.lengths
        return Continuations(Ragged(taken.values, offsets_of(lengths)), stops, samples, len(self.prompt))


def _first_of_equals(prompts: Ragged, which: Ints) -> Ints:
    first: dict[bytes, int] = {}
    values, offsets = np.ascontiguousarray(prompts.values, np.int64), prompts.offsets
    return np.array(
        [first.setdefault(values[offsets[one] : offsets[one + 1]].tobytes(), at) for at, one in enumerate(which)],
        np.int64,
    )


def _decode_halving(model: Any, rows: Rows, scheme: SamplingScheme, rules: StopRules) -> list[Decoded]:
    """Decode a batch; where memory ends, half of it at a time."""
    try:
        return [decode(model, rows, scheme, rules)]
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    # Outside the handler: the error's traceback would hold the failed batch in memory.
    torch.cuda.empty_cache()
    first, second = rows.halves()
    return _decode_halving(model, first, scheme, rules) + _decode_halving(model, second, scheme, rules)
