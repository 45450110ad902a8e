"""What an attacker sees: the sentences of the planted corpus, and what the public program can make of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.words import WordHashes, words_of

_SENTENCE = re.compile(r"(?:[^.!?\n]|[.!?](?![\"')\].!?]*(?:\s|$)))*(?:[.!?]+[\"')\]]*|\n|$)")


@dataclass(frozen=True, repr=False)
class View:
    """n sentences of the corpus, document by document.

    Attributes:
        sentences: the texts.
        document: int64[n], the document of each.
        begin: int64[n], its first character in the document.
        perplexity: gives the perplexity of each sentence under a model of the other documents, float64[n].
        imitations: gives so many sentences that the public generator makes of this corpus.
    """

    sentences: Sequence[str]
    document: npt.NDArray[np.int64]
    begin: npt.NDArray[np.int64]
    perplexity: Callable[[], npt.NDArray[np.float64]]
    imitations: Callable[[int], Sequence[str]]

    def words(self) -> WordHashes:
        """The words of all sentences."""
        return words_of(pa.array(self.sentences, pa.large_string()))


def sentences_of(
    documents: Sequence[str],
) -> tuple[list[str], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All sentences of documents, the document of each and where it begins: int64[n] each. Lines end sentences, too."""
    sentences, document, begin = [], [], []
    for number, text in enumerate(documents):
        for found in _SENTENCE.finditer(text):
            own = found.group().strip()
            if own:
                sentences.append(own)
                document.append(number)
                begin.append(text.index(own, found.start()))
    return sentences, np.array(document, np.int64), np.array(begin, np.int64)


def runs(words: WordHashes, length: int) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int64]]:
    """Hashes of all runs of `length` words within a sentence, uint64[k], and the sentence of each, int64[k]."""
    total = len(words.hashes) - length + 1
    if total < 1:
        return np.empty(0, np.uint64), np.empty(0, np.int64)
    hashes = np.zeros(total, np.uint64)
    for at in range(length):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + words.hashes[at : at + total]
    owner = np.searchsorted(words.offsets, np.arange(total), side="right") - 1
    inside = np.arange(total) + length <= words.offsets[owner + 1]
    return hashes[inside], owner[inside]
