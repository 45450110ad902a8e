"""Exact substrings of 50 tokens (Lee et al. 2022, ExactSubstr); own version.

Every run of 50 tokens that stood before in the corpus is cut out; the first stays. Tokens are words and marks, since no
vocabulary of subwords is at hand: 50 of them are some 65 tokens of a language model. Runs are compared by 64-bit
hashes, in place of a suffix array.
"""

import re
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

from transforms.certify.judges.grams import stood_before
from transforms.certify.judges.remembered import remembered

SETTINGS = {"tokens": 50, "token": "a word or a mark"}

_TOKEN = re.compile(r"\w+|[^\w\s]")
_FACTOR = 0x9E3779B97F4A7C15
_NUMBERS: dict[str, int] = {}
_PARTS: dict[str, list[int]] = {}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the runs that stood before."""
    import numpy as np

    length = int(str(SETTINGS["tokens"]))
    tokens_of = remembered(_tokens, "substrings")
    tokens = [tokens_of(text) for text in documents]
    starts = np.cumsum([0, *map(len, tokens)])
    own = np.concatenate([np.asarray(one, np.int32) for one in tokens] or [np.zeros(0, np.int32)])
    own = own.astype(np.uint64) * np.uint64(_FACTOR) + np.uint64(1)
    own ^= own >> np.uint64(29)
    hashes = _runs(own, length)
    ends = np.repeat(starts[1:], np.diff(starts))[: len(hashes)]
    inside = np.flatnonzero(np.arange(len(hashes)) + length <= ends)
    again = inside[stood_before(hashes[inside])]
    change = np.zeros(len(own) + 1, np.int64)
    np.add.at(change, again, 1)
    np.add.at(change, again + length, -1)
    cut = np.cumsum(change[:-1]) > 0
    for at, text in enumerate(documents):
        low, high = starts[at], starts[at + 1]
        if not cut[low:high].any():
            yield text
            continue
        left = _without(text, [found.span() for found in _TOKEN.finditer(text)], cut[low:high].tolist())
        yield left if left.strip() else None


def _runs(tokens: Any, length: int) -> Any:
    """Hashes of all runs of so many tokens, from those of runs of one, two, four tokens and so on: uint64[k]."""
    import numpy as np

    hashes, done, some, size = np.zeros(len(tokens) + 1, np.uint64), 0, tokens, 1
    while size <= length:
        if length & size:
            many = max(0, len(tokens) + 1 - done - size)
            hashes = hashes[:many] * np.uint64(pow(_FACTOR, size, 1 << 64)) + some[done : done + many]
            done += size
        many = max(0, len(some) - size)
        some = some[:many] * np.uint64(pow(_FACTOR, size, 1 << 64)) + some[size : size + many]
        size *= 2
    return hashes


def _tokens(text: str) -> "array[int]":
    """The numbers of a text's tokens: equal ones have equal numbers. White space is no part of a token."""
    found = array("i")
    for part in text.split():
        own = _PARTS.get(part)
        if own is None:
            own = _PARTS[part] = [_NUMBERS.setdefault(token, len(_NUMBERS)) for token in _TOKEN.findall(part)]
        found.extend(own)
    return found


def _without(text: str, spans: Sequence[tuple[int, int]], cut: Sequence[bool]) -> str:
    """The text without the tokens that are cut and what stands between two of them."""
    parts, at, within = [], 0, False
    for (begin, end), one in zip(spans, cut, strict=True):
        if one and not within:
            parts.append(text[at:begin])
        if one:
            at = end
        within = one
    return "".join([*parts, text[at:]])
