"""Gopher's quality rules (Rae et al. 2021), as datatrove has them, with its defaults."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import filtered
from transforms.certify.judges.english import parts_of_texts

SETTINGS = {"filter": "GopherQualityFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters.gopher_quality_filter import GopherQualityFilter

    parts_of_texts()
    return filtered(GopherQualityFilter(), documents)
