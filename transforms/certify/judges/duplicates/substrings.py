"""Exact substrings of 50 tokens (Lee et al. 2022, ExactSubstr); own version.

Every run of 50 tokens that stood before in the corpus is cut out; the first stays. Tokens are words and marks, since no
vocabulary of subwords is at hand: 50 of them are some 65 tokens of a language model. Runs are compared by 64-bit
hashes, in place of a suffix array.
"""

import re
from array import array
from collections.abc import Iterator, Sequence

from transforms.certify.judges.remembered import remembered

SETTINGS = {"tokens": 50, "token": "a word or a mark"}

_TOKEN = re.compile(r"\w+|[^\w\s]")
_FACTOR = 0x9E3779B97F4A7C15
_NUMBERS: dict[str, int] = {}
_TOKENS: dict[bytes, "array[int]"] = {}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the runs that stood before."""
    import numpy as np

    length = int(str(SETTINGS["tokens"]))
    tokens_of = remembered(_tokens, _TOKENS)
    tokens = [tokens_of(text) for text in documents]
    starts = np.cumsum([0, *map(len, tokens)])
    own = np.concatenate([np.asarray(one, np.int32) for one in tokens] or [np.zeros(0, np.int32)])
    own = own.astype(np.uint64) * np.uint64(_FACTOR) + np.uint64(1)
    own ^= own >> np.uint64(29)
    runs = max(0, len(own) - length + 1)
    hashes = np.zeros(runs, np.uint64)
    for at in range(length):
        hashes = hashes * np.uint64(_FACTOR) + own[at : at + runs]
    document = np.searchsorted(starts, np.arange(runs), side="right") - 1
    inside = np.arange(runs) + length <= starts[document + 1]
    order = np.flatnonzero(inside)[np.argsort(hashes[inside], kind="stable")]
    again = order[1:][hashes[order[1:]] == hashes[order[:-1]]]
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


def _tokens(text: str) -> "array[int]":
    """The numbers of a text's tokens: equal ones have equal numbers."""
    return array("i", [_NUMBERS.setdefault(token, len(_NUMBERS)) for token in _TOKEN.findall(text)])


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
