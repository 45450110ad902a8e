"""Input that is unusual and right: scripts, types, names, links, repetitions."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HAN = (
    "山水花鳥風月雲雨雪春夏秋冬東西南北上下左右大小多少天地人心手足目耳口日夜朝夕年時分秒金木土火石田川林森村町市国海島岩泉池空星光色音声言語文字書本紙筆"
    * 3
)
ARABIC = (
    "كان يا ما كان في قديم الزمان ملك عادل يحب العلم والعلماء ويجلس كل يوم في حديقة القصر "
    "يقرأ الكتب القديمة ويكتب ما يراه من عجائب الدنيا وغرائبها حتى صار أعلم أهل زمانه بالنجوم والأنهار والجبال"
)


def write(folder: Path, columns: dict[str, Any], name: str = "a.parquet", **settings: Any) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, **settings)
    return path


def removed(output: Path) -> list[tuple[int, int, str]]:
    rows = pq.read_table(output / "duplicates").to_pylist()
    return [(row["address"], row["kept_address"], row["reason"]) for row in rows]


def test_near_duplicates_are_found_in_any_script(folder: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    emoji = "😀 so glad 🎉 " + " ".join(f"w{number} 🚀" for number in range(60))
    same = [HAN, HAN[:-1] + "終", ARABIC * 2, ARABIC * 2 + " النهاية", emoji, emoji.replace("🎉", "🎂") + " end"]
    write(folder, {"text": same})
    assert attempt(folder).code == 0
    assert removed(tmp_path / "out") == [(1, 0, "near"), (3, 1, "near"), (5, 2, "near")]


def test_texts_without_a_word_are_equal_only_if_their_bytes_are(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder, {"text": ["😀😀", "😀🎉", "😀😀", "...", "", "!!!", "", " ", "..."]})
    assert attempt(folder).code == 0
    assert read_output()["text"].to_pylist() == ["😀😀", "😀🎉", "...", "", "!!!", " "]


def test_ids_need_not_be_unique_nor_text(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder, {"id": ["same"] * 4, "text": ["a b c", "a b c", "d", "e"]}, "1/a.parquet")
    write(folder, {"id": [7, 7, None], "text": ["f", "f", "f"]}, "2/a.parquet")
    for part, kept, pairs in (("1", 3, [("same", "same")]), ("2", 1, [("7", "7"), (None, "7")])):
        output = folder.parent / f"out{part}"
        assert attempt(folder / part, output=output).code == 0
        assert read_output(output).num_rows == kept
        found = pq.read_table(output / "duplicates").to_pylist()
        assert [(row["id"], row["kept_id"]) for row in found] == pairs


def test_ids_of_any_type_do_no_harm(folder: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    bad = pa.Array.from_buffers(pa.string(), 1, [None, *pa.array([b"\xff\xfe"]).buffers()[1:]])
    ids = {"bytes": bad, "list": [["a"]], "struct": [{"a": 1}], "none": pa.nulls(1)}
    shown = {"bytes": "\ufffd\ufffd", "list": None, "struct": None, "none": None}
    for name, column in ids.items():
        output = tmp_path / name
        source = folder / f"{name}.parquet"
        column = pa.chunked_array([column] * 2) if isinstance(column, pa.Array) else column * 2
        write(folder, {"id": column, "text": ["one two", "one two"]}, source.name)
        assert attempt(source, output=output).code == 0
        assert pq.read_table(output / "duplicates")["id"].to_pylist() == [shown[name]]


@pytest.mark.parametrize(
    "dtype",
    [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())],
    ids=str,
)
def test_text_may_have_any_type_of_text(
    dtype: pa.DataType, folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    texts = ["one two", "three", "one two", None, ""]
    column = pa.array(texts).dictionary_encode() if pa.types.is_dictionary(dtype) else pa.array(texts).cast(dtype)
    write(folder, {"text": column, "n": [1, 2, 3, 4, 5]}, row_group_size=2)
    assert attempt(folder).code == 0
    assert read_output().to_pydict() == {"text": ["one two", "three", ""], "n": [1, 2, 5]}


def test_nested_columns_pass_through_whatever_is_removed_around_them(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    rows = 9
    columns = {
        "text": [f"document {row % 7}" for row in range(rows)],
        "list": [[row, None] * (row % 3) for row in range(rows)],
        "struct": [{"a": row, "b": {"c": [str(row)]}} if row % 4 else None for row in range(rows)],
        "map": pa.array([[(str(row), row)] for row in range(rows)], pa.map_(pa.string(), pa.int64())),
        "views": pa.array([[str(row)] for row in range(rows)], pa.list_(pa.string_view())),
        "category": pa.array([f"c{row % 2}" for row in range(rows)]).dictionary_encode(),
        "time": pa.array(range(rows), pa.timestamp("us", "UTC")),
        "decimal": pa.array(range(rows)).cast(pa.decimal128(21, 2)),
        "fixed": pa.array([[row, row] for row in range(rows)], pa.list_(pa.float32(), 2)),
        "bytes": [bytes([row, 255]) for row in range(rows)],
    }
    write(folder, columns, row_group_size=4)
    assert attempt(folder).code == 0
    assert read_output().to_pylist() == pa.table(columns).to_pylist()[:7]


def test_columns_that_only_some_files_have(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder, {"text": ["one"], "meta": [{"a": 1}], "n": pa.array([1], pa.int8())})
    write(folder, {"text": ["two"], "meta": [{"a": 2, "b": "x"}], "n": pa.array([300], pa.int32())}, "b.parquet")
    (folder / "c.jsonl").write_text('{"text": "three", "meta": {"c": [1, null]}, "extra": {}}\n{"text": "four"}\n')
    assert attempt(folder).code == 0
    nothing = {"a": None, "b": None, "c": None}
    assert read_output().to_pylist() == [
        {"text": "one", "meta": {**nothing, "a": 1}, "n": 1, "extra": None},
        {"text": "two", "meta": {**nothing, "a": 2, "b": "x"}, "n": 300, "extra": None},
        {"text": "three", "meta": {**nothing, "c": [1, None]}, "n": None, "extra": None},
        {"text": "four", "meta": None, "n": None, "extra": None},
    ]


def test_the_best_of_json_records_stays_though_some_lack_the_score(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    (folder / "a.jsonl").write_text('{"text": "one two"}\n')
    (folder / "b.jsonl").write_text('{"text": "one two", "score": 1}\n{"text": "one two", "score": 2.5}\n')
    assert attempt(folder, "--keep", "max:score").code == 0
    assert read_output().to_pylist() == [{"text": "one two", "score": 2.5}]


def test_names_may_hold_anything(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    names = ["sp ace/ü 日本.parquet", "100%/a#b?.parquet", "[x]/*.parquet", "new\nline.parquet", "q'uo\"te.jsonl"]
    for at, name in enumerate(names):
        path = write(folder, {"text": [f"document {at}"]}, name)
        if name.endswith("jsonl"):
            path.write_text(json.dumps({"text": f"document {at}"}) + "\n")
    output = folder.parent / "öut [1] %20 #?"
    assert attempt(folder, output=output).code == 0
    assert sorted(read_output(output)["text"].to_pylist()) == [f"document {at}" for at in range(len(names))]
    listed = json.loads((output / "manifest.json").read_text())["content"]["input"]
    assert sorted(entry["path"] for entry in listed) == sorted(names)
    for name in names:
        assert attempt(folder / name, "--overwrite", output=folder.parent / "one").code == 0


def test_a_file_counts_once_however_it_is_reached(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"text": ["one", "two"]}, "deep/a.parquet")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "link.parquet").symlink_to(folder / "deep/a.parquet")
    (folder / "broken.parquet").symlink_to(folder / "missing.parquet")
    monkeypatch.chdir(folder)
    assert attempt(".", "--input", f"{folder}/", "deep/../deep/*.parquet", "loop").code == 0
    assert read_output()["text"].to_pylist() == ["one", "two"]
    listed = json.loads((folder.parent / "out/manifest.json").read_text())["content"]["input"]
    assert [entry["path"] for entry in listed] == ["link.parquet"]


def test_relative_paths_and_trailing_slashes(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"text": ["one"]})
    monkeypatch.chdir(folder.parent)
    assert attempt("in/", output=Path("deep/er/out")).code == 0
    assert "finished already" in attempt(folder, output=Path("deep/../deep/er//out/")).said
    assert read_output(folder.parent / "deep/er/out")["text"].to_pylist() == ["one"]


def test_hidden_files_are_no_input(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder, {"text": ["one"]})
    (folder / "_SUCCESS").write_text("")
    (folder / ".a.parquet.crc").write_bytes(b"crc")
    (folder / "_temporary").mkdir()
    (folder / "_temporary/b.parquet").write_bytes(b"half a file")
    (folder / "notes.txt").write_text("not a corpus")
    assert attempt(folder).code == 0
    assert read_output()["text"].to_pylist() == ["one"]


def test_input_that_changed_since_the_plan_is_planned_anew(
    folder: Path, attempt: Callable[..., Any], read_output: Callable[..., pa.Table]
) -> None:
    write(folder, {"text": ["one", "one", "two"]})
    assert attempt(folder, "--until", "plan").code == 0
    write(folder, {"text": ["three", "four", "four", "five"]})
    outcome = attempt(folder)
    assert outcome.code == 0
    assert "it is discarded" in outcome.said
    assert read_output()["text"].to_pylist() == ["three", "four", "five"]


def test_the_plan_can_be_looked_at_as_often_as_one_likes(folder: Path, attempt: Callable[..., Any]) -> None:
    write(folder, {"text": ["one", "one", "two"]})
    first, second = (attempt(folder, "--until", "plan") for _ in range(2))
    assert (first.code, second.code) == (0, 0)
    assert "done before" not in first.said
    assert second.said.count("done before") == 2
    assert "3 documents in: 2 kept" in second.said
    assert attempt(folder).code == 0
