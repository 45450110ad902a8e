"""What judges of datatrove share: its filters over documents, and its steps of deduplication one after the other."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_WORDS = 1 << 24
"""Words that spaCy may remember, more than any sample has."""


def keep_words(*, sentences: bool = True) -> None:
    """Let datatrove's English tokenizer remember from text to text how spaCy takes a word apart.

    SpaCy splits at white space and remembers each part, but not in a memory zone, and datatrove opens one for each
    text: all words are taken apart anew, which is nine tenths of the time. Memory then grows with the number of
    different words, which a sample bounds. What comes out is the same.

    Args:
        sentences: whether the judge asks for sentences; words do not need the step that finds them.
    """
    from datatrove.utils.typeshelper import Languages
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    language = load_word_tokenizer(Languages.english).tokenizer
    language.memory_zone = contextlib.nullcontext
    language.tokenizer.max_cache_size = _WORDS
    if not sentences and "sentencizer" in language.pipe_names:
        language.disable_pipe("sentencizer")


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
