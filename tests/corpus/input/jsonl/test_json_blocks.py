import itertools
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from tests.corpus.input.jsonl.json_reference import (
    INVALID,
    PACK,
    Rows,
    begins_with_no_record,
    reference,
    shaped,
    typed,
)
from transforms.base.errors import CorpusError
from transforms.corpus.input.format import InexactInteger
from transforms.corpus.input.jsonl import blocks, stream
from transforms.corpus.input.jsonl.blocks import BadLine, merge_schemas, read_blocks, storable
from transforms.corpus.input.jsonl.lines import MAX_DEPTH
from transforms.corpus.input.jsonl.rounding import refuse_rounding

LOCAL = fs.LocalFileSystem()


def read(path: Path, lo: int = 0, hi: int | None = None, **options: Any) -> tuple[list, Rows, list[BadLine]]:
    """Schemas, (position, row) and bad lines of all blocks; every table is checked from end to end."""
    schemas, rows, bad = [], [], []
    inexact: list[tuple[str, InexactInteger]] = []
    for block in list(read_blocks(LOCAL, str(path), lo, hi, **options)):  # all at once: blocks share no memory
        assert block.positions.dtype == np.uint64
        assert len(block.positions) == block.table.num_rows
        assert block.table.num_rows or block.bad
        block.table.validate(full=True)
        assert all(column.num_chunks == 1 for column in block.table.columns if len(column))
        if block.table.num_rows:
            schemas.append((str(path), block.table.schema))
        inexact += [(str(path), one) for one in block.inexact]
        rows += zip(block.positions.tolist(), block.table.to_pylist(), strict=True)
        bad += block.bad
    assert [position for position, _ in rows] == sorted({position for position, _ in rows})
    assert [line.position for line in bad] == sorted({line.position for line in bad})
    if inexact and "schema" not in options:  # as a run does once it knows all columns
        refuse_rounding(inexact, merge_schemas(schemas))
    return schemas, rows, bad


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The bytes that the parser is given, one number for each time."""
    sizes: list[int] = []
    infer = blocks.infer_table

    def counted(lines: npt.NDArray[np.uint8], **options: Any) -> pa.Table:
        sizes.append(len(lines))
        return infer(lines, **options)

    monkeypatch.setattr(blocks, "infer_table", counted)
    return sizes


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lines")


def write(folder: Path, data: bytes, suffix: str = ".jsonl") -> Path:
    path = folder / f"part{suffix}"
    packed = PACK.get(path.suffix)
    path.write_bytes(packed(data) if packed else data)
    return path


@st.composite
def files(draw: st.DrawFn) -> bytes:
    types = draw(st.dictionaries(st.sampled_from(["a", "b", "", "text", "é"]), typed(2), max_size=4))
    row = st.fixed_dictionaries({}, optional=types)
    line = st.builds(
        lambda value, ascii_only, space: json.dumps(value, ensure_ascii=ascii_only, separators=space).encode(),
        row,
        st.booleans(),
        st.sampled_from([(",", ":"), (" , ", " :\t")]),
    )
    lines = draw(st.lists(line | line | st.sampled_from([*INVALID, b"", b" \t"]), max_size=12))
    if draw(st.booleans()):
        lines = [draw(st.sampled_from([line, line[:-1], line[1:], line + b" ", b"  " + line])) for line in lines]
    ends = [draw(st.sampled_from([b"\n", b"\n", b"\r\n"])) for _ in lines]
    data = b"".join(line + end for line, end in zip(lines, ends, strict=True))
    return draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + (data if draw(st.booleans()) else data.removesuffix(b"\n"))


@settings(deadline=None, max_examples=120)
@given(
    files(),
    st.sampled_from([1, 7, 40, 200, 1 << 20]),
    st.sampled_from([".jsonl", *(f".jsonl{ending}" for ending in PACK)]),
)
@example(b'{"a":[[9007199254740993,0.0]]}', 40, ".jsonl")
@example(b'{"b":1}\n{"a":[9007199254740993,0.5]}\n', 1, ".jsonl")
def test_rows_positions_and_bad_lines_are_the_json_modules(folder: Path, data: bytes, block: int, suffix: str) -> None:
    good, bad, agree = reference(data)
    path = write(folder, data, suffix)
    if begins_with_no_record(data):
        with pytest.raises(
            CorpusError,
            match=r"part.jsonl.*: (the first .* bad, at|begins with an array|is one line with).*leave the file out",
        ):
            read(path, block_bytes=block)
        return
    if not agree:
        with pytest.raises(CorpusError, match=r"column '.*' (is|holds the integer) "):
            merge_schemas(read(path, block_bytes=block)[0])
        return
    schemas, rows, refused = read(path, block_bytes=block)
    assert [(line.position, line.reason) for line in refused] == bad
    assert all(line.raw == data[line.position :].split(b"\n")[0] for line in refused)
    assert [position for position, _ in rows] == [position for position, _ in good]
    inferred = merge_schemas(schemas)
    types = pa.struct(list(inferred))
    assert [shaped(row, types) for _, row in rows] == [shaped(row, types) for _, row in good]

    schema = storable(inferred)
    _, again, refused_again = read(path, block_bytes=block, schema=schema)
    assert refused_again == refused
    assert again == [(position, shaped(row, pa.struct(list(schema)))) for position, row in good]


@settings(deadline=None, max_examples=80)
@given(files(), st.lists(st.integers(0, 300), max_size=5), st.sampled_from([1, 16, 90, 1 << 20]), st.randoms())
def test_ranges_and_skipping_give_every_other_line_once(
    folder: Path, data: bytes, cuts: list[int], block: int, source: Any
) -> None:
    good, bad, agree = reference(data)
    if not agree or begins_with_no_record(data):
        return
    path = write(folder, data)
    schema = storable(merge_schemas(read(path)[0]))
    positions = [position for position, _ in good] + [position for position, _ in bad]
    skipped = [*sorted(source.sample(positions, source.randint(0, len(positions)))), 10_000]
    skip = np.array(skipped, np.uint64)
    rows: Rows = []
    refused: list[BadLine] = []
    for lo, hi in itertools.pairwise([0, *sorted(cuts), max(300, len(data))]):
        _, some, wrong = read(path, lo, hi, block_bytes=block, skip=skip, schema=schema)
        assert all(lo <= position < hi for position, _ in some)
        rows += some
        refused += wrong
    wanted = [(at, shaped(row, pa.struct(list(schema)))) for at, row in good if at not in skipped]
    assert rows == wanted
    assert [(line.position, line.reason) for line in refused] == [line for line in bad if line[0] not in skipped]


# One case each.


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"a":1', "broken_json", "Expecting"),
        (b"[1]", "broken_json", "an array where an object is wanted"),
        (b"null", "broken_json", "null where an object is wanted"),
        (b"1" * 5000, "broken_json", "a number where an object is wanted"),
        (b'{"a":1}{"a":2}', "broken_json", "Extra data at character 7"),
        (b'{"a":1},', "broken_json", "a comma after the object, at character 7"),
        (b' \xef\xbb\xbf{"a":1}', "broken_json", "a byte order mark after white space"),
        ('{"a":"x"}'.encode("utf-16-le"), "broken_json", "NUL bytes, the first at byte 1 of the line, as in UTF-16"),
        ('{"a":"x"}'.encode("utf-16"), "invalid_utf8", "invalid start byte at byte 0 of the line, as in UTF-16"),
        (
            b'{"n":[9007199254740993,1.5]}',
            "broken_json",
            "the integer 9007199254740993 in 'n[]' stands beside fractions",
        ),
        (b'{"n":[{"v":-9007199254740993},{"v":1e2}]}', "broken_json", "-9007199254740993 in 'n[].v' stands beside"),
        (b'{"a":"\xe9"}', "invalid_utf8", "at byte 6 of the line"),
        (b'{"a":"x\0"}', "broken_json", "Invalid control character"),
        (b'{"a":"\\ud800"}', "broken_json", "surrogate"),
        (b'{"a":"x","a":"y"}', "broken_json", "specified twice"),
        (b'{"n":18446744073709551615}', "broken_json", "integer beyond 64 bits"),
        (b'{"n":1e999}', "broken_json", "too big"),
        (b'{"n":[1,"x"]}', "broken_json", "changed from number to string"),
        (b'{"n":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "broken_json", "nested deeper than 64"),
    ],
)
def test_a_bad_line_between_good_ones_is_named(tmp_path: Path, line: bytes, reason: str, detail: str) -> None:
    path = write(tmp_path, b'{"a":"x"}\n' + line + b'\n{"a":"y"}\n')
    _, rows, (bad,) = read(path)
    assert rows == [(0, {"a": "x"}), (11 + len(line), {"a": "y"})]
    assert (bad.position, bad.reason, bad.raw) == (10, reason, line)
    assert detail in bad.detail


def test_nothing_good_in_a_file(tmp_path: Path) -> None:
    for data in (b"", b"\n \r\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"):
        assert read(write(tmp_path, data)) == ([], [], [])
    _, rows, bad = read(write(tmp_path, b"x"))
    assert rows == []
    assert [line.position for line in bad] == [0]


def test_nan_and_infinity_are_numbers(tmp_path: Path) -> None:
    _, rows, bad = read(write(tmp_path, b'{"a":NaN}\n{"a":-Infinity}\n{"a":1}\n'))
    assert not bad
    assert math.isnan(rows[0][1]["a"])
    assert [row["a"] for _, row in rows[1:]] == [-math.inf, 1.0]


def test_strings_that_look_like_times_keep_their_text(tmp_path: Path) -> None:
    first = {"a": "2020-01-01", "b": [None, "2020-01-01 00:00:00"], "c": {"d": "2020-01-01T00:00:00+01:00", "e": 1}}
    second = {"c": {"f": ["2021-01-01T00:00:00Z"]}, "a": None, "g": "2022-02-02"}
    lines = [json.dumps(row).encode() + b"\n" for row in (first, second, first)]
    for block in (1 << 20, len(lines[0])):
        schemas, rows, _ = read(write(tmp_path, b"".join(lines)), block_bytes=block)
        schema = merge_schemas(schemas)
        assert schema.field("a").type == pa.string()
        assert schema.field("b").type == pa.list_(pa.string())
        assert schema.field("c").type.field("d").type == pa.string()
        assert schema.field("c").type.field("f").type == pa.list_(pa.string())
        assert schema.names == ["a", "b", "c", "g"]
        types = pa.struct(list(schema))
        assert [shaped(row, types) for _, row in rows] == [shaped(row, types) for row in (first, second, first)]


def test_a_column_of_times_in_one_block_and_numbers_in_the_next_is_a_conflict(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"a":"2020-01-01"}\n{"a":2020}\n')
    for block in (1, 1 << 20):
        with pytest.raises(CorpusError, match=r"column 'a' is string in .*part.jsonl.* int64"):
            merge_schemas(read(path, block_bytes=block)[0])


def test_lines_that_disagree_about_a_type_are_an_error_not_quarantine(tmp_path: Path) -> None:
    rows = [{"text": "x", "meta": {"n": at}} for at in range(1000)]
    rows[700]["meta"] = {"n": "seven hundred"}
    path = write(tmp_path, "\n".join(map(json.dumps, rows)).encode())
    with pytest.raises(CorpusError, match=r"column 'meta.n' is int64 in .*part.jsonl .*but string in .*line at byte"):
        read(path)


def test_a_disagreement_in_every_line_is_found_at_once(tmp_path: Path, parsed: list[int]) -> None:
    path = write(tmp_path, b'{"a":1}\n{"a":"x"}\n' * 5000)
    with pytest.raises(CorpusError, match=r"int64 in .*\(line at byte 0\) but string in .*\(line at byte 8\)"):
        read(path)
    assert path.stat().st_size <= sum(parsed) < 3 * path.stat().st_size


def test_nulls_in_arrays_stay_where_they_are(tmp_path: Path) -> None:
    lines = [
        {"a": [None, 1, None]},
        {"a": [None, None]},
        {"b": [None]},
        {"b": [None, None]},
        {"c": [None, {"d": [None]}]},
    ]
    schemas, rows, _ = read(write(tmp_path, "\n".join(map(json.dumps, lines)).encode()))
    assert [row["a"] for _, row in rows] == [[None, 1, None], [None, None], None, None, None]
    assert [row["b"] for _, row in rows] == [None, None, [None], [None, None], None]
    assert rows[4][1]["c"] == [None, {"d": [None]}]
    assert schemas[0][1].field("b").type == pa.list_(pa.null())


def test_an_object_without_keys_can_be_stored(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"text":"x","meta":{},"list":[{}]}\n{"text":"y","meta":null}\n{}\n')
    schema = storable(merge_schemas(read(path)[0]))
    (block,) = read_blocks(LOCAL, str(path), 0, None, schema=schema)
    pq.write_table(block.table, tmp_path / "stored.parquet")
    stored = pq.read_table(tmp_path / "stored.parquet").to_pylist()
    assert stored == [
        {"text": "x", "meta": None, "list": [None]},
        {"text": "y", "meta": None, "list": None},
        {"text": None, "meta": None, "list": None},
    ]
    assert len(read(write(tmp_path, b"{}\n{}\n"))[1]) == 2


def test_the_deepest_line_passes_through_arrow_ipc(tmp_path: Path) -> None:
    deep = MAX_DEPTH - 1
    for line in (b'{"a":' + b"[" * deep + b"]" * deep + b"}", b'{"a":' * (deep + 1) + b"1" + b"}" * (deep + 1)):
        (block,) = read_blocks(LOCAL, str(write(tmp_path, line)), 0, None)
        again = pa.ipc.read_schema(block.table.schema.serialize())
        assert again == block.table.schema
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, again) as stream:
            stream.write_table(block.table)
        assert pa.ipc.open_stream(sink.getvalue()).read_all() == block.table


def test_a_schema_orders_widens_and_fills_columns(tmp_path: Path) -> None:
    path = write(tmp_path, b'{"n":1,"text":"x"}\n{"text":"2020-01-01","tags":["a"]}\n')
    schema = pa.schema(
        [
            ("when", pa.timestamp("us")),
            ("text", pa.large_string()),
            ("map", pa.map_(pa.string(), pa.int8())),
            ("n", pa.float64()),
            ("tags", pa.large_list(pa.large_string())),
        ]
    )
    (block,) = read_blocks(LOCAL, str(path), 0, None, schema=schema)
    assert block.table.schema == schema
    assert block.table.column("text").to_pylist() == ["x", "2020-01-01"]
    assert block.table.column("n").to_pylist() == [1.0, None]
    assert block.table.column("tags").to_pylist() == [None, ["a"]]
    assert block.table.column("when").null_count == block.table.column("map").null_count == 2


@pytest.mark.parametrize("line", [b'{"a":"x"}', b'{"a":1.5}', b'{"b":1}', b'{"a":{}}'])
def test_a_good_line_that_does_not_fit_the_schema_is_an_error(tmp_path: Path, line: bytes) -> None:
    path = write(tmp_path, b'{"a":1}\n' + line + b"\n{bad\n")
    with pytest.raises(CorpusError, match=r"part.jsonl \(line at byte 8\) does not fit"):
        read(path, schema=pa.schema([("a", pa.int64())]))


@pytest.mark.parametrize("suffix", [".jsonl", *(f".jsonl{ending}" for ending in PACK)])
def test_a_line_much_larger_than_a_block(tmp_path: Path, suffix: str) -> None:
    text = b"long " * 600_000
    path = write(tmp_path, b'{"text":"a"}\n{"text":"' + text + b'"}\n' + b'{"text":"b"}\n' * 3, suffix)
    _, rows, bad = read(path, block_bytes=1 << 12)
    assert not bad
    assert [row["text"] for _, row in rows] == ["a", text.decode(), "b", "b", "b"]
    assert [position for position, _ in rows[:3]] == [0, 13, 13 + 12 + len(text)]


@pytest.mark.parametrize("ending", [b"\n", b""])
def test_a_long_line_takes_linear_time(
    ending: bytes, tmp_path: Path, parsed: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the buffer grows, each byte is looked at and copied a few times."""
    searched, made = [], []

    def counted(search: Callable[..., int]) -> Callable[..., int]:
        def find(data: npt.NDArray[np.uint8], low: int, high: int) -> int:
            searched.append(high - low)
            return search(data, low, high)

        return find

    def empty(size: int, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        made.append(size)
        return np.empty(size, dtype)

    monkeypatch.setattr(stream, "first_newline", counted(stream.first_newline))
    monkeypatch.setattr(stream, "last_newline", counted(stream.last_newline))
    monkeypatch.setattr(stream, "np", SimpleNamespace(empty=empty, uint8=np.uint8))
    size = 2_000_000
    path = write(tmp_path, b'{"text":"' + b"x" * size + b'"}' + ending)
    (block,) = read_blocks(LOCAL, str(path), 0, None, block_bytes=64)
    assert block.table.num_rows == 1
    assert size // 2 <= sum(searched) < 3 * size
    assert size <= sum(made) < 5 * size
    assert size <= sum(parsed) < 2 * size
