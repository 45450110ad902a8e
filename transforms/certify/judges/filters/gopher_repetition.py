"""Gopher's rules against repetition within a document (Rae et al. 2021), as datatrove has them."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import filtered, keep_words

SETTINGS = {"filter": "GopherRepetitionFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters.gopher_repetition_filter import GopherRepetitionFilter

    keep_words(sentences=False)
    return filtered(GopherRepetitionFilter(), documents)
