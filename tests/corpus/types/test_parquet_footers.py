"""Parquet files of other writers: old times, logical types without an Arrow schema, metadata, categories."""

import datetime as dt
import io
import json
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.corpus.types.test_kept_values import shown, table_of, values, written
from transforms.base.errors import CorpusError
from transforms.corpus.input.formats import format_for, schema_of
from transforms.corpus.input.sources import Source, list_sources
from transforms.corpus.types.metadata import dropped, shared_metadata, with_single_field_ids

DATES = [dt.datetime(1, 1, 1), None, *(dt.datetime(year, 5, 31, 1, 2, 3, 4) for year in (1677, 2262, 9999))]


def source_of(path: Path) -> Source:
    (source,) = list_sources([str(path)])
    return source


@pytest.mark.parametrize("stored", [True, False])
def test_old_times_of_any_year_are_kept_in_microseconds_wherever_they_stand(stored: bool, tmp_path: Path) -> None:
    times = pa.array(DATES, pa.timestamp("us"))
    count = pa.array(range(len(DATES) + 1), pa.int32())
    table = table_of(
        times,
        pa.ListArray.from_arrays(count, times),
        pa.StructArray.from_arrays([times, pa.array(range(5))], ["a", "b"]),
        pa.MapArray.from_arrays(count, pa.array(list("abcde")), times),
    )
    path = tmp_path / "a.parquet"
    pq.write_table(table, path, use_deprecated_int96_timestamps=True, store_schema=stored, row_group_size=2)
    found = written([path])
    assert values(found) == shown(table)
    assert pq.read_schema(io.BytesIO(found)).field("x0").type == pa.timestamp("us")


@pytest.mark.parametrize("finer", [1, 999])
def test_an_old_time_that_microseconds_do_not_hold_is_refused(finer: int, tmp_path: Path) -> None:
    times = pa.array([0, 1000, 2000 + finer], pa.timestamp("ns"))
    pq.write_table(table_of(times), tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    with pytest.raises(CorpusError, match=r"a.parquet: column 'x0' has a time \(INT96\) in rows 0 to 2 that is finer"):
        written([tmp_path / "a.parquet"])


def logical(data: Any) -> dict[str, str]:
    schema = pq.read_metadata(data).schema
    return {schema.column(at).path: str(schema.column(at).logical_type) for at in range(len(schema))}


def test_logical_types_are_kept_without_an_arrow_schema_and_join_with_files_that_have_one(tmp_path: Path) -> None:
    ids = pa.array([uuid.UUID(int=at).bytes for at in range(4)], pa.uuid())
    table = table_of(
        ids,
        pa.array(['{"a": 1}', None, "[]", "1"], pa.json_()),
        pa.ListArray.from_arrays(pa.array(range(5), pa.int32()), ids),
        pa.array([1, None, 3, 4], pa.float16()),
        pa.array(range(4), pa.timestamp("us", "UTC")),
        pa.array(["a", "b", "a", None]).dictionary_encode(),
        pa.array([b"", None, b"b", b"c"], pa.large_binary()),
    )
    for name, stored in (("a", False), ("b", True)):
        pq.write_table(table, tmp_path / f"{name}.parquet", store_schema=stored)
    alone = written([tmp_path / "a.parquet"])
    assert logical(io.BytesIO(alone)) == logical(tmp_path / "a.parquet")
    both = written([tmp_path / "a.parquet", tmp_path / "b.parquet"])
    assert logical(io.BytesIO(both)) == logical(tmp_path / "a.parquet")
    assert values(both) == {name: two + two for name, two in shown(table).items()}


def test_an_enum_is_text_wherever_it_stands(tmp_path: Path) -> None:
    one = pa.array(["x", None, "y"])
    table = table_of(one, pa.StructArray.from_arrays([one], ["k"]), pa.ListArray.from_arrays([0, 1, 2, 3], one))
    sink = io.BytesIO()
    pq.write_table(table, sink, store_schema=False)
    text, enum = b"\x25\x00\x4c\x1c\x00\x00", b"\x25\x08\x4c\x4c\x00\x00"  # in the footer's Thrift
    first, *others = sink.getvalue().split(text)
    path = tmp_path / "a.parquet"
    path.write_bytes(enum.join([first + text + others[0], *others[1:]]))
    assert list(logical(path).values()) == ["String", "Enum", "Enum", "Enum"]
    assert values(written([path])) == shown(table)


def test_types_that_arrow_does_not_write_and_orders_of_categories_are_named(tmp_path: Path) -> None:
    size = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), ["small", "large"], ordered=True)
    pq.write_table(table_of(size), tmp_path / "a.parquet")
    pq.write_table(table_of(pa.array([0, 1], pa.time64("us"))), tmp_path / "b.parquet", write_time_adjusted_to_utc=True)
    said = {name: format_for(one).lost(one) for name in "ab" for one in [source_of(tmp_path / f"{name}.parquet")]}
    assert said == {"a": ("the order of the categories of column 'x0'",), "b": ("the type TIME in UTC of column 'x0'",)}


def test_codes_of_any_width_join_though_one_file_has_the_plain_values(tmp_path: Path) -> None:
    texts = [[f"{file} {row}" for row in range(100)] for file in range(3)]
    for file, codes in enumerate((pa.int8(), pa.uint16(), None)):
        column = pa.array(texts[file])
        if codes is not None:
            column = pa.DictionaryArray.from_arrays(pa.array(range(100), codes), column)
        pq.write_table(table_of(column), tmp_path / f"{file}.parquet")
    paths = [tmp_path / f"{file}.parquet" for file in range(3)]
    coded = written(paths[:2])
    assert pq.read_schema(io.BytesIO(coded)).field("x0").type == pa.dictionary(pa.int32(), pa.string())
    assert values(coded)["x0"] == [repr(text) for text in texts[0] + texts[1]]
    assert pq.read_schema(io.BytesIO(written(paths))).field("x0").type == pa.string()


def test_an_index_of_pandas_is_kept_where_all_files_have_it_and_ranges_are_not() -> None:
    frames = [pd.DataFrame({"text": [f"{at}"], "n": [at]}) for at in range(2)]
    indexed = [pa.Schema.from_pandas(frame.set_index("n")) for frame in frames]
    kept = shared_metadata(indexed, indexed[0])
    assert json.loads(kept[b"pandas"])["index_columns"] == ["n"]
    ranged = [pa.Schema.from_pandas(frame) for frame in frames]
    assert json.loads(shared_metadata(ranged, ranged[0])[b"pandas"])["index_columns"] == []
    assert shared_metadata([indexed[0], ranged[0]], indexed[0]) == {}
    assert dropped([indexed[0], ranged[0]], {}) == ["pandas"]


def test_metadata_is_what_all_files_say() -> None:
    spark = b"org.apache.spark.sql.parquet.row.metadata"
    schemas = [pa.schema([("text", pa.string())], metadata={"license": "mit", "by": by, spark: "{}"}) for by in "ab"]
    assert shared_metadata(schemas, schemas[0]) == {b"license": b"mit", spark: b"{}"}
    assert shared_metadata(schemas, schemas[0].append(pa.field("lang", pa.string()))) == {b"license": b"mit"}
    assert dropped(schemas, shared_metadata(schemas, schemas[0])) == ["by"]
    assert shared_metadata([schemas[0], pa.schema([("text", pa.string())])], schemas[0]) == {}


def test_field_ids_that_two_columns_share_are_dropped() -> None:
    byte = pa.int8()

    def field(name: str, number: int, dtype: pa.DataType = byte) -> pa.Field:
        return pa.field(name, dtype, metadata={"PARQUET:field_id": str(number), "unit": "row"})

    apart = pa.schema([field("a", 1, pa.struct([field("b", 2)])), field("c", 3)])
    assert with_single_field_ids(apart).equals(apart, check_metadata=True)
    clash = pa.schema([field("a", 1, pa.struct([field("b", 3)])), field("c", 3)])
    found = with_single_field_ids(clash)
    assert [one.metadata for one in (found.field(0), found.field(0).type.field(0), found.field(1))] == [
        {b"unit": b"row"}
    ] * 3


def test_fixed_size_lists_stay_where_none_is_null(tmp_path: Path) -> None:
    pair = pa.list_(pa.float32(), 2)
    whole, broken = pa.array([[1, 2], [3, None]], pair), pa.array([[1, 2], None], pair)
    inside = pa.StructArray.from_arrays([whole], ["v"], mask=pa.array([False, True]))
    table = table_of(whole, broken, inside, pa.StructArray.from_arrays([whole], ["v"]))
    with pa.ipc.new_file(str(tmp_path / "a.arrow"), table.schema) as writer:
        writer.write_table(table)
    pq.write_table(table, tmp_path / "b.parquet")
    kept = [True, False, False, True]
    for path in tmp_path.iterdir():
        types = [str(field.type) for field in schema_of(source_of(path))][1:]
        assert ["fixed_size_list" in dtype for dtype in types] == kept
        assert values(written([path])) == shown(table)
