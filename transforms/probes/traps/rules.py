"""What a candidate must be like, whatever made it: judged before any draw, blind to which one will be planted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from tokenizers import Tokenizer

from transforms.base.words import words_of
from transforms.probes.corpus.tokens import stable, tokens_of
from transforms.probes.traps.suitable import Form, misshapen, no_sentences

SEPARATORS = ("<|endoftext|>", "<|end_of_text|>", "<|begin_of_text|>", "<s>", "</s>", "[CLS]", "[SEP]", "\0", "\f")
"""What commonly separates the documents of a corpus."""


@dataclass(frozen=True)
class Rules:
    """The rules that need nothing but the candidate.

    Attributes:
        separators: texts that a candidate may not contain.
        tokenizers: those whose tokens must survive decoding and encoding.
        counting: the tokenizer by whose tokens candidates are compared; None for words.
        form: what a candidate is.
    """

    separators: tuple[str, ...] = SEPARATORS
    tokenizers: tuple[Tokenizer, ...] = ()
    counting: Tokenizer | None = None
    form: Form = "sentence"

    def broken(self, texts: pa.Array) -> list[tuple[str, npt.NDArray[np.bool_]]]:
        """For each rule its reason's name and which of the n texts break it: bool[n]."""
        series = pl.Series(texts, dtype=pl.String)
        found = [("shape", _bools(misshapen(series, self.form)))]
        if self.form == "sentence":
            found.append(("form", _bools(no_sentences(series))))
        found.append(("separator", _contains(texts, self.separators)))
        return found + [("unstable", ~stable(tokenizer, texts)) for tokenizer in self.tokenizers]

    def tokens(self, texts: pa.Array) -> tuple[npt.NDArray[np.generic], npt.NDArray[np.int64]]:
        """The tokens by which texts are compared: of `counting`, or words; and int64[n + 1] borders."""
        if self.counting is not None:
            tokens = tokens_of(self.counting, texts)
            return tokens.ids, tokens.offsets
        words = words_of(texts)
        return words.hashes, words.offsets


def _bools(series: pl.Series) -> npt.NDArray[np.bool_]:
    return np.asarray(series.to_numpy(), np.bool_)


def _contains(texts: pa.Array, separators: Sequence[str]) -> npt.NDArray[np.bool_]:
    out = np.zeros(len(texts), np.bool_)
    for separator in separators:
        out |= pc.match_substring(texts, separator).to_numpy(zero_copy_only=False)
    return out
