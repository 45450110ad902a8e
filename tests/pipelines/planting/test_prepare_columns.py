"""`trapline prepare` looks at columns all over the input, and refuses those that would betray a changed text."""

import hashlib
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import arguments, documents, prepare, probe_rows, prose, seal_and_draw

CHANCE = random.Random(6)
TEXTS = [prose(CHANCE, 120) for _ in range(40)]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return seal_and_draw(tmp_path / "secrets", probe_rows(4))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


def write(path: Path, schema: pa.Schema | None = None, **columns: Any) -> None:
    pq.write_table(pa.table(columns, schema=schema), path)


@pytest.fixture
def refused(corpus: Path, secrets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run `trapline prepare`, which must refuse; returns what it said."""

    def run(*flags: str) -> str:
        capfd.readouterr()
        assert main(arguments(corpus, tmp_path / "out", secrets, *flags)) == 1
        said = capfd.readouterr()
        assert "Traceback" not in said.err
        return said.err

    return run


def test_a_column_that_only_a_late_file_has_is_made_again(corpus: Path, secrets: Path, tmp_path: Path) -> None:
    write(corpus / "a.parquet", text=[f"{at} short" for at in range(600)])
    write(corpus / "b.parquet", text=TEXTS, odd=[sha256(text) for text in TEXTS])
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    found = documents(tmp_path / "out")
    assert any("xyzzy" in row["text"] for row in found if row["odd"] is not None)
    assert all(row["odd"] is None or row["odd"] == sha256(row["text"]) for row in found)


def test_a_suspicious_column_that_only_a_late_file_fills_is_refused(corpus: Path, refused: Callable[..., str]) -> None:
    write(corpus / "a.parquet", text=TEXTS[:20], n_tokens=pa.nulls(20))
    write(corpus / "b.parquet", text=TEXTS[20:], n_tokens=list(range(20)))
    assert "column 'n_tokens'" in refused()


def test_an_id_that_is_a_hash_of_the_text_is_refused(corpus: Path, refused: Callable[..., str]) -> None:
    write(corpus / "a.parquet", id=[sha256(text) for text in TEXTS], text=TEXTS)
    assert "ids that are hashes of the text cannot be kept" in refused()


def test_a_value_that_its_type_cannot_hold_ends_the_run_without_a_traceback(
    corpus: Path, refused: Callable[..., str]
) -> None:
    texts = [f"{at}" + f"line {at}\n" * (127 - (at % 8 == 0)) for at in range(40)]
    lines = pa.array([text.count("\n") for text in texts], pa.int8())
    probes = probe_rows(4)
    for row in probes:
        row["text"] = row["text"].replace(" ", "\n" * 10)
    write(corpus / "a.parquet", text=texts, odd=lines)
    assert "column 'odd' follows the text, and its type int8" in refused()


def test_views_are_planted_into(corpus: Path, secrets: Path, tmp_path: Path) -> None:
    view = pa.array(TEXTS).cast(pa.string_view())
    write(corpus / "a.parquet", text=view, raw=view)
    assert prepare(corpus, tmp_path / "out", secrets) == 0
    assert all(row["raw"] == row["text"] for row in documents(tmp_path / "out"))


def write_json(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_a_column_of_two_types_is_refused_with_its_name(corpus: Path, refused: Callable[..., str]) -> None:
    write_json(corpus / "a.jsonl", [{"text": text, "k": 1} for text in TEXTS[:20]])
    write_json(corpus / "b.jsonl", [{"text": text, "k": "s"} for text in TEXTS[20:]])
    assert "column 'k' is int64 in" in refused()


def test_texts_that_are_lists_are_refused_with_the_columns_name(corpus: Path, refused: Callable[..., str]) -> None:
    write_json(corpus / "a.jsonl", [{"text": [text]} for text in TEXTS])
    assert "column 'text' has type list<item: string>" in refused()


OWN = pa.schema([pa.field("url", pa.string(), nullable=False), pa.field("text", pa.string())])


@pytest.mark.parametrize("planted_as", ["document", "insertion"])
def test_a_unique_column_without_nulls_is_refused_where_documents_are_added(
    planted_as: str, corpus: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = seal_and_draw(tmp_path / "own", probe_rows(4, planted_as=planted_as))
    write(corpus / "a.parquet", OWN, url=[f"http://x/{at}" for at in range(40)], text=TEXTS)
    assert prepare(corpus, tmp_path / "out", secrets) == (1 if planted_as == "document" else 0)
    assert ("column 'url' has another value in every document" in capfd.readouterr().err) == (planted_as == "document")
