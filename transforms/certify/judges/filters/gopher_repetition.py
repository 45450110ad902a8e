"""Gopher's rules against repetition within a document (Rae et al. 2021), as datatrove has them.

Of most documents so little is repeated that no rule can apply: then datatrove's own count, a loop over all words for
each length of n-gram, is not made. What could be repeated at most is known from hashes of all n-grams at once.
"""

from collections.abc import Callable, Iterator, Sequence

from transforms.certify.judges.datatrove import filtered
from transforms.certify.judges.english import parts_of_texts
from transforms.certify.judges.repeats import Hashed

SETTINGS = {"filter": "GopherRepetitionFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters import gopher_repetition_filter as rules

    parts_of_texts()
    own = rules.GopherRepetitionFilter()
    grams = getattr(rules.get_n_grams, "of_all", rules.get_n_grams)
    duplicates = getattr(rules.find_all_duplicate, "of_all", rules.find_all_duplicate)
    words = Hashed()
    rules.get_n_grams = grams_that_matter(grams, dict(own.top_n_grams), words)
    rules.find_all_duplicate = repeated_that_matters(duplicates, dict(own.dup_n_grams), words)
    return filtered(own, documents)


def grams_that_matter(
    count: Callable[..., list[str]], shares: dict[int, float], hashed: Hashed
) -> Callable[..., list[str]]:
    """All n-grams of some words; none if the most frequent cannot make up more than its share of the text.

    The words of a text are parts of it that do not overlap, so that the text is at least as long as all of them.
    """

    def of(words: list[str], n: int) -> list[str]:
        own = hashed.repeats(words, " ")
        most = own.most_by_one(n)
        return count(words, n) if most and most >= shares[n] * own.characters else []

    of.of_all = count  # type: ignore[attr-defined]
    return of


def repeated_that_matters(count: Callable[..., int], shares: dict[int, float], hashed: Hashed) -> Callable[..., int]:
    """Characters of n-grams that stood before; 0 if they cannot make up more than their share of the text."""

    def of(words: list[str], n: int) -> int:
        own = hashed.repeats(words, "")
        most = own.most_by_all(n)
        return count(words, n) if most and most >= shares[n] * own.characters else 0

    of.of_all = count  # type: ignore[attr-defined]
    return of
