"""What a judge computes once in its process: of each text by itself, and from the documents that it is trained on.

A judge is shown several corpora, one after the other. They share most of their documents, and all those of training.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

Found = TypeVar("Found")

_KNOWN: dict[str, dict[bytes, Any]] = {}


def remembered(
    function: Callable[[str], Found], name: str, unless: Callable[[str], bool] | None = None
) -> Callable[[str], Found]:
    """The function of one text, which looks up what it gave, by the SHA-256 of the text, before it computes.

    Args:
        function: of a text alone; what it gives is not changed by whoever gets it.
        name: the same for every function that computes the same.
        unless: for which texts it is asked every time.
    """
    known: dict[bytes, Found] = _KNOWN.setdefault(name, {})

    def of(text: str) -> Found:
        if unless and unless(text):
            return function(text)
        key = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
        if key not in known:
            known[key] = function(text)
        return known[key]

    return of


def forget() -> None:
    """Forget what functions of texts gave: the judge that asked has seen all of its corpora."""
    for known in _KNOWN.values():
        known.clear()


def fitted_once(fit: Callable[[Sequence[str]], Found]) -> Callable[[Sequence[str]], Found]:
    """The function of the documents of training, which fits again only for another object than the last one."""
    last: list[tuple[Sequence[str], Found]] = []

    def of(corpus: Sequence[str]) -> Found:
        if not last or last[0][0] is not corpus:
            last[:] = [(corpus, fit(corpus))]
        return last[0][1]

    return of
