"""C4's deduplication of spans of three sentences, as datatrove has it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from transforms.certify.judges.datatrove import deduplicated
from transforms.certify.judges.remembered import remembered

SETTINGS = {"n_sentences": 3, "min_doc_words": 50, "min_num_sentences": 3}

_SENTENCES: dict[bytes, list[str]] = {}


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the spans that stood before."""
    from datatrove.pipeline.dedup import SentenceDedupFilter, SentenceDedupSignature, SentenceFindDedups
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig

    config = SentDedupConfig(**SETTINGS)

    def signatures(folder: Path) -> SentenceDedupSignature:
        step = SentenceDedupSignature(str(folder / "signatures"), config=config)
        step.tokenizer = SimpleNamespace(sent_tokenize=remembered(step.tokenizer.sent_tokenize, _SENTENCES))
        return step

    return deduplicated(
        documents,
        [
            signatures,
            lambda folder: SentenceFindDedups(str(folder / "signatures"), str(folder / "found"), config=config),
        ],
        lambda folder: SentenceDedupFilter(str(folder / "found"), config=config),
    )
