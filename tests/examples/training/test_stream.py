"""Rows of a stream are the documents of the order, from texts and from tokens alike."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from examples.training.stream import PAD, of_documents, of_rows, packed, read_texts, read_tokens
from pipelines.cli import main
from tests.examples.training.campaign import words_tokenizer


@pytest.fixture
def ordered(tmp_path: Path) -> Path:
    """Documents of 1 to 6 words, ordered and tokenised."""
    texts = [" ".join(f"w{(at + word) % 7}" for word in range(1 + at % 6)) for at in range(30)]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"text": texts}), tmp_path / "in/a.parquet")
    words_tokenizer(texts, tmp_path / "tokenizer.json")
    flags = ("--tokenizer", tmp_path / "tokenizer.json", "--seed", "1")
    assert main(["order", *map(str, ("--input", tmp_path / "in", "--output", tmp_path / "ordered", *flags))]) == 0
    return tmp_path


def test_tokens_and_texts_of_an_order_give_the_same_rows(ordered: Path) -> None:
    from tokenizers import Tokenizer

    texts = read_texts(ordered / "ordered", ordered / "tokenizer.json")
    tokens = read_tokens(ordered / "ordered", begin=0)
    assert np.array_equal(texts.rows, tokens.rows)
    encoder = Tokenizer.from_file(str(ordered / "tokenizer.json"))
    shards = sorted((ordered / "ordered/data").glob("*.parquet"))
    wanted = [encoder.encode(text).ids for shard in shards for text in pq.read_table(shard)["text"].to_pylist()]
    assert [[one for one in row if one != PAD] for row in texts.rows.tolist()] == wanted
    assert texts.index.tolist() == list(range(30))


def test_an_output_without_tokens_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="give trapline order a --tokenizer"):
        read_tokens(tmp_path)


def test_long_documents_are_cut_and_counted() -> None:
    found = of_documents([[1, 2, 3, 4], [5], [6, 7, 8]], length=3)
    assert found.rows.tolist() == [[1, 2, 3], [5, PAD, PAD], [6, 7, 8]]
    assert found.cut == 1


def test_packed_rows_hold_all_tokens_but_the_last_few() -> None:
    assert packed([[1, 2, 3], [4, 5, 6, 7]], 3).rows.tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_array_is_gone_through_in_its_order_or_by_a_seed() -> None:
    rows = np.arange(12).reshape(6, 2)
    assert of_rows(rows, passes=2).index.tolist() == [*range(6), *range(6)]
    first, second = of_rows(rows, passes=2, seed=1), of_rows(rows, passes=2, seed=2)
    assert sorted(first.index[:6].tolist()) == list(range(6))
    assert first.index.tolist() != second.index.tolist()
    assert np.array_equal(first.rows, rows[first.index])


def test_streams_of_other_lengths_follow_each_other() -> None:
    found = of_documents([[1, 2]]).then(of_documents([[3, 4, 5]]))
    assert found.rows.tolist() == [[1, 2, PAD], [3, 4, 5]]
