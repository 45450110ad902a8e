"""Any column that Arrow has reaches the output with its values, from Parquet and from Arrow, or is refused by name."""

import io
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.corpus.types.arrow_types import LACKING, LEAVES, NESTS, array_of, nested_types
from transforms.base.errors import CorpusError
from transforms.corpus.input.formats import schema_of
from transforms.corpus.input.merged_schema import together
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import list_sources
from transforms.corpus.output.sink import ParquetFormat, ShardWriter
from transforms.corpus.types.conform import conform
from transforms.corpus.types.footer import OPTIONS, stored_schema

ROWS = 9


def written(paths: list[Path], batch: int = 4) -> bytes:
    """The shard that holds the rows of some files, written in batches of so many rows."""
    sources = list_sources([str(path) for path in paths])
    schema = together([(source.uri, schema_of(source)) for source in sources])
    sink = io.BytesIO()
    writer = ShardWriter(sink, schema, ParquetFormat(row_group_bytes=150))  # type: ignore[arg-type]
    for source in sources:
        for records in read_piece(Piece(source, 0, None, 0)):
            table = conform(records.table, schema, source.uri)
            for at in range(0, table.num_rows, batch):
                write(writer, table.slice(at, batch))
    writer.close()
    return sink.getvalue()


def write(writer: ShardWriter, table: pa.Table) -> None:
    writer.write(table, np.array([len(text) for text in table["text"].to_pylist()], np.uint32))


def written_again(shard: bytes, batch: int) -> bytes:
    """A shard read, and written as `trapline restore` does."""
    file = pq.ParquetFile(io.BytesIO(shard), **OPTIONS)
    schema, sink = stored_schema(file), io.BytesIO()
    writer = ShardWriter(sink, schema, ParquetFormat(row_group_bytes=150))  # type: ignore[arg-type]
    for part in file.iter_batches(batch, use_threads=False):
        write(writer, conform(pa.Table.from_batches([part]), schema, "shard"))
    writer.close()
    return sink.getvalue()


def values(shard: bytes) -> dict[str, list[str]]:
    return shown(pq.read_table(io.BytesIO(shard)))


def shown(table: pa.Table) -> dict[str, list[str]]:
    return {name: [repr(value) for value in table[name].to_pylist()] for name in table.column_names}


def table_of(*columns: pa.Array) -> pa.Table:
    texts = [f"{row} and some words" for row in range(len(columns[0]))]
    return pa.table({"text": texts, **{f"x{at}": column for at, column in enumerate(columns)}})


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.ipc.new_file(str(path), table.schema) as writer:
        writer.write_table(table, max_chunksize=5)


def write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, row_group_size=5)


FORMATS: dict[str, Callable[[pa.Table, Path], None]] = {"arrow": write_arrow, "parquet": write_parquet}


def writable(table: pa.Table) -> pa.Table:
    """`table` without the columns that pyarrow cannot write in Parquet."""
    for name in table.column_names:
        try:
            pq.write_table(table.select([name]), io.BytesIO())
        except (pa.ArrowException, OSError):
            table = table.drop_columns(name)
    return table


@pytest.mark.parametrize("nulls", [True, False])
@pytest.mark.parametrize("dtype", LEAVES, ids=str)
def test_every_type_is_kept_also_within_another(dtype: pa.DataType, nulls: bool, tmp_path: Path) -> None:
    kinds = [dtype, *nested_types(dtype)]
    table = table_of(*(array_of(one, ROWS, seed, nulls=nulls) for seed, one in enumerate(kinds)))
    write_arrow(table, tmp_path / "a.arrow")
    assert values(written([tmp_path / "a.arrow"])) == shown(table)
    table = writable(table)
    for kind, put in FORMATS.items():
        put(table, tmp_path / f"b.{kind}")
    arrow, parquet = (written([tmp_path / f"b.{kind}"]) for kind in FORMATS)
    assert values(parquet) == shown(table)
    assert arrow == parquet


@pytest.mark.parametrize("nest", [lambda dtype: dtype, *NESTS.values()])
@pytest.mark.parametrize("dtype", LACKING, ids=str)
def test_what_parquet_has_not_is_refused_by_the_columns_name(
    dtype: pa.DataType, nest: Callable[[pa.DataType], pa.DataType], tmp_path: Path
) -> None:
    path = tmp_path / "a.arrow"
    with pa.ipc.new_file(str(path), pa.schema([("text", pa.string()), ("x", nest(dtype))])):
        pass
    with pytest.raises(CorpusError, match=r"a.arrow: column 'x' has type .*, which Parquet, the output, cannot hold"):
        written([path])


def test_lists_of_no_items_are_refused_in_parquet_where_arrow_writes_nulls_for_them(tmp_path: Path) -> None:
    table = table_of(pa.array([[], None, []], pa.list_(pa.int8(), 0)))
    write_arrow(table, tmp_path / "a.arrow")
    assert values(written([tmp_path / "a.arrow"])) == shown(table)
    write_parquet(table, tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"a.parquet: column 'x0' has fixed-size lists of size 0"):
        written([tmp_path / "a.parquet"])


types = st.recursive(
    st.sampled_from([one for one in LEAVES if not isinstance(one, pa.BaseExtensionType)]),
    lambda inner: st.builds(
        lambda nest, dtype: NESTS[nest](dtype),
        st.sampled_from(sorted(set(NESTS) - {"dictionary", "ordered dictionary", "map by it", "tensor"})),
        inner,
    ),
    max_leaves=3,
)


@settings(max_examples=60)
@given(
    st.lists(types, min_size=1, max_size=3),
    st.integers(0, 2**32),
    st.booleans(),
    *(st.integers(1, 12) for _ in range(3)),
)
def test_values_are_kept_and_what_is_restored_has_the_same_bytes(
    kinds: list[pa.DataType], seed: int, nulls: bool, rows: int, batch: int, other: int
) -> None:
    table = writable(table_of(*(array_of(one, rows, seed + at, nulls=nulls) for at, one in enumerate(kinds))))
    with tempfile.TemporaryDirectory() as folder:
        for kind, put in FORMATS.items():
            path = Path(folder, f"a.{kind}")
            put(table, path)
            shard = written([path])
            assert values(shard) == shown(table)
            assert written([path], batch) == shard
            assert written_again(shard, other) == shard
