"""The words of candidates that may be replaced, and the words that may stand in for them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tokenizers import Tokenizer

from transforms.base.words import IN_WORD, PARTS_WORDS, word_table, words_of
from transforms.probes.ngram.pieces import are_words, split, stands_alone
from transforms.probes.traps.families.promise import borders

_CLASSES = 8
_CATEGORIES = {"Ll": 1, "Lu": 2, "Lt": 2, "Lo": 3, "Lm": 3, "Nd": 4}


@dataclass(frozen=True)
class Place:
    """A word of a text.

    Attributes:
        text: number of the text.
        start: its first character.
        end: behind its last.
        block: the block of tokens in which it lies.
        group: what a word in its place must have, from `group_of`.
        before: the piece that stands before it.
        after: the piece that stands behind it; "" at the end of the text.
    """

    text: int
    start: int
    end: int
    block: int
    group: int
    before: str
    after: str


def group_of(cost: int, first: str) -> int:
    """What words that stand in for each other have in common: number of tokens, and kind of the first character."""
    return cost * _CLASSES + _CATEGORIES.get(unicodedata.category(first), 0)


def costs_of(words: pa.Array, counting: Tokenizer | None) -> npt.NDArray[np.int64]:
    """Tokens of each word inside a text, int64[n]: of `counting`, or words as `transforms.base.words` counts them."""
    if counting is None:
        return np.diff(words_of(words).offsets)
    apart = stands_alone(words)
    texts = [word if alone else f" {word}" for word, alone in zip(words.to_pylist(), apart, strict=True)]
    found = counting.encode_batch_fast(texts, add_special_tokens=False)
    return np.fromiter((len(one) for one in found), np.int64, len(found))


def places_in(texts: pa.Array, blocks: int, counting: Tokenizer | None) -> list[Place]:
    """The words of n texts that lie in one block and share no token with another word; not the first word of a text.

    Args:
        texts: large_string[n].
        blocks: R, into which each text's tokens are divided.
        counting: whose tokens; None for words.
    """
    strings = texts.to_pylist()
    found = split(texts)
    flags = are_words(found)
    spans = _spans(strings, counting)
    places: list[Place] = []
    text = at = 0
    parts: list[tuple[int, str, bool]] = []
    for piece, is_word in zip(found.to_list(), flags.tolist(), strict=True):
        if piece == "":
            places += _of_text(text, parts, spans[text], blocks)
            text, at, parts = text + 1, 0, []
            continue
        start = strings[text].index(piece, at)
        at = start + len(piece)
        parts.append((start, piece, is_word))
    return places


def _of_text(text: int, parts: list[tuple[int, str, bool]], spans: npt.NDArray[np.int64], blocks: int) -> list[Place]:
    edges = np.array(borders(len(spans), blocks))
    places = []
    for number, (start, piece, is_word) in enumerate(parts):
        if not is_word or number == 0:
            continue
        end = start + len(piece)
        own = np.flatnonzero((spans[:, 0] < end) & (spans[:, 1] > start))
        if not len(own) or (spans[own, 1] > end).any() or (spans[own, 0] < start).any():
            continue
        block = int(np.searchsorted(edges, own[0], side="right")) - 1
        if own[-1] >= edges[block + 1]:
            continue
        before, after = (_plain(*parts[at][1:]) if at < len(parts) else "" for at in (number - 1, number + 1))
        places.append(Place(text, start, end, block, group_of(len(own), piece[0]), before, after))
    return places


def _plain(piece: str, is_word: bool) -> str:
    """A piece as the vocabulary has it: a mark without what closes behind it."""
    return piece if is_word else piece.rstrip()[:1]


def _spans(strings: Sequence[str], counting: Tokenizer | None) -> list[npt.NDArray[np.int64]]:
    """First character and end of each token of each text, without white space at its ends: int64[tokens, 2]."""
    if counting is None:
        return [_word_spans(text) for text in strings]
    spans = []
    for text, one in zip(strings, counting.encode_batch(list(strings), add_special_tokens=False), strict=True):
        own = []
        for first, end in one.offsets:
            token = text[first:end]
            own.append((first + len(token) - len(token.lstrip()), end - len(token) + len(token.rstrip())))
        spans.append(np.array(own, np.int64).reshape(-1, 2))
    return spans


def _word_spans(text: str) -> npt.NDArray[np.int64]:
    kinds = (word_table()[[ord(one) for one in text]] & 3).astype(np.int64)
    before = np.append(PARTS_WORDS, kinds[:-1])
    begins = np.flatnonzero((kinds != PARTS_WORDS) & ((kinds != IN_WORD) | (before != IN_WORD)))
    behind = np.append(kinds[1:], PARTS_WORDS)
    ends = np.flatnonzero((kinds != PARTS_WORDS) & ((kinds != IN_WORD) | (behind != IN_WORD))) + 1
    return np.column_stack([begins, ends])
