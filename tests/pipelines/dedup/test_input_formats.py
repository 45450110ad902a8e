"""The same documents in another format give the same output; and a new format takes one file and one entry."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import datasets
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from transforms.corpus.input import formats
from transforms.corpus.input.format import Format, Piece, Records, Source

WORDS = [f"word{number}" for number in range(300)]


def documents(count: int, seed: int = 7) -> pa.Table:
    """Texts of which some are duplicates, some null, with a label and a nested column beside them."""
    random = np.random.default_rng(seed)
    texts: list[str | None] = [" ".join(random.choice(WORDS, 60)) for _ in range(count)]
    for copy in range(0, count, 9):
        texts[copy] = texts[copy // 2]
    texts[5] = None
    return pa.table(
        {
            "id": [f"d{row}" for row in range(count)],
            "text": texts,
            "label": pa.array([row % 2 for row in range(count)], pa.int64()),
            "meta": [{"n": row, "tags": ["a"] * (row % 3)} for row in range(count)],
        }
    )


def saved(table: pa.Table, folder: Path, shards: int) -> tuple[Path, Path]:
    """The table as `datasets` saves it, in Arrow and, file by file, in Parquet."""
    features = datasets.Features(
        {**datasets.Features.from_arrow_schema(table.schema), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    arrow, parquet = folder / "arrow", folder / "parquet"
    whole = datasets.Dataset.from_dict(table.to_pydict(), features=features)
    whole.save_to_disk(arrow, num_shards=shards)
    parquet.mkdir()
    for number in range(shards):
        whole.shard(shards, number, contiguous=True).to_parquet(parquet / f"{number}.parquet")
    return arrow, parquet


def files(output: Path) -> dict[str, bytes]:
    parts = ("data", "duplicates", "quarantine")
    return {
        str(path.relative_to(output)): path.read_bytes() for part in parts for path in (output / part).glob("*.parquet")
    }


def content(output: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((output / "manifest.json").read_text())["content"]
    return {key: value for key, value in found.items() if key != "input"}


def test_a_saved_data_set_gives_the_bytes_that_parquet_gives(tmp_path: Path) -> None:
    arrow, parquet = saved(documents(400), tmp_path, 3)
    outputs = []
    for source in (arrow, parquet):
        outputs.append(tmp_path / f"out-{source.name}")
        flags = ("--shard-bytes", "40KB", "--keep", "longest")
        assert main(["dedup", "--input", str(source), "--output", str(outputs[-1]), *flags]) == 0
    assert files(outputs[0]) == files(outputs[1])
    assert len(files(outputs[0])) > 4
    assert content(outputs[0]) == content(outputs[1])
    schema = pq.read_schema(next((outputs[0] / "data").glob("*.parquet")))
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["label"] == {"names": ["bad", "good"], "_type": "ClassLabel"}


def test_streams_files_and_compressed_buffers_mix_with_other_formats(
    tmp_path: Path, folder: Path, read_output: Callable[..., pa.Table], dedup: Callable[..., int]
) -> None:
    table = documents(80).select(["id", "text"]).slice(6)
    for number, compression in enumerate([None, "lz4", "zstd"]):
        options = pa.ipc.IpcWriteOptions(compression=compression)
        with pa.ipc.new_file(folder / f"{number}.arrow", table.schema, options=options) as writer:
            writer.write_table(table.slice(20 * number, 20), max_chunksize=7)
    pq.write_table(table.slice(60, 4), folder / "3.parquet")
    (folder / "4.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table.slice(64).to_pylist()))
    assert dedup(folder) == 0
    assert set(read_output()["id"].to_pylist()) <= set(table["id"].to_pylist())
    assert read_output().num_rows + read_output(part="duplicates").num_rows == table.num_rows


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda raw: raw[: len(raw) // 2], "ends in the middle"),
        (lambda _: b"", "the file is empty"),
        (lambda _: b"some text\n" * 9, "is no Arrow file or stream"),
    ],
)
def test_a_bad_arrow_file_is_one_line(
    tmp_path: Path, folder: Path, attempt: Callable[..., object], spoil: Callable[[bytes], bytes], message: str
) -> None:
    table = documents(50).select(["text"])
    with pa.ipc.new_stream(folder / "a.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=10)
    raw = (folder / "a.arrow").read_bytes()
    (folder / "a.arrow").write_bytes(spoil(raw))
    outcome = attempt(folder)
    assert vars(outcome)["code"] != 0
    said = vars(outcome)["said"].strip().splitlines()
    assert message in said[-1]
    assert "a.arrow" in said[-1]


class TextLines(Format):
    """One document per line of a text file: a format as somebody might add it."""

    name = "text"
    suffixes: Mapping[str, str] = {".txt": ""}
    unit = "line"

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        del column, target
        return [Piece(source, 0, None, source.size)]

    def read(
        self,
        piece: Piece,
        *,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        skip: npt.NDArray[np.uint64] | None = None,
    ) -> Iterator[Records]:
        del columns, schema, skip
        lines = Path(piece.source.uri).read_text(encoding="utf-8").splitlines()[piece.lo : piece.hi]
        yield Records(np.arange(piece.lo, piece.lo + len(lines), dtype=np.uint64), pa.table({"text": lines}))


def test_a_new_format_is_one_file_and_one_entry(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    attempt: Callable[..., object],
    read_output: Callable[..., pa.Table],
) -> None:
    monkeypatch.setattr(formats, "FORMATS", (*formats.FORMATS, TextLines()))
    texts = [text for text in documents(60)["text"].to_pylist() if text]
    (folder / "a.txt").write_text("".join(f"{text}\n" for text in texts))
    (folder / "b.jsonl").write_text(json.dumps({"text": texts[0]}) + "\n")
    assert vars(attempt(folder, "--shard-bytes", "2KB"))["code"] == 0
    assert read_output()["text"].to_pylist() == list(dict.fromkeys(texts))
    duplicates = read_output(part="duplicates")
    assert duplicates.num_rows == len(texts) + 1 - len(set(texts))
