"""Sampling candidates from a causal language model: many at once, with a cache of keys and values, from BOS.

Nothing of this imports Beam: it also runs where only PyTorch is.
"""

import inspect
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from tokenizers import Tokenizer

from transforms.base.keyed import keyed
from transforms.probes.ngram.generator import Batch
from transforms.probes.traps.suitable import Form, in_prose, is_capital, is_plain, is_word_character

_SHORT_LADDER = tuple(step / 2 for step in range(1, 9))
_LONG_LADDER = tuple(step / 4 for step in range(2, 33))
_LONG = 100
_CPU_BATCH, _GPU_BATCH = 64, 2048


@dataclass(frozen=True)
class Allowed:
    """Which tokens may be sampled: bool[V] each, for the first place, the last, and any."""

    first: npt.NDArray[np.bool_]
    last: npt.NDArray[np.bool_]
    anywhere: npt.NDArray[np.bool_]


def allowed_tokens(tokenizer: Tokenizer, size: int, form: Form) -> Allowed:
    """Tokens that by themselves are plain text of one line: no special tokens, no pieces of characters.

    The first is one that stands for itself at the beginning of a text. Of lines it begins with a word character, and
    the last ends with one; of sentences it begins with a capital letter, the last is or ends with a mark, and all hold
    only what prose holds. What is not allowed is never sampled, which wastes less than to reject it afterwards.

    Args:
        tokenizer: the model's.
        size: V, of the model's output; tokens that the tokenizer does not know are not allowed.
        form: of the candidates.
    """
    known = min(size, tokenizer.get_vocab_size())
    alone = tokenizer.decode_batch([[token] for token in range(known)], skip_special_tokens=False)
    again = tokenizer.encode_batch_fast(alone, add_special_tokens=False)
    itself = np.array([one.ids == [token] for token, one in enumerate(again)], np.bool_)
    plain = np.array([bool(text) and is_plain(text) for text in alone], np.bool_)
    plain[[token for token in tokenizer.get_added_tokens_decoder() if token < known]] = False
    if form == "sentence":
        plain &= np.array([in_prose(text) for text in alone], np.bool_)
        begins = np.array([bool(text) and is_capital(text[0]) for text in alone], np.bool_)
        ends = np.array([text[-1:] in (".", "!", "?") and text[:1] != " " for text in alone], np.bool_)
    else:
        begins, ends = (
            np.array([bool(text) and is_word_character(text[at]) for text in alone], np.bool_) for at in (0, -1)
        )
    padding = (0, size - known)
    return Allowed(*(np.pad(one, padding) for one in (plain & itself & begins, plain & ends, plain)))


@torch.inference_mode()
def sample_tokens(
    model: Any, bos: int, temperatures: torch.Tensor, length: int, allowed: torch.Tensor, random: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Sample n sequences, each at its own temperature, step by step together.

    Args:
        model: a causal model of `transformers`.
        bos: the token before the first.
        temperatures: float32[n].
        length: tokens to sample.
        allowed: bool[3, V], for the first place, the last and those between.
        random: on the temperatures' device.

    Returns:
        int64[n, length] tokens, and float64[n] the mean of their log-probabilities under the model itself: at
        temperature 1, over all tokens. They are summed up while sampling; no sequence goes through the model again.
    """
    from transformers import DynamicCache

    n, device = len(temperatures), temperatures.device
    # Newer versions of transformers call it `cache`, and warn at the other name.
    name = "cache" if "cache" in inspect.signature(model.forward).parameters else "past_key_values"
    cache = {name: DynamicCache(config=model.config)}
    token = torch.full((n, 1), bos, dtype=torch.int64, device=device)
    ids = torch.empty((n, length), dtype=torch.int64, device=device)
    total = torch.zeros(n, dtype=torch.float64, device=device)
    for place in range(length):
        logits = model(input_ids=token, use_cache=True, **cache).logits[:, -1].float()
        of_all = logits.logsumexp(-1)
        mask = allowed[0 if place == 0 else 1 if place == length - 1 else 2]
        # The largest of logits with Gumbel noise is a sample of their softmax.
        noise = torch.empty_like(logits).exponential_(generator=random).clamp_min_(1e-30).log_()
        tempered = (logits / temperatures[:, None]).sub_(noise).masked_fill_(~mask, -torch.inf)
        token = tempered.argmax(-1, keepdim=True)
        total += logits.gather(1, token)[:, 0] - of_all
        ids[:, place] = token[:, 0]
    return ids, total / length


class LmGenerator:
    """Samples from a checkpoint on one device.

    Attributes:
        name: with version and the checkpoint's hash.
        model: on its device.
        tokenizer: the checkpoint's own.
        batch: sequences sampled at once; halved when the GPU's memory does not hold them.
    """

    def __init__(self, name: str, model: Any, tokenizer: Tokenizer, bos: int, key: bytes, form: Form) -> None:
        """Take a model in evaluation mode on its device, and the form of the candidates."""
        self.name, self.tokenizer = name, tokenizer
        self.model, self._bos, self._key = model, bos, key
        self._device = model.device
        size = model.get_output_embeddings().weight.shape[0]
        chosen = allowed_tokens(tokenizer, size, form)
        allowed = np.stack([chosen.first, chosen.last, chosen.anywhere])
        if not allowed.any(axis=1).all():
            raise ValueError(
                f"the tokenizer has no token that may begin a {form}, none that may end it, or none of plain text"
            )
        self._allowed = torch.from_numpy(allowed).to(self._device)
        self.batch = _CPU_BATCH if self._device.type == "cpu" else _GPU_BATCH

    def ladder(self, length: int) -> tuple[float, ...]:
        """Temperatures 0.5 to 4 in steps of 0.5; for long candidates 0.5 to 8 in steps of 0.25.

        As in Meeus et al. (2024), "Copyright traps for large language models".
        """
        return _LONG_LADDER if length >= _LONG else _SHORT_LADDER

    def supply(self, length: int) -> int | None:
        """No end of them."""
        del length
        return None

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        """Candidates by temperature; unfit are those that encode to other tokens than were sampled."""
        rungs = np.repeat(np.arange(len(counts)), counts)
        seed = keyed(self._key, "lm", length, *first.tolist(), *counts.tolist())
        random = torch.Generator(self._device).manual_seed(int.from_bytes(seed, "big") >> 1)
        temperatures = torch.tensor(self.ladder(length), dtype=torch.float32, device=self._device)[rungs]
        ids, log_probs = self._sampled(temperatures, length, random)
        texts = self.tokenizer.decode_batch(ids.tolist(), skip_special_tokens=False)
        again = self.tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        fit = np.array([one.ids == row for one, row in zip(again, ids.tolist(), strict=True)], np.bool_)
        array, perplexity = pa.array(texts, pa.large_string()), np.exp(-log_probs)
        out = []
        for rung in range(len(counts)):
            inside = np.flatnonzero(fit & (rungs == rung))
            unfit = int(counts[rung]) - len(inside)
            lengths = np.full(len(inside), length, np.int32)
            reasons = {"unstable": unfit} if unfit else {}
            out.append(Batch(array.take(pa.array(inside)), lengths, perplexity[inside], reasons))
        return out

    def _sampled(
        self, temperatures: torch.Tensor, length: int, random: torch.Generator
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        ids, log_probs = np.empty((len(temperatures), length), np.int64), np.empty(len(temperatures))
        at = 0
        while at < len(temperatures):
            rows = slice(at, min(at + self.batch, len(temperatures)))
            try:
                some, mean = sample_tokens(self.model, self._bos, temperatures[rows], length, self._allowed, random)
            except torch.OutOfMemoryError:
                if self.batch == 1:
                    raise
                self.batch //= 2
                torch.cuda.empty_cache()
                continue
            ids[rows], log_probs[rows] = some.cpu().numpy(), mean.cpu().numpy()
            at = rows.stop
        return ids, log_probs
