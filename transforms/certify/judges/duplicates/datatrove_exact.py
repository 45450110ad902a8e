"""Exact deduplication of documents, as datatrove has it."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import deduplicated

SETTINGS = {"content": "the whole text"}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """The first of equal documents."""
    from datatrove.pipeline.dedup import ExactDedupFilter, ExactDedupSignature, ExactFindDedups
    from datatrove.pipeline.dedup.exact_dedup import ExactDedupConfig

    config = ExactDedupConfig(content_getter=lambda document: document.text)
    return deduplicated(
        documents,
        [
            lambda folder: ExactDedupSignature(str(folder / "signatures"), config=config),
            lambda folder: ExactFindDedups(str(folder / "signatures"), str(folder / "found"), config=config),
        ],
        lambda folder: ExactDedupFilter(str(folder / "found"), config=config),
    )
