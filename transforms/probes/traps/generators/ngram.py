"""The embedded generator: text sampled from a trigram model of the user's own corpus."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from transforms.base.streams import stream_key
from transforms.probes.traps.generators.generator import Batch
from transforms.probes.traps.generators.ngram_kernel import Tempered, cumulative_weights, sample
from transforms.probes.traps.generators.ngram_model import Continuations, fit
from transforms.probes.traps.generators.pieces import split, vocabulary

NAME = "ngram/1"
TEMPERATURES = (1.0, 1.15, 1.3, 1.5, 1.75)
_MOST_PIECES, _SMALL = 200_000, 1 << 20
_CHUNK = 512


class NgramGenerator:
    """Samples from a model fitted to texts.

    Attributes:
        name: with version.
        vocabulary_size: pieces of which text is made.
    """

    name = NAME

    def __init__(self, texts: pa.Array, key: bytes, tokenizer: Tokenizer | None, threads: int) -> None:
        """Fit the model.

        Args:
            texts: the sample: string or large_string, without nulls.
            key: of all random choices.
            tokenizer: candidates have so many of its tokens; without one, so many words and punctuation marks.
            threads: that sample at once; they do not change what is sampled.

        Raises:
            ValueError: if there are no words in the texts.
        """
        # In a large sample what occurs once is mostly a slip or an identifier; in a small one there is little else.
        self._vocabulary, ids = vocabulary(split(texts), _MOST_PIECES, 2 if texts.nbytes > _SMALL else 1)
        if not self._vocabulary.is_word.any():
            raise ValueError("the sample of the corpus holds no words: give more of it, or text of another kind")
        self._model = fit(ids, len(self._vocabulary) - 1)
        self._key, self._threads = key, threads
        self._tokenizer = tokenizer
        self.vocabulary_size = len(self._vocabulary) - 1
        if tokenizer is not None:
            self._in_text = _token_counts(tokenizer, self._vocabulary.spaced)
            self._at_start = _token_counts(tokenizer, pc.utf8_ltrim_whitespace(self._vocabulary.spaced))

    def ladder(self, length: int) -> tuple[float, ...]:
        """The same for all lengths."""
        del length
        return TEMPERATURES

    def supply(self, length: int) -> int | None:
        """No end of them."""
        del length
        return None

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        """Candidates of exactly that length; those that no cut gives it are unfit for "length"."""
        return [self._sample(length, rung, int(first[rung]), int(counts[rung])) for rung in range(len(counts))]

    def _sample(self, length: int, rung: int, first: int, count: int) -> Batch:
        ids, log_probs = self._sequences(length, rung, first, count)
        cut = np.full(count, length, np.int64) if self._tokenizer is None else self._cut(ids, length)
        fits = cut > 0
        ids, log_probs, cut = ids[fits], log_probs[fits], cut[fits]
        texts = self._vocabulary.join(ids, cut)
        inside = np.arange(length) < cut[:, None]
        perplexity = np.exp(-np.where(inside, log_probs, 0).sum(axis=1, dtype=np.float64) / cut)
        if self._tokenizer is not None:
            # Counts of single pieces say where to cut; only the whole text's count says that it was right.
            right = _token_counts(self._tokenizer, texts) == length
            texts, perplexity = texts.filter(pa.array(right)), perplexity[right]
        unfit = count - len(texts)
        lengths = np.full(len(texts), length, np.int32)
        return Batch(texts, lengths, perplexity, {"length": unfit} if unfit else {})

    def _cut(self, ids: npt.NDArray[np.int32], length: int) -> npt.NDArray[np.int64]:
        """After how many pieces a row has `length` tokens and ends with a word; 0 if it never does."""
        counts = self._in_text[ids]
        counts[:, 0] = self._at_start[ids[:, 0]]
        good = (np.cumsum(counts, axis=1) == length) & self._vocabulary.is_word[ids]
        return np.where(good.any(axis=1), good.argmax(axis=1) + 1, 0)

    def _sequences(
        self, length: int, rung: int, first: int, count: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
        """Ids and log-probabilities of sequences number `first` and on: [count, length] each."""
        model, exponent = self._model, 1 / TEMPERATURES[rung]
        two, one = _tempered(model.after_two, exponent), _tempered(model.after_one, exponent)
        alone = cumulative_weights(np.array([0, len(model.alone)], np.int64), model.alone, exponent)
        own = stream_key(self._key, "sample", length, rung)
        ids, log_probs = np.empty((count, length), np.int32), np.empty((count, length), np.float32)

        def run(at: int) -> None:
            rows = slice(at, min(at + _CHUNK, count))
            sample(
                model.context_start, model.context_last, two, one, model.alone, alone, self._vocabulary.is_word,
                own, first + at, ids[rows], log_probs[rows],
            )  # fmt: skip

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(run, range(0, count, _CHUNK)))
        return ids, log_probs


def _tempered(order: Continuations, exponent: float) -> Tempered:
    back_off = order.back_off
    weights = cumulative_weights(order.start, order.mass, exponent)
    return Tempered(order.start, order.piece, order.mass, order.total, back_off, weights, back_off**exponent)


def _token_counts(tokenizer: Tokenizer, texts: pa.Array) -> npt.NDArray[np.int64]:
    encoded = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
    return np.fromiter((len(one) for one in encoded), np.int64, len(encoded))
