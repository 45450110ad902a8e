"""The embedded generator: text sampled from an n-gram model of the user's own corpus."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from transforms.base.streams import stream_key
from transforms.probes.ngram.generator import Batch
from transforms.probes.ngram.ngram_kernel import WORD, cumulative_weights, sample
from transforms.probes.ngram.ngram_model import ORDER, fit
from transforms.probes.ngram.pieces import sample_of, sentences, split, stretches

NAME = "ngram/2"
TEMPERATURES = (1.0, 1.02, 1.04, 1.07, 1.1)
_MOST_PIECES, _SMALL = 200_000, 1 << 20
_CHUNK = 512
_MOST_TOKENS = 6000
"""Tokens that are sampled at most in search of a text of the wanted length, besides 20 times that length."""


class NoSentencesError(ValueError):
    """The texts hold words, and no sentence of prose."""


class NgramGenerator:
    """Samples from a model fitted to texts.

    Attributes:
        name: with version.
        vocabulary: the pieces of which text is made.
        model: fitted to the sample.
        vocabulary_size: pieces of which text is made.
    """

    name = NAME

    def __init__(
        self, texts: pa.Array, key: bytes, tokenizer: Tokenizer | None, threads: int, *, as_sentences: bool = True
    ) -> None:
        """Fit the model.

        Args:
            texts: the sample: string or large_string, without nulls.
            key: of all random choices.
            tokenizer: candidates have so many of its tokens; without one, so many words and punctuation marks.
            threads: that sample at once; they do not change what is sampled.
            as_sentences: candidates are whole sentences, sampled from the corpus's sentences; otherwise stretches of
                words and marks that begin and end with a word.

        Raises:
            ValueError: if there are no words in the texts; `NoSentencesError` if there are no sentences.
        """
        # In a large sample what occurs once is mostly a slip or an identifier; in a small one there is little else.
        found = sample_of(split(texts), _MOST_PIECES, 2 if texts.nbytes > _SMALL else 1)
        self.vocabulary = found.vocabulary
        if not (self.vocabulary.kinds & WORD).any():
            raise ValueError("the sample of the corpus holds no words: give more of it, or text of another kind")
        ids = sentences(found) if as_sentences else stretches(found)
        if not (ids > 0).any():
            raise NoSentencesError(
                "the sample of the corpus holds no sentence of prose that begins with a capital letter (in scripts "
                "that have them) and ends with a mark such as a full stop"
            )
        self.model = fit(ids, len(self.vocabulary) - 1)
        self._key, self._threads, self._as_sentences = key, threads, as_sentences
        self._tokenizer = tokenizer
        self.vocabulary_size = len(self.vocabulary) - 1
        self._cost = self._first_cost = np.ones(len(self.vocabulary), np.int64)
        if tokenizer is not None:
            # A piece takes one token or more: only of nothing does a tokenizer make none.
            self._cost = np.maximum(_token_counts(tokenizer, self.vocabulary.spaced), 1)
            self._first_cost = np.maximum(_token_counts(tokenizer, pc.utf8_ltrim_whitespace(self.vocabulary.spaced)), 1)

    def ladder(self, length: int) -> tuple[float, ...]:
        """The same for all lengths."""
        del length
        return TEMPERATURES

    def supply(self, length: int) -> int | None:
        """No end of them."""
        del length
        return None

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        """Candidates of exactly that length; what was sampled and does not have it is unfit for "length"."""
        return [self._sample(length, rung, int(first[rung]), int(counts[rung])) for rung in range(len(counts))]

    def _sample(self, length: int, rung: int, first: int, count: int) -> Batch:
        ids, pieces, log_probs = self._sequences(length, rung, first, count)
        fits = pieces > 0
        ids, log_probs, pieces = ids[fits], log_probs[fits], pieces[fits]
        texts = self.vocabulary.join(ids, pieces)
        perplexity = np.exp(-log_probs / np.maximum(pieces, 1))
        if self._tokenizer is not None:
            # Counts of single pieces say where a text may end; only the whole text's count says that it was right.
            right = _token_counts(self._tokenizer, texts) == length
            texts, perplexity = texts.filter(pa.array(right)), perplexity[right]
        unfit = count - len(texts)
        lengths = np.full(len(texts), length, np.int32)
        return Batch(texts, lengths, perplexity, {"length": unfit} if unfit else {})

    def _sequences(
        self, length: int, rung: int, first: int, count: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Texts number `first` and on: ids [count, length], their pieces and log-probabilities, [count] each."""
        model, exponent = self.model, 1 / TEMPERATURES[rung]
        weights = cumulative_weights(model.begin, model.end, model.mass, exponent)
        everything = np.array([len(model.alone)], np.int64)
        alone = cumulative_weights(np.zeros(1, np.int64), everything, model.alone, exponent)
        tempered = model.back_off**exponent
        own = stream_key(self._key, "sample", length, rung)
        ids, pieces, log_probs = np.empty((count, length), np.int32), np.empty(count, np.int64), np.empty(count)
        most = _MOST_TOKENS + 20 * length

        def run(at: int) -> None:
            rows = slice(at, min(at + _CHUNK, count))
            sample(
                model.begin, model.end, model.total, model.back_off, model.piece, model.mass, model.child, model.alone,
                weights, tempered, alone, ORDER, self.vocabulary.kinds, self._as_sentences, self._cost,
                self._first_cost, own, first + at, most, ids[rows], pieces[rows], log_probs[rows],
            )  # fmt: skip

        with ThreadPoolExecutor(self._threads) as pool:
            list(pool.map(run, range(0, count, _CHUNK)))
        return ids, pieces, log_probs


def _token_counts(tokenizer: Tokenizer, texts: pa.Array) -> npt.NDArray[np.int64]:
    encoded = tokenizer.encode_batch_fast(texts.to_pylist(), add_special_tokens=False)
    return np.fromiter((len(one) for one in encoded), np.int64, len(encoded))
