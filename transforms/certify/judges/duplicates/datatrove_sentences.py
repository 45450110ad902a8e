"""C4's deduplication of spans of three sentences, as datatrove has it."""

from collections.abc import Iterator, Sequence

from transforms.certify.judges.datatrove import deduplicated

SETTINGS = {"n_sentences": 3, "min_doc_words": 50, "min_num_sentences": 3}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the spans that stood before."""
    from datatrove.pipeline.dedup import SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig

    config = SentDedupConfig(**SETTINGS)
    return deduplicated(
        documents,
        [
            lambda folder: SentenceDedupSignature(str(folder / "signatures"), config=config),
            lambda folder: SentenceFindDedups(str(folder / "signatures"), str(folder / "found"), config=config),
        ],
        lambda folder: SentenceDedupFilter(str(folder / "found"), config=config),
    )
