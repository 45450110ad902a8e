import os
from pathlib import Path

import datasets
import pytest

from transforms.base.errors import CorpusError
from transforms.corpus.input.sources import format_of, list_input, list_sources, names


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


def left_out(tree: Path, *patterns: str) -> list[str]:
    found = list_input([str(tree / pattern) for pattern in patterns]).left_out
    return [os.path.relpath(path, tree) for path in found]


def test_what_a_folder_has_besides_is_listed_as_left_out(tree: Path) -> None:
    for name in ("c.csv", "deep/d.jsonl.br", "_SUCCESS", ".a.jsonl.crc", "deep/_e.json", "_log/README.md"):
        (tree / name).parent.mkdir(exist_ok=True)
        (tree / name).write_bytes(b"x")
    hidden = [".hid/y.parquet", "_tmp/x.parquet", "_z.parquet"]
    assert left_out(tree, "") == sorted([*hidden, "c.csv", "deep/_e.json", "deep/d.jsonl.br", "note.txt"])
    assert left_out(tree, "deep") == ["deep/_e.json", "deep/d.jsonl.br"]
    assert left_out(tree, "*.parquet") == ["_z.parquet"]
    assert left_out(tree, "**/*.parquet", "_z.parquet") == hidden[:2]
    assert left_out(tree, "b.parquet", "a.jsonl") == []


def test_descriptions_of_a_data_set_are_not_left_out(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a"]}).save_to_disk(tmp_path)
    assert left_out(tmp_path, "") == []


def test_a_folder_without_a_known_file_tells_what_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(CorpusError, match=r"matches no file of a known format, but .*/a.csv: give a file"):
        list_sources([str(tmp_path)])


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


CODED = [(f"x.jsonl{end}", ("jsonl", end)) for end in (".gz", ".zst", ".zstd", ".bz2", ".xz", ".lz4")]


@pytest.mark.parametrize(
    ("name", "wanted"), [("x.json", ("jsonl", "")), ("x.JSON.GZ", ("jsonl", ".gz")), ("x.csv", None), *CODED]
)
def test_formats_go_by_name(name: str, wanted: object) -> None:
    assert format_of(name) == wanted
