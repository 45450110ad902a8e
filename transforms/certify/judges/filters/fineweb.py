"""FineWeb's quality filter (Penedo et al. 2024), as datatrove has it, with its defaults."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import filtered, keep_words

SETTINGS = {"filter": "FineWebQualityFilter, defaults"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """What is left of each document."""
    from datatrove.pipeline.filters.fineweb_quality_filter import FineWebQualityFilter

    keep_words(sentences=False)
    return filtered(FineWebQualityFilter(), documents)
