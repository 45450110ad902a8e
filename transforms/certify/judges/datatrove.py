"""What judges of datatrove share: its filters over documents, and its steps of deduplication one after the other."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any


def documents_of(texts: Sequence[str]) -> Iterator[Any]:
    """The documents as datatrove takes them, with their numbers as ids."""
    from datatrove.data import Document

    return (Document(text=text, id=str(number)) for number, text in enumerate(texts))


def filtered(judge: Any, texts: Sequence[str]) -> Iterator[str | None]:
    """What a filter leaves of each document."""
    for document in documents_of(texts):
        verdict = judge.filter(document)
        kept = verdict[0] if isinstance(verdict, tuple) else verdict
        yield document.text if kept else None


def deduplicated(
    texts: Sequence[str], before: Sequence[Callable[[Path], Any]], last: Callable[[Path], Any]
) -> Iterator[str | None]:
    """What a pipeline leaves of each document.

    Args:
        texts: a corpus.
        before: makes the steps before the last, each from the folder in which they leave files for the next.
        last: makes the step that filters the documents.
    """
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        for make in before:
            list(make(folder).run(documents_of(texts), 0, 1) or ())
        kept = {document.id: document.text for document in last(folder).run(documents_of(texts), 0, 1)}
    yield from (kept.get(str(number)) for number in range(len(texts)))
