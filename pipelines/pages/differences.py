"""What differs between two similar texts, word by word, for showing a removed document beside the kept one."""

import difflib
import itertools
import re
from collections.abc import Sequence
from typing import NamedTuple

MOST_CHARACTERS = 1_000
"""Characters of a text that are shown at most; comparing them takes milliseconds."""

_LEAD = 160
# Scripts without spaces (Thai to Khmer, Kana, Han) differ by the character, others by the word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PARTS = re.compile(rf"\s+|[{_UNSPACED}]|[^\W{_UNSPACED}]+|[^\w\s]")


class Span(NamedTuple):
    """A piece of a text, and whether the other text has something else in its place."""

    text: str
    differs: bool


def differences(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """Both texts in pieces, those marked that the other text lacks.

    Long texts are cut; where they begin alike for long, the beginning is cut to a lead before the first difference.
    Cuts show as an ellipsis.
    """
    ours, theirs = _cut(left, right)
    left_parts, right_parts = _PARTS.findall(ours), _PARTS.findall(theirs)
    matcher = difflib.SequenceMatcher(None, left_parts, right_parts, autojunk=False)
    pieces = matcher.get_opcodes()
    return (
        _joined([Span("".join(left_parts[a:b]), tag != "equal") for tag, a, b, _, _ in pieces]),
        _joined([Span("".join(right_parts[a:b]), tag != "equal") for tag, _, _, a, b in pieces]),
    )


def _cut(left: str, right: str) -> tuple[str, str]:
    longest, shortest = max(len(left), len(right)), min(len(left), len(right))
    common = next((at for at, (ours, theirs) in enumerate(zip(left, right, strict=False)) if ours != theirs), shortest)
    start = 0
    if longest > MOST_CHARACTERS and common > _LEAD:
        start = common - _LEAD if common < longest else 0
    return _window(left, start), _window(right, start)


def _window(text: str, start: int) -> str:
    end = start + MOST_CHARACTERS
    return ("… " if start else "") + text[start:end] + (" …" if end < len(text) else "")


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Without empty spans, neighbours with the same mark as one; space between two differences belongs to them."""
    spans = [span for span in spans if span.text]
    marks = [
        span.differs
        or (0 < i < len(spans) - 1 and span.text.isspace() and spans[i - 1].differs and spans[i + 1].differs)
        for i, span in enumerate(spans)
    ]
    groups = itertools.groupby(zip(spans, marks, strict=True), key=lambda pair: pair[1])
    return [Span("".join(span.text for span, _ in group), differs) for differs, group in groups]
