import os
from pathlib import Path

import pytest

from transforms.base.errors import CorpusError
from transforms.corpus.input.sources import format_of, list_sources, names


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in ("b.parquet", "a.jsonl", "deep/c.jsonl.gz", "deep/er/d.JSONL.ZST", "_tmp/x.parquet", ".hid/y.parquet",
                 "_z.parquet", "note.txt", "sp ace/ü[1].parquet"):  # fmt: skip
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"12345")
    return tmp_path


def found(tree: Path, *patterns: str) -> list[str]:
    return names(list_sources([str(tree / pattern) for pattern in patterns]))


def test_a_folder_is_searched_for_known_formats_in_byte_order(tree: Path) -> None:
    listed = list_sources([str(tree)])
    assert names(listed) == ["a.jsonl", "b.parquet", "deep/c.jsonl.gz", "deep/er/d.JSONL.ZST", "sp ace/ü[1].parquet"]
    assert [source.ordinal for source in listed] == [0, 1, 2, 3, 4]
    assert [(source.kind, source.compression) for source in listed] == [
        ("jsonl", ""), ("parquet", ""), ("jsonl", ".gz"), ("jsonl", ".zst"), ("parquet", ""),
    ]  # fmt: skip
    assert {source.size for source in listed} == {5}
    assert [os.fsencode(s.uri) for s in listed] == sorted(os.fsencode(s.uri) for s in listed)


@pytest.mark.parametrize(
    ("pattern", "wanted"),
    [
        ("*.parquet", ["b.parquet"]),
        ("*", ["a.jsonl", "b.parquet"]),
        ("deep/*", ["c.jsonl.gz"]),
        ("**/*.gz", ["c.jsonl.gz"]),
        ("deep/**", ["c.jsonl.gz", "er/d.JSONL.ZST"]),
        ("[ab].*", ["a.jsonl", "b.parquet"]),
        ("?.jsonl", ["a.jsonl"]),
        ("sp ace/ü[[]1].parquet", ["ü[1].parquet"]),
        ("sp ace/ü[1].parquet", ["ü[1].parquet"]),
    ],
)
def test_globs(tree: Path, pattern: str, wanted: list[str]) -> None:
    (tree / "note.txt").unlink()
    assert found(tree, pattern) == wanted


def test_a_file_named_twice_counts_once(tree: Path) -> None:
    assert found(tree, "b.parquet", "*.parquet", "a.jsonl") == ["a.jsonl", "b.parquet"]


@pytest.mark.parametrize(
    ("pattern", "message"), [("missing/*.parquet", "matches no file"), ("note.txt", "unknown format")]
)
def test_what_cannot_be_used_is_refused_with_what_can(tree: Path, pattern: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message) as error:
        list_sources([str(tree / pattern)])
    assert ".jsonl.gz" in str(error.value)


def test_names_are_relative_to_what_all_files_share(tree: Path) -> None:
    assert found(tree, "deep") == ["c.jsonl.gz", "er/d.JSONL.ZST"]
    assert names([]) == []


@pytest.mark.parametrize(
    ("name", "wanted"), [("x.json", ("jsonl", "")), ("x.JSON.GZ", ("jsonl", ".gz")), ("x.csv", None)]
)
def test_formats_go_by_name(name: str, wanted: object) -> None:
    assert format_of(name) == wanted
