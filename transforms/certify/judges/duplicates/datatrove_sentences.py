"""C4's deduplication of spans of three sentences, as datatrove has it."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

from transforms.certify.judges.datatrove import deduplicated
from transforms.certify.judges.english import parts_of_texts, simple_texts
from transforms.certify.judges.parts import is_whole, sentences_in
from transforms.certify.judges.remembered import remembered

SETTINGS = {"n_sentences": 3, "min_doc_words": 50, "min_num_sentences": 3}

_LOOKED_AT = 2_000
"""Characters of a text whose sentences are counted first."""


def judge(documents: Sequence[str], corpus: Sequence[str]) -> Iterator[str | None]:  # noqa: ARG001 - all have it
    """Documents without the spans that stood before."""
    from datatrove.pipeline.dedup import (
        SentenceDedupFilter,
        SentenceDedupSignature,
        SentenceFindDedups,
        sentence_dedup,
    )
    from datatrove.pipeline.dedup.sentence_dedup import SentDedupConfig

    config = SentDedupConfig(**SETTINGS)
    parts, simple = parts_of_texts(), simple_texts()
    spans_of = remembered(parts.spans, "spans", is_whole)
    sentence_dedup.simplify_text = lambda text, _: simple.text(text)  # its settings are the default ones

    def signatures(folder: Path) -> SentenceDedupSignature:
        step = SentenceDedupSignature(str(folder / "signatures"), config=config)
        step.tokenizer = SimpleNamespace(
            sent_tokenize=lambda text: parts.sentences(text) if is_whole(text) else sentences_in(text, spans_of(text))
        )
        hashes_of = step.get_hashes

        def numbered(text: str) -> list[tuple[int, int]]:
            return [(value, sentence) for value, _, sentence in hashes_of(SimpleNamespace(text=text), 0)]

        known = remembered(numbered, "sentences", is_whole)
        step.get_hashes = lambda document, at: [(value, at, sentence) for value, sentence in known(document.text)]
        return step

    def last(folder: Path) -> SentenceDedupFilter:
        step = SentenceDedupFilter(str(folder / "found"), config=config)
        step.tokenizer = SimpleNamespace(
            span_tokenize=spans_of,
            word_tokenize=words_up_to(step.tokenizer.word_tokenize, config.min_doc_words),
        )
        return step

    split = getattr(sentence_dedup.split_into_sentences, "of_all", sentence_dedup.split_into_sentences)
    sentence_dedup.split_into_sentences = sentences_up_to(split, config.min_num_sentences)
    return deduplicated(
        documents,
        [
            signatures,
            lambda folder: SentenceFindDedups(str(folder / "signatures"), str(folder / "found"), config=config),
        ],
        last,
    )


def words_up_to(tokenize: Callable[[str], list[str]], enough: int) -> Callable[[str], list[str]]:
    """The words of a text, or where these are enough, what white space parts, each of which holds a word or more."""

    def of(text: str) -> list[str]:
        parts = [] if is_whole(text) else text.split()
        return parts if len(parts) >= enough else tokenize(text)

    return of


def sentences_up_to(split: Callable[..., list[str]], enough: int) -> Callable[..., list[str]]:
    """The sentences of a text, or where these are enough, those of its beginning.

    Where a sentence ends follows from what stands before and the next word, so that of the sentences of a text's
    beginning all but the last are sentences of the text.
    """

    def of(text: str, *language: str) -> list[str]:
        end = -1 if is_whole(text) else text.find(" ", _LOOKED_AT)
        found = split(text[:end], *language) if end > 0 else []
        return found if len(found) > enough else split(text, *language)

    of.of_all = split  # type: ignore[attr-defined]
    return of
