"""C4's rules for lines and documents (Raffel et al. 2020), as datatrove has them, with its defaults."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import filtered
from transforms.certify.judges.english import parts_of_texts

SETTINGS = {"language": "en", "filter": "C4QualityFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters.c4_filters import C4QualityFilter

    parts_of_texts()
    return filtered(C4QualityFilter(), documents)
