"""Gopher's rules against repetition within a document (Rae et al. 2021), as datatrove has them.

Of most documents so little is repeated that no rule can apply: then datatrove's own count, a loop over all words for
each length of n-gram, is not made. What could be repeated at most is known from hashes of all n-grams at once.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from transforms.certify.judges.datatrove import filtered, keep_words

SETTINGS = {"filter": "GopherRepetitionFilter, defaults"}

_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters import gopher_repetition_filter as rules

    keep_words(sentences=False)
    own = rules.GopherRepetitionFilter()
    grams = getattr(rules.get_n_grams, "of_all", rules.get_n_grams)
    repeated = getattr(rules.find_all_duplicate, "of_all", rules.find_all_duplicate)
    rules.get_n_grams = grams_that_matter(grams, dict(own.top_n_grams))
    rules.find_all_duplicate = repeated_that_matters(repeated, dict(own.dup_n_grams))
    return filtered(own, documents)


def grams_that_matter(count: Callable[..., list[str]], shares: dict[int, float]) -> Callable[..., list[str]]:
    """All n-grams of some words; none if the most frequent cannot make up more than its share of the text.

    The words of a text are parts of it that do not overlap, so that the text is at least as long as all of them.
    """

    def of(words: list[str], n: int) -> list[str]:
        hashes, lengths = _grams(words, n, " ")
        enough = len(hashes) and _most_by_one(hashes, lengths) >= shares[n] * sum(map(len, words))
        return count(words, n) if enough else []

    of.of_all = count  # type: ignore[attr-defined]
    return of


def repeated_that_matters(count: Callable[..., int], shares: dict[int, float]) -> Callable[..., int]:
    """Characters of n-grams that stood before; 0 if they cannot make up more than their share of the text."""

    def of(words: list[str], n: int) -> int:
        hashes, lengths = _grams(words, n, "")
        enough = len(hashes) and _most_by_all(hashes, lengths) >= shares[n] * sum(map(len, words))
        return count(words, n) if enough else 0

    of.of_all = count  # type: ignore[attr-defined]
    return of


def _grams(words: Sequence[str], n: int, between: str) -> tuple[Any, Any]:
    """Hashes and lengths of all n-grams, joined: uint64[k], int64[k]. Equal n-grams have equal hashes."""
    import numpy as np

    if len(words) < n:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    codes = np.frombuffer((between.join(words) + between).encode("utf-32-le", "surrogatepass"), np.uint32)
    starts = np.cumsum([0, *(len(word) + len(between) for word in words)])
    begin, end = starts[:-n], starts[n:] - len(between)
    begin = begin[: len(words) - n + 1]
    powers = np.cumprod(np.full(len(codes), _BASE, np.uint64))
    sums = np.concatenate([np.zeros(1, np.uint64), np.cumsum(codes * powers)])
    back = np.cumprod(np.full(len(codes), pow(_BASE, -1, _MODULUS), np.uint64))
    return (sums[end] - sums[begin]) * back[begin], end - begin


def _most_by_one(hashes: Any, lengths: Any) -> int:
    """No n-gram makes up more characters than this."""
    import numpy as np

    _, which, times = np.unique(hashes, return_inverse=True, return_counts=True)
    return int((times[which] * lengths).max())


def _most_by_all(hashes: Any, lengths: Any) -> int:
    """N-grams that stood before do not make up more characters than this. Those of one hash are taken for equal."""
    import numpy as np

    _, first = np.unique(hashes, return_index=True)
    return int(lengths.sum() - lengths[first].sum())
