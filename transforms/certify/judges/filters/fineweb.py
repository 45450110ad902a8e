"""FineWeb's quality filter (Penedo et al. 2024), as datatrove has it, with its defaults."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import filtered
from transforms.certify.judges.english import parts_of_texts

SETTINGS = {"filter": "FineWebQualityFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter

    parts_of_texts()
    return filtered(FineWebQualityFilter(), documents)
