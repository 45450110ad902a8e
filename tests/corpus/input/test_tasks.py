import gzip
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.corpus.input import divide as tasks
from transforms.corpus.input.jsonl import format as json_lines
from transforms.corpus.input.pieces import BATCH_BYTES, Piece, read_piece
from transforms.corpus.input.sources import Source, list_sources

WORDS = [f"w{number}" for number in range(1000)]


def parquet(path: Path, rows: int, group: int) -> None:
    drawn = np.random.default_rng(rows).integers(0, len(WORDS), (rows, 20))
    text = [" ".join(WORDS[word] for word in row) for row in drawn]
    pq.write_table(pa.table({"n": range(rows), "text": text}), path, row_group_size=group, use_dictionary=False)


def positions(piece: Piece) -> list[int]:
    return [int(one) for records in read_piece(piece, columns=["text"]) for one in records.positions]


@pytest.fixture
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SMALLEST", 2000)
    monkeypatch.setattr(tasks, "LARGEST", 20_000)
    monkeypatch.setattr(json_lines, "JSON_RANGE", 1500)


def corpus(folder: Path) -> list[Source]:
    parquet(folder / "a.parquet", 500, 30)
    parquet(folder / "b.parquet", 1, 1)
    parquet(folder / "c.parquet", 0, 1)
    (folder / "d.jsonl").write_text("".join(f'{{"text": "line {at}"}}\n' for at in range(300)))
    (folder / "e.jsonl").write_text("")
    (folder / "f.jsonl.gz").write_bytes(gzip.compress(b'{"text": "x"}\n' * 700))
    return list_sources([str(folder)])


@pytest.mark.usefixtures("small_tasks")
def test_pieces_cover_every_record_once_in_address_order(tmp_path: Path) -> None:
    sources = corpus(tmp_path)
    pieces = tasks.divide(sources, "text")
    found = [(piece.source.ordinal, at) for piece in pieces for at in positions(piece)]
    assert found == sorted(found)
    by_file = [[at for file, at in found if file == ordinal] for ordinal in range(len(sources))]
    assert by_file[:3] == [list(range(500)), [0], []]
    assert [len(one) for one in by_file[3:]] == [300, 0, 700]
    assert len([piece for piece in pieces if piece.source.ordinal == 0]) > 3
    assert len([piece for piece in pieces if piece.source.ordinal == 3]) > 3
    assert len([piece for piece in pieces if piece.source.ordinal == 5]) == 1


@pytest.mark.usefixtures("small_tasks")
def test_pieces_are_whole_row_groups_and_about_as_large_as_wanted(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", 3000, 10)
    pieces = tasks.divide(list_sources([str(tmp_path)]), "text")
    assert all(piece.lo % 10 == 0 and (piece.hi or 0) % 10 == 0 for piece in pieces)
    largest_group = tasks.text_bytes(pieces[0].source, "text") / 300 * 1.2
    assert all(piece.size <= 2000 for piece in pieces)
    assert all(piece.size > 2000 - largest_group for piece in pieces[:-1])
    assert sum(piece.size for piece in pieces) == tasks.text_bytes(pieces[0].source, "text")


def test_a_small_corpus_is_one_task_a_file(tmp_path: Path) -> None:
    pieces = tasks.divide(corpus(tmp_path), "text")
    assert [(piece.source.ordinal, piece.lo) for piece in pieces] == [(0, 0), (1, 0), (3, 0), (4, 0), (5, 0)]


def test_the_size_of_text_is_that_before_compression(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a" * 10_000] * 10}), tmp_path / "a.parquet", use_dictionary=False)
    (source,) = list_sources([str(tmp_path)])
    assert source.size < 10_000
    assert 100_000 <= tasks.text_bytes(source, "text") < 101_000


@given(st.lists(st.integers(1, 40), min_size=1, max_size=12), st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None, max_examples=40)
def test_any_range_of_rows_can_be_read(groups: list[int], first: int, length: int) -> None:
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, pa.schema([("text", pa.string())])) as writer:
        at = 0
        for rows in groups:
            writer.write_table(pa.table({"text": [str(at + row) for row in range(rows)]}), row_group_size=rows)
            at += rows
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        path.write_bytes(sink.getvalue())
        (source,) = list_sources([str(path)])
        piece = Piece(source, first, first + length, 0)
        read = list(read_piece(piece, columns=["text"]))
        wanted = list(range(at))[first : first + length]
        assert [int(one) for records in read for one in records.positions] == wanted
        assert [one for records in read for one in records.table["text"].to_pylist()] == [str(one) for one in wanted]


def test_batches_are_bounded_however_well_the_text_is_packed(tmp_path: Path) -> None:
    """4,000 x 78 kB: Parquet keeps one of them and 4,000 references."""
    text = pa.array(["".join(WORDS) * 20]).take(pa.array([0] * 4000))
    pq.write_table(pa.table({"text": text}), tmp_path / "a.parquet")
    (piece,) = tasks.divide(list_sources([str(tmp_path)]), "text")
    sizes = []
    for at, records in enumerate(read_piece(piece, columns=["text"])):
        sizes.append(records.table.nbytes)
        if at == 3:
            break
    assert BATCH_BYTES <= max(sizes) < 6 * BATCH_BYTES


def test_a_column_that_is_not_there(tmp_path: Path) -> None:
    parquet(tmp_path / "a.parquet", 3, 3)
    with pytest.raises(CorpusError, match=r"a.parquet: no column 'body'; it has 'n', 'text': name one with --text"):
        tasks.divide(list_sources([str(tmp_path)]), "body")
