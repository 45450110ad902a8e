"""Extraction of the main text of a page by trafilatura, through datatrove's extractor without an address.

Documents are text already: each is put into a page of its own, one paragraph of HTML for each of its paragraphs.
Trafilatura's own removal of segments that it has seen before is on, as datatrove has it, and remembers from document
to document.
"""

import hashlib
import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

SETTINGS = {"favour_precision": True, "deduplicate": True, "html": "a paragraph for each paragraph of the text"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The text that is extracted."""
    from datatrove.pipeline.extractors import Trafilatura
    from trafilatura.meta import reset_caches

    reset_caches()  # what it remembers of another corpus
    extractor, extraction = Trafilatura(), _extraction()
    for text in documents:
        yield extraction.of(text, lambda text: extractor.extract(_page(text)) or None)


def _page(text: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(one)}</p>\n" for one in text.split("\n\n") if one.strip())
    return f"<html><head><title></title></head><body><article>\n{paragraphs}</article></body></html>"


@dataclass(frozen=True)
class _Asked:
    """A segment that was looked up: its text, how often it may have been seen before, None for any; what was said."""

    segment: str
    most: int | None
    repeated: bool


class Extraction:
    """Extraction of documents that is made again only where what was said of their segments is another.

    What is extracted follows from the document and from which of its segments have been seen too often. A document that
    was extracted before has its segments counted again, in the same order.

    Args:
        count: counts a segment, and gives how often it was seen before.
    """

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._known: dict[bytes, tuple[list[_Asked], str | None]] = {}
        self._asked: list[_Asked] = []
        self._given: Iterator[_Asked] = iter(())

    def of(self, text: str, extract: Callable[[str], str | None]) -> str | None:
        """What is extracted of a text."""
        key = hashlib.sha256(text.encode()).digest()
        before, extracted = self._known.get(key, ([], None))
        given: list[_Asked] = []
        for one in before:
            seen = self._count(one.segment)
            given.append(_Asked(one.segment, one.most, one.most is not None and seen > one.most))
            if given[-1] != one:
                break
        if key in self._known and given == before:
            return extracted
        self._asked, self._given = [], iter(given)
        extracted = extract(text)
        self._known[key] = (self._asked, extracted)
        return extracted

    def is_repeated(self, segment: str, most: int | None) -> bool:
        """Whether a segment of the text that is being extracted was seen more than `most` times; never for None."""
        asked = next(self._given, None)
        if asked is None:
            seen = self._count(segment)
            asked = _Asked(segment, most, most is not None and seen > most)
        self._asked.append(asked)
        return asked.repeated


_MADE: list[Extraction] = []


def _extraction() -> Extraction:
    """The one of this process, which trafilatura asks in place of its own test for repeated segments."""
    if not _MADE:
        from trafilatura import core, deduplication, htmlprocessing

        extraction = Extraction(deduplication.LRU_TEST.increment)

        def duplicate_test(element: Any, options: Any) -> bool:
            segment = deduplication.trim(" ".join(element.itertext()))
            long = len(segment) > options.min_duplcheck_size
            return extraction.is_repeated(segment, options.max_repetitions if long else None)

        core.duplicate_test = htmlprocessing.duplicate_test = duplicate_test
        _MADE.append(extraction)
    return _MADE[0]
