"""What a judge computes once in its process: of each text by itself, and from the documents that it is trained on.

A judge is shown several corpora, one after the other. They share most of their documents, and all those of training.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeVar

Found = TypeVar("Found")


def remembered(function: Callable[[str], Found], known: dict[bytes, Found]) -> Callable[[str], Found]:
    """The function of one text, which looks in `known`, by the SHA-256 of the text, before it computes.

    Args:
        function: of a text alone; what it gives is not changed by whoever gets it.
        known: what it gave so far; the same for every function that computes the same.
    """

    def of(text: str) -> Found:
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if key not in known:
            known[key] = function(text)
        return known[key]

    return of


def fitted_once(fit: Callable[[Sequence[str]], Found]) -> Callable[[Sequence[str]], Found]:
    """The function of the documents of training, which fits again only for another object than the last one."""
    last: list[tuple[Sequence[str], Found]] = []

    def of(corpus: Sequence[str]) -> Found:
        if not last or last[0][0] is not corpus:
            last[:] = [(corpus, fit(corpus))]
        return last[0][1]

    return of
