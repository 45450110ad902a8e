"""Invented words and pools of answers."""

import itertools
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tokenizers import Tokenizer

from tests.scoring.tiny_checkpoints import tiny_tokenizer
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.probes.answers.pools import Wanted, pool, pools, token_counts
from transforms.probes.answers.syllables import invented
from transforms.probes.corpus.occurring import occurring
from transforms.probes.corpus.pieces import corpus_pieces
from transforms.probes.kind import Environment

KEY = b"\2" * 32


def words(count: int, syllables: int = 2, what: str = "a") -> list[str]:
    return list(itertools.islice(invented(KEY, "test", syllables, what), count))


def test_words_depend_on_their_number_alone() -> None:
    found = words(500)
    assert len(set(found)) == 500
    assert words(20) == found[:20]
    assert len(set(found) & set(words(500, what="b"))) < 50
    assert all(word.isascii() and word.isalpha() and word.islower() for word in found)


def test_a_grammar_that_is_exhausted_ends() -> None:
    found = list(invented(KEY, "test", 1, "all"))
    assert len(found) == len(set(found)) < 21 * 5 * 8 + 1


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> list[Tokenizer]:
    from transforms.probes.corpus.tokens import load_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    tiny_tokenizer().save_pretrained(folder)
    return [load_tokenizer(str(folder))]


def test_answers_of_a_pool_have_one_number_of_tokens(tokenizers: list[Tokenizer]) -> None:
    taken = set(words(30))
    chosen = pool(Wanted.of("animals", 30, invented(KEY, "test", 2, "a")), tokenizers, taken)
    assert len(set(chosen)) == 30
    assert not taken & set(chosen)
    found = [tokenizers[0].encode(f" {word}", add_special_tokens=False) for word in chosen]
    assert len({sum(end > 1 for _, end in one.offsets) for one in found}) == 1, "tokens that hold a part of the word"
    uneven = pool(Wanted.of("names", 200, invented(KEY, "test", 3, "a"), equal=False), tokenizers, ())
    assert len(set(token_counts(uneven, tokenizers))) > 1
    plain = pool(Wanted.of("animals", 30, invented(KEY, "test", 2, "a")), (), ())
    assert len({len(word) for word in plain}) == 1


def test_pools_of_one_call_share_no_word() -> None:
    wanted = [Wanted.of(what, 20, invented(KEY, "test", 2, "a")) for what in ("animals", "towns")]
    found = pools(wanted, (), {wanted[0].tried[0]})
    assert list(found) == ["animals", "towns"]
    assert len({word for one in found.values() for word in one} - {wanted[0].tried[0]}) == 40


def test_a_pool_that_cannot_be_filled_is_an_error(tokenizers: list[Tokenizer]) -> None:
    wanted = Wanted.of("animals", 1, invented(KEY, "test", 2, "a"))
    with pytest.raises(CorpusError, match="animals: 0 of 40 invented words"):
        pool(wanted, tokenizers, set(wanted.tried))


def test_words_of_the_corpus_are_found(tmp_path: Path) -> None:
    known = words(6)
    texts = [f"A {known[0].upper()}, and {known[1]}{known[2]}.", f"({known[3]})", None]
    pq.write_table(pa.table({"text": pa.array(texts, pa.string())}), tmp_path / "corpus.parquet")

    def launch(build: object) -> None:
        import apache_beam as beam

        with beam.Pipeline() as root:
            build(root)  # type: ignore[operator]

    environment = Environment(1, Folder(str(tmp_path / "scratch")), None, print, launch, dict)
    pieces = corpus_pieces([str(tmp_path / "corpus.parquet")], "text")
    assert occurring(known, pieces, "text", environment) == {known[0], known[3]}
    assert occurring(known, corpus_pieces([], "text"), "text", environment) == set()
    with pytest.raises(CorpusError, match="--corpus"):
        corpus_pieces([str(tmp_path / "none.parquet")], "text")
    assert json.loads((tmp_path / "scratch/words/scan.json").read_text())["documents"] == 2
