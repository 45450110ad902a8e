"""What judges of datatrove share: its filters over documents, and its steps of deduplication one after the other."""

import contextlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_WORDS = 1 << 24
"""Words that spaCy may remember, more than any sample has."""
_BREAKS_SPACY = "IS_ALPHA"
"""Datatrove has a way of its own for texts with this word."""
_PARTS: dict[str, list[str]] = {}
_SEEN: set[str] = set()


def keep_words(*, sentences: bool = True) -> None:
    """Let datatrove's English tokenizer remember from text to text how spaCy takes a word apart.

    SpaCy splits at white space and remembers each part, but not in a memory zone, and datatrove opens one for each
    text: all words are taken apart anew, which is nine tenths of the time. Memory then grows with the number of
    different words, which a sample bounds. What comes out is the same.

    Args:
        sentences: whether the judge asks for sentences; if not, only what stands between white space is tokenized.
    """
    from datatrove.utils.typeshelper import Languages
    from datatrove.utils.word_tokenizers import load_word_tokenizer

    own = load_word_tokenizer(Languages.english)
    own.tokenizer.memory_zone = contextlib.nullcontext
    if not sentences:
        if "sentencizer" in own.tokenizer.pipe_names:
            own.tokenizer.disable_pipe("sentencizer")
        own.word_tokenize = words_by_parts(getattr(own.word_tokenize, "of_all", own.word_tokenize))
        return
    own.tokenizer.tokenizer.max_cache_size = _WORDS
    own._do_tokenize = _with_known_parts(  # noqa: SLF001 - what all of its methods call
        getattr(own._do_tokenize, "of_all", own._do_tokenize),  # noqa: SLF001
        own.tokenizer.tokenizer,
    )


def _with_known_parts(analyse: Callable[[str], Any], tokenize: Callable[[str], Any]) -> Callable[[str], Any]:
    """The analysis of a text whose parts spaCy has seen one by one.

    Of a text spaCy remembers nothing behind the first part that its list of special cases has, such as "don't".
    """

    def of(text: str) -> Any:
        for part in text.split():
            if part not in _SEEN:
                _SEEN.add(part)
                if _BREAKS_SPACY not in part:
                    tokenize(part)
        return analyse(text)

    of.of_all = analyse  # type: ignore[attr-defined]
    return of


def words_by_parts(tokenize: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """The words of a text from those of what white space parts, each of which is tokenized once in this process.

    SpaCy takes each part for itself, and datatrove drops white space that is a word.
    """

    def of(text: str) -> list[str]:
        if _BREAKS_SPACY in text:
            return tokenize(text)
        found: list[str] = []
        for part in text.split():
            words = _PARTS.get(part)
            if words is None:
                words = _PARTS[part] = tokenize(part)
            found += words
        return found

    of.of_all = tokenize  # type: ignore[attr-defined]
    return of


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
