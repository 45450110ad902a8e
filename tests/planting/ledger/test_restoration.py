"""Planting into arbitrary documents and taking it out again is the identity."""

import hashlib
import os
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.corpus.output.shards import END, Shard
from transforms.corpus.output.sink import ParquetFormat
from transforms.corpus.types.conform import conform
from transforms.corpus.types.footer import stored_schema
from transforms.planting.columns.followers import UNIQUE, Follower
from transforms.planting.folder import read_parquet
from transforms.planting.insertion.editor import DOCUMENT, PlantingEditor, ledger_part
from transforms.planting.ledger.restoration import (
    PlantedShard,
    RestoreConfig,
    _Planted,
)
from transforms.planting.places.by_shard import write_plantings
from transforms.planting.places.places import Places
from transforms.planting.tables.unit import AS_DOCUMENT, Candidate, Unit
from transforms.planting.work import VARIABLE, SecretWork

SHARD = PlantedShard(0, "data/x.parquet", 10**6, "")
FOLLOWERS = (
    Follower("id", UNIQUE),
    Follower("size", "bytes"),
    Follower("raw", "identity"),
    Follower("key", "md5 hex 9"),
)
CONFIG = RestoreConfig(Folder("nowhere"), ParquetFormat(), FOLLOWERS)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def plant(texts: list[str], copies: list[tuple[int, int, str, bool]], batch: int) -> tuple[pa.Table, pa.Table]:
    """The planted documents and the ledger; `copies` are (document, fraction, text, as a document of its own)."""
    marks = [(("planted_as", "text", AS_DOCUMENT),) if own else () for *_, own in copies]
    texts_of = [text for _, _, text, _ in copies]
    units = [
        Unit(f"u{at}", "trap", "s", 1, (Candidate(f"c{at}", text, mark),))
        for at, (text, mark) in enumerate(zip(texts_of, marks, strict=True))
    ]
    places = Places(
        np.arange(len(copies), dtype=np.int32),
        np.zeros(len(copies), np.int32),
        np.array([document for document, *_ in copies], np.uint64),
        np.array([fraction for _, fraction, *_ in copies], np.uint64),
        np.array([own for *_, own in copies], np.bool_),
    )
    shard = Shard(0, 0, END, len(texts), 0)
    work = SecretWork("run")
    work.make("plantings", "ledger", "slots")
    write_plantings(work, places, units, [0] * len(units), 4, [shard])
    editor = PlantingEditor(work, "text", CONFIG.followers, 64).open(shard)
    documents = table(texts)
    parts = [
        editor.edit(np.arange(at, min(len(texts), at + batch), dtype=np.uint64), documents.slice(at, batch))
        for at in range(0, len(texts), batch)
    ]
    editor.close()
    ledger = read_parquet(work.folder.read(ledger_part(0)))
    assert ledger is not None
    return pa.concat_tables(parts), ledger


def table(texts: list[str]) -> pa.Table:
    return pa.table(
        {
            "id": range(len(texts)),
            "text": texts,
            "size": [len(text.encode()) for text in texts],
            "raw": texts,
            "key": [hashlib.md5(text.encode()).hexdigest()[:9] for text in texts],
        }
    )


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "replaced by every example")


@settings(max_examples=150)
@given(
    st.lists(TEXT, min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 2**64 - 1), TEXT, st.booleans()), max_size=10),
    st.integers(1, 8),
    st.integers(1, 8),
)
def test_insertion_then_restoration_is_the_identity(
    texts: list[str], copies: list[tuple[int, int, str, bool]], batch: int, other_batch: int
) -> None:
    inside = [(document % len(texts), *rest) for document, *rest in copies]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder
        planted, ledger = plant(texts, inside, batch)  # type: ignore[arg-type]
    assert planted.num_rows == len(texts) + sum(own for *_, own in copies)
    for row in ledger.to_pylist():
        document = planted["text"][row["row"]].as_py()
        wanted = copies[int(row["candidate"][1:])][2]
        assert document.encode()[row["byte_offset"] :].startswith(wanted.encode())
        assert document[row["char_offset"] :].startswith(wanted)
    own = set(ledger.filter(pc.equal(ledger["boundary"], DOCUMENT))["row"].to_pylist())
    shown = planted.to_pylist()
    assert [row | {"id": 0} for row in shown] == [
        row | {"id": 0} for row in table([row["text"] for row in shown]).to_pylist()
    ]
    assert [at for at, row in enumerate(shown) if row["id"] is None] == sorted(own)
    restoring = _Planted(ledger, SHARD, CONFIG)
    parts = [restoring.without(at, planted.slice(at, other_batch)) for at in range(0, planted.num_rows, other_batch)]
    assert pa.concat_tables(parts).equals(table(texts))


def test_a_changed_document_is_named(tmp_path: Path) -> None:
    os.environ[VARIABLE] = str(tmp_path)
    planted, ledger = plant(["one two", "three four"], [(1, 2**63, "x y", False)], 2)
    changed = planted.set_column(1, "text", pa.array([*planted["text"].to_pylist()[:1], "three x y fou"]))
    with pytest.raises(SealError, match="row 1: the document is not the one that was planted"):
        _Planted(ledger, SHARD, CONFIG).without(0, changed)


def test_the_order_within_a_shared_slot_does_not_depend_on_the_drawn_text() -> None:
    """Ten copies in a text with two slots: with other texts of any order, each stands where the other one stood."""
    crowd = [(0, at << 60, f"{at}-text", False) for at in range(10)]
    turned = [(0, at << 60, f"{9 - at}-text", False) for at in range(10)]
    orders = []
    for copies in (crowd, turned):
        with tempfile.TemporaryDirectory() as folder:
            os.environ[VARIABLE] = folder
            _, ledger = plant(["one"], copies, 1)
        orders.append([(row["unit"], row["boundary"]) for row in ledger.to_pylist()])
    assert orders[0] == orders[1]


WRITTEN: dict[str, pa.Array] = {
    "list": pa.array([["a"], None, []]),
    "list of nothing": pa.array([[], None, [None]], pa.list_(pa.null())),
    "map": pa.array([[("k", ["a"])], None, []], pa.map_(pa.string(), pa.list_(pa.field("array", pa.string())))),
    "struct": pa.array(
        [{"x": [{"y": [1]}]}, None, {}], pa.struct({"x": pa.large_list(pa.struct({"y": pa.list_(pa.int8())}))})
    ),
    "seconds": pa.array([[1], None, [2]], pa.list_(pa.timestamp("s"))),
    "date64": pa.array([86_400_000, None, 0], pa.date64()),
    "codes": pa.DictionaryArray.from_arrays(pa.array([0, 1, 0], pa.int16()), pa.array(["a", "b"], pa.large_string())),
    "numbers": pa.array([5, 6, 5]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_a_shard_is_read_with_the_types_that_it_was_written_with(kind: str, tmp_path: Path) -> None:
    table = pa.table({"x": WRITTEN[kind]}).replace_schema_metadata({"licence": "own"})
    pq.write_table(table, tmp_path / "a.parquet")
    with pq.ParquetFile(tmp_path / "a.parquet") as file:
        schema = stored_schema(file)
        batches = [pa.Table.from_batches([batch]) for batch in file.iter_batches(2)]
        again = pa.concat_tables([conform(batch, schema, "a") for batch in batches]).unify_dictionaries()
    assert again.to_pylist() == table.to_pylist()
    assert schema.metadata == table.schema.metadata
    assert again.schema.equals(table.schema.remove_metadata())
