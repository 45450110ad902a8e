"""The sample to which the n-gram model is fitted."""

from collections.abc import Callable
from pathlib import Path

import pytest

from transforms.base.errors import CorpusError
from transforms.corpus.input.divide import divide
from transforms.corpus.input.sources import list_sources
from transforms.probes.ngram.documents import sample_documents

KEY = b"k" * 32


def test_a_sample_is_keyed_bounded_and_the_same_for_any_threads(write_parquet: Callable[..., Path]) -> None:
    for part in range(3):
        write_parquet([f"{part} {at} " + "x" * 500 for at in range(400)], f"in/{part}.parquet")
    path = write_parquet([], "in/empty.parquet").parent
    pieces = divide(list_sources([str(path)]), "text")
    one, four = (sample_documents(pieces, "text", KEY, threads, 200_000).to_pylist() for threads in (1, 4))
    assert one == four
    assert len(set(one)) == len(one)
    assert 100_000 < sum(map(len, one)) < 300_000
    assert {text[0] for text in one} == {"0", "1", "2"}
    assert one != sample_documents(pieces, "text", b"j" * 32, 1, 200_000).to_pylist()
    assert len(sample_documents(pieces, "text", KEY, 1)) == 1200


def test_few_documents_of_a_corpus_are_enough(write_parquet: Callable[..., Path]) -> None:
    path = write_parquet(["a word " * 90_000] * 2)
    (only, *_) = found = sample_documents(divide(list_sources([str(path)]), "text"), "text", KEY, 1, 1).to_pylist()
    assert len(found) == 2
    assert len(only) == 200_000


def test_a_corpus_without_text_is_an_error(write_parquet: Callable[..., Path]) -> None:
    path = write_parquet(["", "\n", " - "])
    with pytest.raises(CorpusError, match="no document has any text in column 'text'"):
        sample_documents(divide(list_sources([str(path)]), "text"), "text", KEY, 1)
