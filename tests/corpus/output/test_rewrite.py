import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from transforms.base.errors import CorpusError
from transforms.base.folders import Folder
from transforms.base.runs import Work
from transforms.base.tasks import task_message
from transforms.corpus.input.addresses import address
from transforms.corpus.input.sources import Source, list_sources
from transforms.corpus.output.edits import removals
from transforms.corpus.output.names import edits_name
from transforms.corpus.output.rewrite import Expected, RewriteConfig, RewriteCorpus
from transforms.corpus.output.shards import END, Shard
from transforms.corpus.output.sink import ParquetFormat, write_table
from transforms.corpus.types.conform import conform

SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64())])
RUN = "0" * 32


def text(file: int, row: int) -> str:
    return f"document {row} of file {file}"


class Corpus:
    """Three files of 50 documents, Parquet, plain JSONL and gzip, and the addresses of their documents."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        rows = [[{"text": text(file, row), "n": row} for row in range(50)] for file in range(3)]
        pq.write_table(pa.Table.from_pylist(rows[0]), folder / "0.parquet", row_group_size=7)
        lines = ["".join(json.dumps(row) + "\n" for row in part).encode() for part in rows]
        (folder / "1.jsonl").write_bytes(lines[1])
        (folder / "2.jsonl.gz").write_bytes(gzip.compress(lines[2]))
        self.sources: list[Source] = list_sources([str(folder)])
        self.documents = {address(0, row): text(0, row) for row in range(50)}
        for file in (1, 2):
            ends = np.cumsum([0] + [len(line) + 1 for line in lines[file].splitlines()])
            self.documents |= {address(file, int(ends[row])): text(file, row) for row in range(50)}

    def cut(self, borders: Sequence[int], removed: set[int]) -> list[Shard]:
        edges = [0, *borders, END]
        shards = []
        for ordinal, (lo, hi) in enumerate(pairwise(edges)):
            kept = [len(one) for at, one in self.documents.items() if lo <= at < hi and at not in removed]
            shards.append(Shard(ordinal, lo, hi, len(kept), sum(kept)))
        return shards


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path / "in")


@pytest.fixture
def rewrite(corpus: Corpus, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    def run(
        shards: Sequence[Shard], removed: set[int], *, output: str = "out", threads: int = 2, **expected: int
    ) -> dict[str, Any]:
        work = Work(Folder(str(tmp_path / output)), RUN)
        for shard in shards:
            own = sorted(at for at in removed if shard.lo <= at < shard.hi)
            with work.folder.create(edits_name(shard.ordinal)) as sink:
                write_table(sink, removals(np.array(own, np.uint64)))
        layout = ParquetFormat(row_group_bytes=300)
        config = RewriteConfig(tuple(corpus.sources), SCHEMA.serialize().to_pybytes(), layout, "train", len(shards))
        counts = {"kept": 150 - len(removed), "documents_in": 150, **expected}
        with beam.Pipeline(runner=FnApiRunner()) as root:
            root | RewriteCorpus(shards, config, work, Expected(**counts), threads)
        summary: dict[str, Any] = json.loads(work.folder.read("rewrite.json"))
        return summary

    return run


def read(folder: Path) -> list[str]:
    paths = sorted((folder / "data").iterdir())
    return [one for path in paths for one in pq.read_table(path, partitioning=None)["text"].to_pylist()]


@pytest.mark.parametrize("every", [1000, 60, 17, 3, 1])
def test_what_is_not_removed_is_written_in_order_whatever_the_shards(
    every: int, corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    addresses = sorted(corpus.documents)
    removed = {at for number, at in enumerate(addresses) if number % 7 in (0, 5) or 60 < number < 80}
    kept = [at for at in addresses if at not in removed]
    shards = corpus.cut(kept[every::every], removed)
    summary = rewrite(shards, removed)
    assert read(tmp_path / "out") == [corpus.documents[at] for at in kept]
    assert (summary["rows"], summary["removed"]) == (len(kept), len(removed))
    for shard, receipt in zip(shards, summary["shards"], strict=True):
        data = (tmp_path / "out" / receipt["path"]).read_bytes()
        assert receipt["path"] == f"data/train-{shard.ordinal:05d}-of-{len(shards):05d}.parquet"
        assert (receipt["bytes"], receipt["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert (receipt["rows"], receipt["text_bytes"]) == (shard.rows, shard.text_bytes)
        assert pq.read_metadata(io.BytesIO(data)).num_rows == shard.rows


def test_a_shard_of_nothing_has_columns_and_no_row_group(
    corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    removed = set(corpus.documents)
    rewrite(corpus.cut([], removed), removed)
    (path,) = (tmp_path / "out/data").iterdir()
    metadata = pq.read_metadata(path)
    assert (metadata.num_rows, metadata.num_row_groups) == (0, 0)
    assert metadata.schema.to_arrow_schema().names == ["text", "n"]


def test_written_shards_are_not_written_again(corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path) -> None:
    shards = corpus.cut([address(0, 20), address(1, 0), address(2, 0)], set())
    first = rewrite(shards, set())
    paths = sorted((tmp_path / "out/data").iterdir())
    before = [path.stat().st_mtime_ns for path in paths]
    (tmp_path / f"out/.work/{RUN}/rewrite.json").unlink()
    (tmp_path / f"out/.work/{RUN}/rewrite/000001.json").unlink()
    assert rewrite(shards, set()) == first
    after = [path.stat().st_mtime_ns for path in paths]
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, False, True, True]


def refused(run: Callable[[], Any]) -> str:
    with pytest.raises(Exception, match="Rewrite the corpus") as caught:
        run()
    return task_message(caught.value) or ""


def test_a_document_too_few_or_too_many_is_an_error(
    corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    shards = corpus.cut([address(1, 0)], set())
    said = refused(lambda: rewrite(shards, set(), kept=149))
    assert "150 documents were read, but 150 were written and 0 taken out, where the plan keeps 149" in said
    said = refused(lambda: rewrite(shards, set(), documents_in=151))
    assert "151 documents were read, but 150 were written" in said
    assert not (tmp_path / f"out/.work/{RUN}/rewrite.json").exists()


@pytest.mark.parametrize("rows", [49, 51])
def test_a_file_that_changed_since_the_plan_is_an_error_and_its_shard_is_not_there(
    rows: int, corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    shards = corpus.cut([address(1, 0)], set())
    changed = [{"text": text(0, row), "n": row} for row in range(rows)]
    pq.write_table(pa.Table.from_pylist(changed), tmp_path / "in/0.parquet")
    said = refused(lambda: rewrite(shards, set(), threads=1))
    assert f"shard 0: {rows} documents" in said
    assert "the input changed during the run; run again" in said
    assert not (tmp_path / "out/data/train-00000-of-00002.parquet").exists()


def test_a_line_that_broke_since_the_scan_is_an_error(
    corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "in/1.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"n": 7}', b'"n": 7 '))
    said = refused(lambda: rewrite(corpus.cut([], set()), set()))
    assert "1.jsonl: the line at byte" in said
    assert "was sound in the scan and is not now" in said


def test_bad_lines_that_the_plan_removes_are_not_even_parsed(
    corpus: Corpus, rewrite: Callable[..., Any], tmp_path: Path
) -> None:
    path = tmp_path / "in/1.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[7] = b"\xff" * (len(lines[7]) - 1) + b"\n"
    path.write_bytes(b"".join(lines))
    bad = address(1, sum(map(len, lines[:7])))
    assert rewrite(corpus.cut([], {bad}), {bad})["rows"] == 149
    assert text(1, 7) not in read(tmp_path / "out")


def test_conform_fills_what_is_missing_and_widens_what_is_narrow() -> None:
    schema = pa.schema(
        [("n", pa.int64()), ("s", pa.struct([("a", pa.int64()), ("b", pa.string())])), ("t", pa.string())]
    )
    table = pa.table({"t": ["x"], "s": [{"a": 1}], "n": pa.array([1], pa.int8()), "more": [1]})
    found = conform(table, schema, "file")
    assert found.schema.equals(schema)
    assert found.to_pylist() == [{"n": 1, "s": {"a": 1, "b": None}, "t": "x"}]
    assert conform(pa.table({"n": [1]}), schema, "file").to_pylist() == [{"n": 1, "s": None, "t": None}]


def test_conform_loses_nothing() -> None:
    with pytest.raises(CorpusError, match="file: column 'n' cannot be read as int8"):
        conform(pa.table({"n": [300]}), pa.schema([("n", pa.int8())]), "file")
    with pytest.raises(CorpusError, match="file: column 'n' cannot be read as int64"):
        conform(pa.table({"n": ["x"]}), pa.schema([("n", pa.int64())]), "file")
