"""Extraction of the main text of a page by trafilatura, through datatrove's extractor without an address.

Documents are text already: each is put into a page of its own, one paragraph of HTML for each of its paragraphs.
Trafilatura's own removal of segments that it has seen before is on, as datatrove has it, and remembers from document
to document.
"""

import html
from collections.abc import Iterator, Sequence

SETTINGS = {"favour_precision": True, "deduplicate": True, "html": "a paragraph for each paragraph of the text"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The text that is extracted."""
    from datatrove.pipeline.extractors import Trafilatura
    from trafilatura.meta import reset_caches

    reset_caches()  # what it remembers of another corpus
    extractor = Trafilatura()
    for text in documents:
        yield extractor.extract(_page(text)) or None


def _page(text: str) -> str:
    paragraphs = "".join(f"<p>{html.escape(one)}</p>\n" for one in text.split("\n\n") if one.strip())
    return f"<html><head><title></title></head><body><article>\n{paragraphs}</article></body></html>"
