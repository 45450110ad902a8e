"""Input that cannot be used: a message that names the file and says what to do, and nothing that looks finished."""

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

WORDS = np.array([f"word{number}" for number in range(5000)])


def texts(count: int, words: int = 40, seed: int = 0) -> list[str]:
    """Documents that share next to no shingle."""
    return [" ".join(row) for row in WORDS[np.random.default_rng(seed).integers(0, len(WORDS), (count, words))]]


def parquet(folder: Path, columns: dict[str, Any], name: str = "a.parquet") -> Path:
    path = folder / name
    pq.write_table(pa.table(columns), path)
    return path


def jsonl(folder: Path, *lines: object, name: str = "a.jsonl") -> Path:
    """A file of lines: bytes as they are, anything else as JSON."""
    path = folder / name
    raw = [line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines]
    path.write_bytes(b"".join(line + b"\n" for line in raw))
    return path


def empty_parquet(folder: Path) -> None:
    (folder / "a.parquet").write_bytes(b"")


def truncated_parquet(folder: Path) -> None:
    path = parquet(folder, {"text": texts(500)})
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def damaged_parquet(folder: Path) -> None:
    path = parquet(folder, {"text": texts(2000)})
    data = path.read_bytes()
    path.write_bytes(data[:1000] + bytes(4000) + data[5000:])


def no_parquet(folder: Path) -> None:
    (folder / "a.parquet").write_text("a text that someone gave the wrong name")


def lines_of(count: int) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts(count))


def truncated_gzip(folder: Path) -> None:
    data = gzip.compress(lines_of(1000))
    (folder / "a.jsonl.gz").write_bytes(data[: len(data) // 2])


def truncated_zstd(folder: Path) -> None:
    data = zstandard.compress(lines_of(1000))
    (folder / "a.jsonl.zst").write_bytes(data[: len(data) // 2])


def no_gzip(folder: Path) -> None:
    (folder / "a.jsonl.gz").write_bytes(lines_of(3))


def unnamed_gzip(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(gzip.compress(lines_of(3)))


def utf16(folder: Path) -> None:
    (folder / "a.jsonl").write_bytes(lines_of(3).decode().encode("utf-16"))


def rounded_by_another_file(folder: Path) -> None:
    jsonl(folder, {"text": "one", "x": {"y": [1.5]}})
    jsonl(folder, {"text": "two", "x": {"y": [1, -(2**53) - 1]}}, name="b.jsonl")


def rounded_by_parquet(folder: Path) -> None:
    parquet(folder, {"text": ["one"], "x": [1.5]})
    jsonl(folder, {"text": "two", "x": 2**53 + 1}, name="b.jsonl")


def same_column_twice(folder: Path) -> None:
    pq.write_table(pa.table([["a"], ["b"]], names=["text", "text"]), folder / "a.parquet")


def parquet_types_differ(folder: Path) -> None:
    parquet(folder, {"text": ["one"], "score": [1]})
    parquet(folder, {"text": ["two"], "score": ["high"]}, "b.parquet")


def json_types_differ(folder: Path) -> None:
    jsonl(folder, {"text": "one", "score": 1})
    jsonl(folder, {"text": "two", "score": "high"}, name="b.jsonl")


def json_types_differ_within(folder: Path) -> None:
    jsonl(folder, {"text": "one", "score": 1}, {"text": "two", "score": "high"})


def second_file_without_text(folder: Path) -> None:
    parquet(folder, {"text": ["one"]})
    parquet(folder, {"body": ["two"]}, "b.parquet")


def second_lines_without_text(folder: Path) -> None:
    parquet(folder, {"text": ["one"]})
    jsonl(folder, {"body": "two"}, name="b.jsonl")


def name_not_utf8(folder: Path) -> None:
    parquet(folder, {"text": ["one"]}).rename(os.fsdecode(os.fsencode(folder) + b"/\xff.parquet"))


UNUSABLE: dict[str, tuple[Callable[[Path], object], tuple[str, ...]]] = {
    "no file": (lambda folder: None, ("in'", "matches no file", ".jsonl.gz", ".parquet")),
    "empty Parquet file": (empty_parquet, ("a.parquet: cannot be read as Parquet", "0 bytes")),
    "truncated Parquet": (truncated_parquet, ("a.parquet: cannot be read as Parquet", "damaged, unfinished")),
    "damaged Parquet": (damaged_parquet, ("a.parquet: damaged Parquet data after row", "leave it out")),
    "no Parquet": (no_parquet, ("a.parquet: cannot be read as Parquet", "of another format")),
    "truncated gzip": (truncated_gzip, ("a.jsonl.gz: the gzip stream", "breaks off", "leave it out")),
    "truncated zstd": (truncated_zstd, ("a.jsonl.zst: the zstd stream", "breaks off", "leave it out")),
    "no gzip": (no_gzip, ("a.jsonl.gz: is no gzip data", "it begins with b'{", "leave it out")),
    "gzip under a plain name": (unnamed_gzip, ("a.jsonl: is gzip data", "end in .jsonl.gz", "leave the file out")),
    "UTF-16": (utf16, ("a.jsonl: is UTF-16 text", "iconv", "leave the file out")),
    "a JSON array": (
        lambda folder: jsonl(folder, [{"text": "one"}], name="a.json"),
        ("a.json: begins with an array", "one object per line (jq -c '.[]')"),
    ),
    "no JSON at all": (
        lambda folder: jsonl(folder, *[b"word"] * 30),
        ("a.jsonl: the first 10 lines are all bad", "does not look like JSON lines"),
    ),
    "rounded integer": (
        lambda folder: jsonl(folder, {"text": "one", "x": 2**53 + 1}, {"text": "two", "x": 0.5}),
        ("a.jsonl (line at byte 0): column 'x' holds the integer 9007199254740993", "write such integers as strings"),
    ),
    "integer rounded by another file": (
        rounded_by_another_file,
        ("b.jsonl: column 'x.y[]' holds the integer -9007199254740993", "write such integers as strings"),
    ),
    "integer rounded by a Parquet file": (
        rounded_by_parquet,
        ("b.jsonl: column 'x' holds the integer 9007199254740993", "write such integers as strings"),
    ),
    "no such column": (
        lambda folder: parquet(folder, {"body": ["x"], "id": ["1"]}),
        ("a.parquet: no column 'text'", "it has 'body', 'id'", "--text-column"),
    ),
    "no such field": (
        lambda folder: jsonl(folder, {"body": "x"}),
        ("a.jsonl: no record has a field 'text'", "'body'", "--text-column"),
    ),
    "no such column in one": (second_file_without_text, ("b.parquet: no column 'text'", "--text-column")),
    "no such field in one": (second_lines_without_text, ("b.jsonl: no record has a field 'text'", "--text-column")),
    "numbers for text": (
        lambda folder: parquet(folder, {"text": [1, 2], "body": ["a", "b"]}),
        ("a.parquet: column 'text' has type int64", "text columns here: 'body'", "--text-column"),
    ),
    "numbers for text in JSON": (
        lambda folder: jsonl(folder, {"text": 1, "body": "a"}),
        ("a.jsonl: column 'text' has type int64", "text columns here: 'body'", "--text-column"),
    ),
    "lists for text": (
        lambda folder: parquet(folder, {"text": [["a"], ["b"]]}),
        ("a.parquet: column 'text' has type list", "text columns here: none"),
    ),
    "bytes for text": (
        lambda folder: parquet(folder, {"text": [b"a", b"b"]}),
        ("a.parquet: column 'text' has type binary", "text (string) is needed"),
    ),
    "two columns of one name": (same_column_twice, ("a.parquet: column 'text' stands there 2 times", "rename one")),
    "types differ": (parquet_types_differ, ("column 'score'", "int64 in", "a.parquet", "string in", "b.parquet")),
    "JSON types differ": (json_types_differ, ("column 'score'", "int64 in", "a.jsonl", "string in", "b.jsonl")),
    "JSON types differ in a file": (json_types_differ_within, ("column 'score'", "line at byte 0", "line at byte 28")),
    "name not UTF-8": (name_not_utf8, (r"\xff.parquet'", "not UTF-8", "rename")),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNUSABLE)
def test_what_cannot_be_used_is_said_and_can_be_mended(
    kind: str, folder: Path, attempt: Callable[..., Any], remake: Callable[[Path], Path], tmp_path: Path
) -> None:
    make, words = UNUSABLE[kind]
    make(folder)
    outcome = attempt(folder)
    assert outcome.code == 1
    assert outcome.said.splitlines()[-1].startswith("trapline: ")
    assert [word for word in words if word not in outcome.said] == []
    assert not (tmp_path / "out/data").exists()
    parquet(remake(folder), {"text": texts(20)})
    assert attempt(folder).code == 0
    assert not (tmp_path / "out/.work").exists()


def test_a_glob_that_matches_nothing(folder: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    outcome = attempt(folder / "*.parquet")
    assert outcome.code == 1
    assert "*.parquet' matches no file" in outcome.said
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--keep", "max:score"), ("a.parquet: no column 'score'", "--keep max:COLUMN")),
        (("--keep", "max:text"), ("a.parquet: column 'text' has type string", "--keep max:text needs numbers")),
        (("--id-column", "key"), ("no column 'key'", "--id-column")),
        (("--text-column", "body"), ("no column 'body'; it has 'text'", "--text-column")),
    ],
)
def test_columns_that_flags_name_must_be_there(
    flags: tuple[str, ...], words: tuple[str, ...], folder: Path, attempt: Callable[..., Any]
) -> None:
    parquet(folder, {"text": ["one"]})
    outcome = attempt(folder, *flags)
    assert outcome.code == 1
    assert [word for word in words if word not in outcome.said] == []


BAD_TEXT = pa.Array.from_buffers(
    pa.string(), 4, [None, pa.py_buffer(np.array([0, 2, 4, 6, 8], np.int32)), pa.py_buffer(b"ab\xff\xfecdef")]
)


def test_bad_lines_go_to_quarantine_and_the_run_goes_on(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    lines = [
        {"text": "one"}, b'{"text": "tw', {"text": None}, b'{"text": "\xff"}', b"", {"id": "no text"}, b"[1]",
        {"text": "two"},
    ]  # fmt: skip
    path = jsonl(folder, *lines)
    outcome = attempt(folder)
    assert outcome.code == 0
    assert "7 documents in: 2 kept" in outcome.said
    assert "5 quarantined (broken JSON line 2, invalid UTF-8 1, null text 2)" in outcome.said
    assert read_output()["text"].to_pylist() == ["one", "two"]
    found = read_output(part="quarantine").to_pylist()
    assert [row["reason"] for row in found] == ["broken_json", "null_text", "invalid_utf8", "null_text", "broken_json"]
    # Blank lines are no records and have no number.
    records = [line for line in path.read_bytes().splitlines() if line]
    for row in found:
        assert row["raw"] in (records[row["address"]], None)
        assert (row["raw"] is None) == (row["reason"] == "null_text")


@pytest.mark.parametrize("dtype", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_bad_texts_of_parquet_go_to_quarantine(
    dtype: pa.DataType, folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    text = pa.chunked_array([BAD_TEXT, pa.array([None, "gh"], pa.string())]).cast(dtype)
    parquet(folder, {"text": text, "n": range(6)})
    assert attempt(folder).code == 0
    assert read_output().to_pydict() == {"text": ["ab", "cd", "ef", "gh"], "n": [0, 2, 3, 5]}
    found = read_output(part="quarantine").to_pylist()
    assert [(row["address"], row["reason"], row["raw"]) for row in found] == [
        (1, "invalid_utf8", None),
        (4, "null_text", None),
    ]


def test_a_column_of_nothing_is_all_quarantine(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    parquet(folder, {"text": pa.nulls(1000), "n": range(1000)})
    assert attempt(folder).code == 0
    assert read_output().num_rows == 0
    assert read_output(part="quarantine")["address"].to_pylist() == list(range(1000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: parquet(folder, {"text": ["one", None]}), ("a.parquet: row 1: null_text",)),
        (lambda folder: parquet(folder, {"text": BAD_TEXT}), ("a.parquet: row 1: invalid_utf8",)),
        (lambda folder: jsonl(folder, {"text": "one"}, {"text": None}), ("a.jsonl: line at byte 16: null_text",)),
        (lambda folder: jsonl(folder, {"text": "one"}, {"id": 1}), ("a.jsonl: line at byte 16: null_text",)),
        (lambda folder: jsonl(folder, {"text": "one"}, b"{"), ("a.jsonl: line at byte 16: broken_json",)),
        (lambda folder: jsonl(folder, {"text": "one"}, b'{"text": "\xff"}'), ("line at byte 16: invalid_utf8",)),
    ],
    ids=["null", "not UTF-8", "null in JSON", "no text in JSON", "broken JSON", "JSON not UTF-8"],
)
def test_strict_makes_a_bad_record_an_error(
    make: Callable[[Path], object], words: tuple[str, ...], folder: Path, attempt: Callable[..., Any]
) -> None:
    make(folder)
    outcome = attempt(folder, "--strict")
    assert outcome.code == 1
    assert [word for word in (*words, "mend the record", "without --strict") if word not in outcome.said] == []
    assert attempt(folder).code == 0


def test_bad_texts_of_other_columns_are_counted_and_kept(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], metrics: Callable[..., Any]
) -> None:
    nested = pa.StructArray.from_arrays([BAD_TEXT], ["v"])
    parquet(folder, {"text": texts(4), "url": BAD_TEXT, "meta": nested, "raw": BAD_TEXT.cast(pa.binary())})
    outcome = attempt(folder)
    assert outcome.code == 0
    for name in ("url", "meta"):
        assert f"column '{name}' holds text that is not valid UTF-8 in 1 document, kept as it is" in outcome.said
    assert f"the first is row 1 of {folder}/a.parquet" in outcome.said
    assert metrics()["not_utf8"] == {"url": 1, "meta": 1}
    assert read_output()["url"].cast(pa.binary()).to_pylist() == [b"ab", b"\xff\xfe", b"cd", b"ef"]
    outcome = attempt(folder, "--strict", "--overwrite")
    assert outcome.code == 1
    assert "a.parquet: row 1: column 'url' holds text that is not valid UTF-8; mend it" in outcome.said


def test_files_that_are_left_out_are_named_and_strict_refuses_them(
    folder: Path, attempt: Callable[..., Any], metrics: Callable[..., Any], tmp_path: Path
) -> None:
    parquet(folder, {"text": ["one"]})
    assert "left out" not in attempt(folder, "--strict").said
    names = ["a.csv", "b.jsonl.br", "_hidden.jsonl", *(f"deep/{at:02}.txt" for at in range(20))]
    for name in (*names, "_SUCCESS"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    said = "23 files of the input left out: "
    outcome = attempt(folder, "--strict", output=tmp_path / "strict")
    assert outcome.code == 1
    assert f"--strict: {said}" in outcome.said
    outcome = attempt(folder, "--overwrite")
    assert outcome.code == 0
    assert said in outcome.said.splitlines()[-2]
    assert "b.jsonl.br" in outcome.said
    assert "and 13 others" in outcome.said
    assert sorted(metrics()["left_out"]) == sorted(str(folder / name) for name in names)
    assert "a.csv" in (tmp_path / "out/report.html").read_text()
    assert attempt(folder / "*.parquet", "--strict", "--overwrite").code == 0


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_a_file_without_records_is_an_empty_corpus(
    name: str, folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    if name.endswith("jsonl"):
        (folder / name).write_bytes(b"")
    else:
        parquet(folder, {"text": pa.array([], pa.string())})
    outcome = attempt(folder)
    assert outcome.code == 0
    assert "0 documents in" in outcome.said
    assert read_output().schema.names == ["text"]
    assert read_output().num_rows == 0


def test_a_file_without_records_beside_others_does_no_harm(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    (folder / "0.jsonl").write_bytes(b"")
    (folder / "1.jsonl").write_bytes(b"\n\n  \n")
    parquet(folder, {"text": pa.array([], pa.string())}, "2.parquet")
    parquet(folder, {"text": ["one"]}, "3.parquet")
    assert attempt(folder).code == 0
    assert read_output()["text"].to_pylist() == ["one"]
