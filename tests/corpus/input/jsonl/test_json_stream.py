import bz2
import gzip
import itertools
import lzma
import os
from pathlib import Path

import pyarrow as pa
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyarrow import fs

from transforms.base.errors import CorpusError
from transforms.corpus.input.jsonl import stream as json_stream
from transforms.corpus.input.jsonl.compressed import compression_of
from transforms.corpus.input.jsonl.stream import line_buffers, plain_ranges

LOCAL = fs.LocalFileSystem()
PACK = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".zstd": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lz4": lambda data: pa.compress(data, "lz4", asbytes=True),
}


def lines_of(path: Path, lo: int = 0, hi: int | None = None, block_bytes: int = 1 << 20) -> list[tuple[int, bytes]]:
    """(offset, line with its newline) of every line of every buffer."""
    found = []
    for first, data in line_buffers(LOCAL, str(path), lo, hi, block_bytes):
        assert len(data)
        for line in data.tobytes().splitlines(keepends=True):
            found.append((first, line))
            first += len(line)
        data[:] = 0  # a reader may write to it
    return found


def split(data: bytes) -> list[tuple[int, bytes]]:
    lines = data.splitlines(keepends=True)
    return list(zip(itertools.accumulate(map(len, lines), initial=0), lines, strict=False))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stream")


contents = st.lists(st.sampled_from([b"\n", b"\n", b"a", b"bc", b"d" * 40]), max_size=30).map(b"".join)


@settings(deadline=None)
@given(contents, st.lists(st.integers(0, 200), max_size=6), st.integers(1, 50))
@example(b"a\n" * 4, [2, 3, 4], 2)
@example(b"d" * 120 + b"\nx", [10, 50, 120, 121, 122], 16)
def test_every_line_is_in_the_range_that_holds_its_first_byte(
    folder: Path, data: bytes, cuts: list[int], block: int
) -> None:
    path = folder / "plain.jsonl"
    path.write_bytes(data)
    for lo, hi in itertools.pairwise([0, *sorted(cuts), max(200, len(data))]):
        assert lines_of(path, lo, hi, block) == [(at, line) for at, line in split(data) if lo <= at < hi]
    assert lines_of(path, cuts[0] if cuts else 0, None, block) == [
        (at, line) for at, line in split(data) if at >= (cuts[0] if cuts else 0)
    ]


@settings(deadline=None, max_examples=50)
@given(st.lists(contents, max_size=5), st.sampled_from(list(PACK)), st.integers(1, 300))
def test_members_and_frames_are_one_stream(folder: Path, parts: list[bytes], suffix: str, block: int) -> None:
    path = folder / f"packed.jsonl{suffix}"
    path.write_bytes(b"".join(PACK[suffix](part) for part in parts))
    assert lines_of(path, block_bytes=block) == split(b"".join(parts))


@pytest.mark.parametrize("suffix", list(PACK))
@pytest.mark.parametrize("missing", [1, 5, 9, 1000, "second member"])
def test_a_stream_that_breaks_off_is_an_error_that_names_the_file(
    tmp_path: Path, suffix: str, missing: int | str
) -> None:
    first, second = (PACK[suffix](os.urandom(5000).hex().encode() + b"\n") for _ in range(2))
    path = tmp_path / f"cut.jsonl{suffix}"
    path.write_bytes((first + second)[: len(first) + 3 if missing == "second member" else -int(missing)])
    with pytest.raises(CorpusError, match=rf"cut.jsonl{suffix}: .* breaks off .*get the file again"):
        lines_of(path, block_bytes=64)


@pytest.mark.parametrize("suffix", list(PACK))
def test_a_damaged_stream_is_an_error(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad.jsonl{suffix}"
    for data in (PACK[suffix](b"x\n")[:6] + b"junk junk", PACK[suffix](b"x\n") + b"junk junk"):
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=rf"bad.jsonl{suffix}: .* is damaged"):
            lines_of(path)


def test_a_zstd_window_that_would_need_much_memory_is_named(tmp_path: Path) -> None:
    options = zstandard.ZstdCompressionParameters.from_level(1, window_log=28)
    packer = zstandard.ZstdCompressor(compression_params=options).compressobj()
    path = tmp_path / "long.jsonl.zst"
    path.write_bytes(packer.compress(b"x\n" * 1000) + packer.flush())
    with pytest.raises(CorpusError, match=r"long.jsonl.zst: .* window .*--long=27"):
        lines_of(path)


def test_a_file_that_cannot_be_opened_or_read(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"missing.jsonl: cannot be opened"):
        lines_of(tmp_path / "missing.jsonl")
    with pytest.raises(CorpusError, match=r"missing.jsonl.gz: cannot be opened"):
        lines_of(tmp_path / "missing.jsonl.gz")
    with pytest.raises(CorpusError, match=str(tmp_path)):
        lines_of(tmp_path)


def test_a_file_without_newlines_is_refused_before_memory_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MAX_LINE_BYTES", 1000)
    path = tmp_path / "binary.jsonl"
    path.write_bytes(b"short\n" + b"x" * 1000)
    for lo, hi in ((0, None), (0, 100), (0, 7), (6, 7)):
        with pytest.raises(CorpusError, match=r"binary.jsonl: the line at byte 6 does not end within 1000 bytes"):
            lines_of(path, lo, hi, 10)
    assert lines_of(path, 7, None, 10) == []
    path.write_bytes(b"short\n" + b"x" * 900 + b"\nend")
    assert [at for at, _ in lines_of(path, block_bytes=10)] == [0, 6, 907]


@given(st.integers(0, 10**12), st.integers(1, 10**9))
def test_ranges_cover_a_file_in_parts_of_bounded_size(size: int, target: int) -> None:
    target = max(target, size // 1000)
    ranges = plain_ranges(size, target)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == size
    assert all(left[1] == right[0] for left, right in itertools.pairwise(ranges))
    assert all(hi - lo <= target for lo, hi in ranges)
    assert len(ranges) == max(1, -(-size // target))


def test_compression_goes_by_the_suffix() -> None:
    paths = ["a.jsonl", "a.jsonl.gz", "A.JSONL.GZ", "a.zst", "gz", "a.gz.jsonl", "a.zstd", "a.bz2", "a.xz", "a.lz4"]
    wanted = [None, "gzip", "gzip", "zstd", None, None, "zstd", "bz2", "xz", "lz4"]
    assert [compression_of(path) for path in paths] == wanted


@pytest.mark.parametrize("padding", [0, 4, 512])
def test_xz_streams_may_be_padded_and_nothing_after_them_is_passed_over(tmp_path: Path, padding: int) -> None:
    path = tmp_path / "two.jsonl.xz"
    both = lzma.compress(b"a\n") + bytes(padding) + lzma.compress(b"b\n") + bytes(padding)
    path.write_bytes(both)
    assert lines_of(path) == [(0, b"a\n"), (2, b"b\n")]
    for data in (both + b"junk", both[: -padding - 20], lzma.compress(b"a\n") + b"\0\0junk"):
        path.write_bytes(data)
        with pytest.raises(CorpusError, match=r"two.jsonl.xz: the xz stream is damaged or breaks off"):
            lines_of(path)


def test_wrong_use_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="read as a whole"):
        lines_of(tmp_path / "a.gz", 5, None)
    with pytest.raises(ValueError, match="block_bytes is 0"):
        lines_of(tmp_path / "a", block_bytes=0)
