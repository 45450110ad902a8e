"""The output opens with the libraries that people read corpora with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

COLUMNS = {
    "id": [f"d{row}" for row in range(60)],
    "text": [f"document {row % 50} of the corpus" for row in range(60)],
    "tags": [["a", None, "b"][: row % 4] for row in range(60)],
    "meta": [{"lang": "en", "scores": [row / 2]} if row % 3 else None for row in range(60)],
    "label": pa.array([f"l{row % 2}" for row in range(60)]).dictionary_encode(),
    "day": pa.array(range(60), pa.date32()),
}
KEPT = pa.table(COLUMNS).to_pylist()[:50]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture
def output(folder: Path, attempt: Callable[..., Any], tmp_path: Path) -> Path:
    """50 documents in several shards, 10 removed, one quarantined."""
    pq.write_table(pa.table(COLUMNS), folder / "a.parquet")
    (folder / "b.jsonl").write_text('{"text": null}\n')
    assert attempt(folder, "--shard-bytes", "400").code == 0
    assert len(list((tmp_path / "out/data").iterdir())) > 2
    return tmp_path / "out"


def load(folder: Path, cache: Path, **settings: Any) -> Any:
    """`datasets.load_dataset` as it is documented, with nothing but the folder."""
    import datasets

    datasets.disable_progress_bars()
    return datasets.load_dataset(str(folder), cache_dir=str(cache), **settings)


def test_datasets_loads_the_folder_and_only_its_documents(output: Path, tmp_path: Path) -> None:
    loaded = load(output, tmp_path / "cache")
    assert list(loaded) == ["train"]
    assert loaded["train"].to_list() == KEPT
    assert {name: getattr(feature, "dtype", None) for name, feature in loaded["train"].features.items()} == {
        "id": "string", "text": "string", "tags": None, "meta": None, "label": "string", "day": "date32",
    }  # fmt: skip
    streamed = load(output, tmp_path / "cache", streaming=True)
    assert [row["id"] for row in streamed["train"]] == [row["id"] for row in KEPT]


def test_datasets_does_not_take_one_output_for_another(
    folder: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    for words in (["one", "two"], ["three", "four"]):
        pq.write_table(pa.table({"text": words}), folder / "a.parquet")
        assert attempt(folder, "--overwrite").code == 0
        assert load(tmp_path / "out", tmp_path / "cache")["train"]["text"][:] == words


def test_the_split_has_the_name_that_was_asked_for(folder: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["one"]}), folder / "a.parquet")
    assert attempt(folder, "--split", "validation").code == 0
    assert list(load(tmp_path / "out", tmp_path / "cache")) == ["validation"]


def test_polars_reads_the_shards(output: Path) -> None:
    for frame in (pl.read_parquet(output / "data/*.parquet"), pl.scan_parquet(output / "data").collect()):
        assert frame.to_dicts() == KEPT


def test_duckdb_reads_the_shards(output: Path) -> None:
    with duckdb.connect() as connection:
        found = connection.sql(f"select * from '{output}/data/*.parquet'")
        assert found.columns == list(COLUMNS)
        rows = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    assert rows == KEPT


def test_pyarrow_reads_every_folder(output: Path) -> None:
    assert pq.read_table(output / "data").to_pylist() == KEPT
    assert pq.read_table(output / "duplicates").num_rows == 10
    assert pq.read_table(output / "quarantine")["reason"].to_pylist() == ["null_text"]


def test_every_shard_carries_its_features_and_the_schema_version(output: Path) -> None:
    for path in (output / "data").iterdir():
        metadata = pq.read_schema(path).metadata
        features = json.loads(metadata[b"huggingface"])["info"]["features"]
        assert list(features) == list(COLUMNS)
        assert features["text"] == {"dtype": "string", "_type": "Value"}
        assert features["meta"]["scores"] == {"feature": {"dtype": "float64", "_type": "Value"}, "_type": "List"}
        assert metadata[b"trapline.schema_version"] == b"1"


def test_an_output_without_documents_has_one_empty_shard(
    folder: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    """Arrow, Polars and DuckDB see its columns. `datasets` has no notion of an empty split, whoever wrote it."""
    pq.write_table(pa.table({"text": pa.nulls(3, pa.string()), "n": [1, 2, 3]}), folder / "a.parquet")
    assert attempt(folder).code == 0
    shards = list((tmp_path / "out/data").iterdir())
    assert [shard.name for shard in shards] == ["train-00000-of-00001.parquet"]
    metadata = pq.read_metadata(shards[0])
    assert (metadata.num_rows, metadata.num_row_groups) == (0, 0)
    assert pl.read_parquet(shards[0]).schema == {"text": pl.String, "n": pl.Int64}
    with duckdb.connect() as connection:
        assert connection.sql(f"select text, n from '{shards[0]}'").fetchall() == []
    with pytest.raises(ValueError, match="corresponds to no data"):
        load(tmp_path / "out", tmp_path / "cache")
