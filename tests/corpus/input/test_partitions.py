"""Columns in the names of folders: their values, their types, and which folders count."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from transforms.base.errors import CorpusError
from transforms.corpus.input.formats import schema_of
from transforms.corpus.input.partitions import above
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import list_sources, shared_folder


def write(folder: Path, place: str, **columns: object) -> str:
    path = folder / place / "part-0.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"text": ["one", "two"], **columns}), path)
    return str(path)


def rows(*patterns: object) -> list[dict[str, object]]:
    sources = list_sources([str(pattern) for pattern in patterns])
    tables = [records.table for one in sources for records in read_piece(Piece(one, 0, None, 0))]
    return [{key: row[key] for key in row if key != "text"} for table in tables for row in table.to_pylist()[:1]]


def test_values_are_decoded_and_typed_as_arrow_does(tmp_path: Path) -> None:
    write(tmp_path, "year=2024/lang=e%2Fn/month=01")
    write(tmp_path, "year=2025/lang=__HIVE_DEFAULT_PARTITION__/month=12")
    write(tmp_path, "year=-3")
    known = pq.read_table(tmp_path).schema
    assert known.field("year").type.value_type == pa.int32()
    assert rows(tmp_path) == [
        {"year": -3},
        {"year": 2024, "lang": "e/n", "month": "01"},
        {"year": 2025, "lang": None, "month": "12"},
    ]
    schema = schema_of(list_sources([str(tmp_path)])[1])
    assert schema.field("year").type == pa.int32()
    assert schema.field("month").type == pa.string()


@pytest.mark.parametrize("pattern", ["", "lang=*", "*/part-*.parquet", "**"])
def test_folders_below_what_is_given_count(pattern: str, tmp_path: Path) -> None:
    for lang in ("de", "en"):
        write(tmp_path / "in", f"lang={lang}")
    assert rows(tmp_path / "in" / pattern if "part" in pattern or not pattern else f"{tmp_path}/in/{pattern}/*") == [
        {"lang": "de"},
        {"lang": "en"},
    ]


def test_files_and_folders_given_one_by_one_count_from_the_folder_that_holds_them_all(tmp_path: Path) -> None:
    files = [write(tmp_path, f"run=1/lang={lang}") for lang in ("de", "en")]
    assert rows(*files) == rows(*(Path(file).parent for file in files)) == [{"lang": "de"}, {"lang": "en"}]
    sources = list_sources(files)
    assert above(sources, shared_folder(files, {source.uri for source in sources})) == ["run=1"]
    assert rows(files[0]) == [{}]
    assert above(sources[:1], shared_folder(files[:1], {sources[0].uri})) == ["lang=de", "run=1"]


def test_the_files_own_column_counts_before_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "lang=de", lang=["EN", None])
    (tmp_path / "lang=en").mkdir()
    (tmp_path / "lang=en/a.jsonl").write_text('{"text": "a", "lang": "fr"}\n{"text": "b"}\n')
    found = [one for source in list_sources([str(tmp_path)]) for one in read_piece(Piece(source, 0, None, 0))]
    assert [records.table["lang"].to_pylist() for records in found] == [["EN", None], ["fr", "en"]]


def test_columns_are_read_only_if_they_are_asked_for(tmp_path: Path) -> None:
    write(tmp_path, "lang=de")
    (source,) = list_sources([str(tmp_path)])
    for columns in (["text"], ["lang"], ["lang", "text"]):
        (records,) = read_piece(Piece(source, 0, None, 0), columns=columns)
        assert set(records.table.column_names) == set(columns)
        assert records.table.num_rows == 2


def test_two_values_for_one_column_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "lang=de/lang=en")
    with pytest.raises(CorpusError, match=r"give the column 'lang' two values, 'de' and 'en'"):
        list_sources([str(tmp_path)])
