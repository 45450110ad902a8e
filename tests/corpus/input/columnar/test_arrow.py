"""Arrow IPC as an input: what is read equals what was written, and what cannot be read is said in one line."""

import json
import struct
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.corpus.input import divide as tasks
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.lookup import read_texts
from transforms.corpus.input.pieces import BATCH_BYTES, Piece, read_piece
from transforms.corpus.input.sources import Source, list_sources, names


def write(
    path: Path, tables: Iterable[pa.Table], *, file: bool = False, rows: int | None = None, **options: Any
) -> Path:
    tables = list(tables)
    new: Callable[..., Any] = pa.ipc.new_file if file else pa.ipc.new_stream
    with new(str(path), tables[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for table in tables:
            writer.write_table(table, max_chunksize=rows)
    return path


def source_of(path: Path) -> Source:
    (source,) = list_sources([str(path)])
    return source


def texts(piece: Piece, column: str = "text") -> list[str]:
    return [one for records in read_piece(piece, columns=[column]) for one in records.table[column].to_pylist()]


@settings(max_examples=60)
@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=8),
    st.booleans(),
    st.sampled_from([None, "lz4", "zstd"]),
    st.booleans(),
    st.booleans(),
    st.integers(1, 400),
    st.data(),
)
def test_pieces_hold_every_row_once_and_any_range_can_be_read(
    sizes: list[int],
    file: bool,
    compression: str | None,
    legacy: bool,
    in_dictionary: bool,
    target: int,
    data: st.DataObject,
) -> None:
    wanted = [f"document {row % 7 if in_dictionary else row}" for row in range(sum(sizes))]
    column = pa.array(wanted, pa.string())
    options = {"compression": compression, "use_legacy_format": legacy}
    if in_dictionary:
        options["emit_dictionary_deltas"] = True
    tables, at = [], 0
    for size in sizes:
        part = column.slice(at, size)
        if in_dictionary:  # each begins with the values of the one before it, as deltas must
            seen = list(dict.fromkeys(wanted[: at + size]))
            part = pa.DictionaryArray.from_arrays(
                pa.array([seen.index(one) for one in part.to_pylist()], pa.int32()), pa.array(seen, pa.string())
            )
        tables.append(pa.table({"text": part}, schema=pa.schema([("text", part.type)])))
        at += size
    with tempfile.TemporaryDirectory() as folder:
        source = source_of(write(Path(folder) / "a.arrow", tables, file=file, **options))
        known = format_for(source)
        assert known.rows(source) == len(wanted)
        pieces = known.divide(source, "text", target)
        borders = [piece.lo for piece in pieces] + ([pieces[-1].hi] if pieces else [])
        assert borders == sorted(set(borders))
        assert [one for piece in pieces for one in texts(piece)] == wanted
        lo, hi = sorted((data.draw(st.integers(0, at + 2)), data.draw(st.integers(0, at + 2))))
        assert texts(Piece(source, lo, hi, 0)) == wanted[lo:hi]
        positions = [int(one) for records in read_piece(Piece(source, lo, None, 0)) for one in records.positions]
        assert positions == list(range(lo, len(wanted)))
        if wanted:
            assert read_texts([source], [at - 1, at + 5], "text") == {at - 1: wanted[-1]}


def test_one_large_batch_is_read_in_small_ones_and_divided(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "SMALLEST", 3 << 20)
    monkeypatch.setattr(tasks, "LARGEST", 3 << 20)
    table = pa.table({"text": ["word " * 2000] * 2000, "n": range(2000)})
    pieces = tasks.divide([source_of(write(tmp_path / "a.arrow", [table]))], "text")
    assert 5 < len(pieces) < 9
    assert sum(len(texts(piece)) for piece in pieces) == 2000
    batches = [records.table for piece in pieces for records in read_piece(piece)]
    assert all(batch.nbytes <= 2 * BATCH_BYTES for batch in batches)
    (packed,) = tasks.divide([source_of(write(tmp_path / "b.arrow", [table], compression="zstd"))], "text")
    assert (packed.lo, packed.hi) == (0, 2000)


def test_a_saved_data_set_is_what_its_state_lists(tmp_path: Path) -> None:
    rows = {"text": [f"document {row}" for row in range(40)]}
    saved = tmp_path / "saved"
    datasets.Dataset.from_dict(rows).save_to_disk(saved, num_shards=2)
    loaded = datasets.load_from_disk(saved)
    loaded.map(lambda row: {"text": row["text"].upper()})  # leaves a cache beside the data
    loaded.shuffle(seed=1).save_to_disk(tmp_path / "shuffled")
    assert any(path.name.startswith("cache-") for path in saved.iterdir())
    wanted = ["data-00000-of-00002.arrow", "data-00001-of-00002.arrow"]
    for pattern in (saved, saved / "*", f"{saved}/**", saved / "*.arrow"):
        assert names(list_sources([str(pattern)])) == wanted
    found = [text for source in list_sources([str(saved)]) for text in texts(Piece(source, 0, None, 0))]
    assert found == rows["text"]
    shuffled = [text for one in list_sources([str(tmp_path / "shuffled")]) for text in texts(Piece(one, 0, None, 0))]
    assert sorted(shuffled) == sorted(found) != shuffled


def test_all_splits_of_a_saved_dictionary_are_read(tmp_path: Path) -> None:
    parts = {name: datasets.Dataset.from_dict({"text": [name]}) for name in ("train", "test")}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "both")
    wanted = ["test/data-00000-of-00001.arrow", "train/data-00000-of-00001.arrow"]
    assert names(list_sources([str(tmp_path / "both")])) == wanted
    (tmp_path / "both/test/state.json").unlink()
    with pytest.raises(CorpusError, match=r"dataset_dict.json: lists the split 'test', which is not there"):
        list_sources([str(tmp_path / "both")])


def test_json_that_only_has_the_name_of_a_description_is_read(tmp_path: Path) -> None:
    for name in ("state.json", "dataset_info.json", "dataset_dict.json"):
        (tmp_path / name).write_text('{"text": "a"}\n{"text": "b"}\n')
    assert len(list_sources([str(tmp_path)])) == 3


def test_incomplete_indexed_and_cached_data_sets_are_refused(tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    datasets.Dataset.from_dict({"text": ["a", "b"]}).save_to_disk(saved, num_shards=2)
    (saved / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(CorpusError, match=r"state.json: lists 'data-00001-of-00002.arrow', which is not there"):
        list_sources([str(saved)])
    state = json.loads((saved / "state.json").read_text())
    state["_data_files"], state["_indices_data_files"] = state["_data_files"][:1], [{"filename": "indices.arrow"}]
    (saved / "state.json").write_text(json.dumps(state))
    with pytest.raises(CorpusError, match=r"chosen by a file of indices.*flatten_indices"):
        list_sources([str(saved)])
    (saved / "state.json").unlink()
    assert names(list_sources([str(saved)])) == ["data-00000-of-00002.arrow"]
    write(saved / "cache-1234.arrow", [pa.table({"indices": pa.array([1, 0], pa.uint64())})])
    with pytest.raises(CorpusError, match=r"cache-1234.arrow: is a cache of the datasets library"):
        list_sources([str(saved)])
    with pytest.raises(CorpusError, match=r"holds indices into another file.*flatten_indices"):
        tasks.divide(list_sources([str(saved / "cache-1234.arrow")]), "text")


@pytest.mark.parametrize("file", [False, True])
def test_a_truncated_file_is_refused_wherever_it_is_cut(tmp_path: Path, file: bool) -> None:
    table = pa.table({"text": [f"document {row}" for row in range(30)]})
    whole = write(tmp_path / "a.arrow", [table], file=file, rows=10).read_bytes()
    for cut in range(1, len(whole)):
        path = tmp_path / f"{cut}.arrow"
        path.write_bytes(whole[:cut])
        with pytest.raises(CorpusError, match=rf"{cut}.arrow: ") as error:
            tasks.divide([source_of(path)], "text")
        assert "\n" not in str(error.value)
        path.unlink()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"PAR1" * 10, "is no Arrow file or stream"),
        (b'{"text": "a"}\n', "is no Arrow file or stream"),
        (b"FEA1" + bytes(40), "is no Arrow file or stream"),
        (struct.pack("<Ii", 0xFFFFFFFF, 16) + b"\xff" * 16, "cannot be read as Arrow"),
    ],
)
def test_what_is_not_arrow_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.arrow").write_bytes(content)
    with pytest.raises(CorpusError, match=rf"a.arrow: .*{message}"):
        tasks.divide([source_of(tmp_path / "a.arrow")], "text")


def test_damaged_offsets_and_buffers_are_refused(tmp_path: Path) -> None:
    text = [f"document {row}" for row in range(100)]
    plain = write(tmp_path / "a.arrow", [pa.table({"text": text})])
    raw = plain.read_bytes()
    offset = raw.index(struct.pack("<3i", 0, 10, 20)) + 8
    plain.write_bytes(raw[:offset] + struct.pack("<i", 1 << 30) + raw[offset + 4 :])
    packed = write(tmp_path / "b.arrow", [pa.table({"text": text * 100})], compression="zstd")
    raw = packed.read_bytes()
    packed.write_bytes(raw[:-600] + bytes(400) + raw[-200:])
    for path in (plain, packed):
        with pytest.raises(CorpusError, match=r"damaged Arrow data after row 0") as error:
            texts(Piece(source_of(path), 0, None, 0))
        assert "\n" not in str(error.value)


def test_a_column_that_the_output_cannot_hold_is_refused(tmp_path: Path) -> None:
    union = pa.UnionArray.from_sparse(pa.array([0, 0], pa.int8()), [pa.array([1, 2])])
    source = source_of(write(tmp_path / "a.arrow", [pa.table({"text": ["a", "b"], "u": union})]))
    with pytest.raises(CorpusError, match=r"a.arrow: column 'u' has type .*union.*cannot hold"):
        format_for(source).schema(source)
