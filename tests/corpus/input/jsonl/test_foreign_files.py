"""Files that do not hold JSON lines are refused by what they are; rounded integers by where they are."""

import bz2
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from pyarrow import fs

from transforms.base.errors import CorpusError
from transforms.corpus.input.format import InexactInteger
from transforms.corpus.input.jsonl.blocks import JsonBlock, read_blocks
from transforms.corpus.input.jsonl.rounding import refuse_rounding

RECORDS = [{"id": number, "text": f"some text {number}"} for number in range(30)]
LINES = "".join(json.dumps(record) + "\n" for record in RECORDS).encode()


def read(path: Path, data: bytes, schema: pa.Schema | None = None) -> list[JsonBlock]:
    path.write_bytes(data)
    return list(read_blocks(fs.LocalFileSystem(), str(path), 0, None, schema=schema))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (gzip.compress(LINES), "is gzip data, .* end in .jsonl.gz"),
        (zstandard.compress(LINES), "is zstd data, .* end in .jsonl.zst,"),
        (bz2.compress(LINES), "is bz2 data, .* end in .jsonl.bz2"),
        (lzma.compress(LINES), "is xz data, .* end in .jsonl.xz"),
        (pa.compress(LINES, "lz4", asbytes=True), "is lz4 data, .* end in .jsonl.lz4"),
        (b"PAR1" + bytes(90), "is a Parquet file"),
        (b"PK\x03\x04" + bytes(90), "is a ZIP archive: unpack it"),
        (b"part.jsonl".ljust(257, b"\0") + b"ustar\x0000" + bytes(300) + LINES, "is a tar archive: unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "is a pointer of Git LFS"),
        (LINES.replace(b"\n", b""), "is one line with something after its first object: write one object per line"),
        (LINES.replace(b"\n", b"\r"), "is one line with something after its first object"),
        (LINES.decode().encode("utf-16"), "is UTF-16 text, JSON lines are UTF-8: convert it"),
        (LINES.decode().encode("utf-16-le"), "is UTF-16 text"),
        (("\n " + LINES.decode()).encode("utf-16-be"), "is UTF-16 text"),
        (LINES.decode().encode("utf-32"), "is UTF-32 text"),
        (LINES.decode().encode("utf-32-be"), "is UTF-32 text"),
        ("{\"text\": \"日本語\"}\n".encode("utf-16"), "is UTF-16 text"),
        (json.dumps(RECORDS).encode(), "begins with an array, at byte 0: write one object per line .jq"),
        (json.dumps(RECORDS, indent=1).encode(), "begins with an array, at byte 0"),
        (b"\n\xef\xbb\xbf[\n" + LINES, "begins with an array, at byte 1"),
        (b"[" + LINES.replace(b"}\n", b"},\n"), "begins with an array"),
        (json.dumps(RECORDS[0], indent=1).encode(), "the first 4 lines are all bad, .*objects over several lines"),
        (b"id,text\n1,one\n", "the first 2 lines are all bad, .*does not look like JSON lines"),
        (b"word\n" * 500, "the first 10 lines are all bad"),
        (b"word\n" * 10 + LINES, "the first 10 lines are all bad"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_refused_with_what_it_is(tmp_path: Path, data: bytes, said: str) -> None:
    with pytest.raises(CorpusError, match=f"(?s)part.jsonl: .*({said}).*leave the file out"):
        read(tmp_path / "part.jsonl", data)


@pytest.mark.parametrize(
    "data",
    [
        b"word\n" * 9 + LINES,
        b'{"text": "cut off',
        b"\xff\xfe\n" + LINES,
        b"[1, 2]\n" + LINES,
        b"\xef\xbb\xbf\xef\xbb\xbf" + LINES,
        b"\0\n" + LINES,
    ],
)
def test_a_few_bad_lines_are_no_reason_to_refuse_a_file(tmp_path: Path, data: bytes) -> None:
    blocks = read(tmp_path / "part.jsonl", data)
    assert sum(len(block.positions) for block in blocks) == (len(RECORDS) if LINES in data else 0)


@pytest.mark.parametrize(
    "name", ["part.jsonl.gz", "part.jsonl.zst", "part.jsonl.bz2", "part.jsonl.xz", "part.jsonl.lz4"]
)
def test_a_compressed_name_over_something_else_is_told_as_that(tmp_path: Path, name: str) -> None:
    with pytest.raises(CorpusError, match=rf"{name}: is no \w+ data, .* it begins with b'{{\"id\": 0"):
        read(tmp_path / name, LINES)


def test_a_file_that_is_packed_twice_is_told_as_that(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"part.jsonl.gz: is packed twice, inside is xz data: unpack it once"):
        read(tmp_path / "part.jsonl.gz", gzip.compress(lzma.compress(LINES)))


def concatenated(*lines: bytes) -> bytes:
    """Files with a byte order mark each, put together."""
    return b"".join(b"\xef\xbb\xbf" + line for line in lines)


def test_files_with_byte_order_marks_put_together_lose_nothing(tmp_path: Path) -> None:
    (block,) = read(
        tmp_path / "part.jsonl", concatenated(b'{"a":"\xef\xbb\xbf"}\n', b'{"a":"x"}\n{"a":"y"}\n', b"", b"{\n")
    )
    assert block.table.to_pylist() == [{"a": "\ufeff"}, {"a": "x"}, {"a": "y"}]
    assert block.positions.tolist() == [0, 15, 28]
    assert [line.raw for line in block.bad] == [b"\xef\xbb\xbf\xef\xbb\xbf{"]


BIG = 2**53 + 1
Make = Callable[[object], object]
WRAPPED: list[Make] = [lambda value: value, lambda value: {"v": [value]}, lambda value: [{"w": value}, None]]


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("fraction", [1.5, 1e300, float("nan"), -0.0])
def test_an_integer_that_a_fraction_elsewhere_would_round_is_refused(
    tmp_path: Path, wrap: Make, fraction: float
) -> None:
    lines = [json.dumps({"id": BIG + at, "x": wrap(value)}).encode() for at, value in enumerate([1, BIG, 2, fraction])]
    with pytest.raises(CorpusError, match=rf"part.jsonl \(line at byte {len(lines[0]) + 1}\): column 'x.* {BIG} here"):
        read(tmp_path / "part.jsonl", b"\n".join(lines))
    blocks = [read(tmp_path / f"{at}.jsonl", line)[0] for at, line in enumerate(lines)]
    integers, floats = blocks[1], blocks[3]
    assert [one.value for one in integers.inexact if one.path[0] == "x"] == [BIG]
    found = [("some.jsonl", one) for one in integers.inexact]
    refuse_rounding(found, integers.table.schema)
    with pytest.raises(CorpusError, match=rf"some.jsonl: column 'x.* {BIG} here and fractions elsewhere"):
        refuse_rounding(found, floats.table.schema)
    with pytest.raises(CorpusError, match=rf"again.jsonl .line at byte 0.: column 'x.* {BIG} here"):
        read(tmp_path / "again.jsonl", lines[1], schema=floats.table.schema)


@pytest.mark.parametrize("value", [2**53, 2**60, -(2**62), -(2**63), 3 * 2**55])
def test_an_integer_that_a_float_holds_stands_beside_fractions(tmp_path: Path, value: int) -> None:
    (block,) = read(tmp_path / "part.jsonl", json.dumps({"x": [value, 1.5]}).encode())
    assert [int(one) for one in block.table["x"].to_pylist()[0]] == [value, 1]
    assert block.inexact == []


def test_big_integers_of_one_column_do_not_disturb_another(tmp_path: Path) -> None:
    lines = [{"id": BIG + at, "big": 1e300 + at, "score": at + 0.5} for at in range(50)]
    (block,) = read(tmp_path / "part.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert block.table.to_pylist() == lines
    assert block.inexact == [InexactInteger(("id",), BIG)]
