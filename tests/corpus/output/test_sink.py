import io
import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.folders import HashingFile
from transforms.base.texts import text_sizes
from transforms.corpus.input.columns import as_strings
from transforms.corpus.output.sink import ParquetFormat, ShardWriter, leaf_paths

SCHEMA = pa.schema([("text", pa.string()), ("n", pa.int64())])


def written(texts: list[str], cuts: list[int], budget: int) -> pq.ParquetFile:
    buffer = io.BytesIO()
    writer = ShardWriter(HashingFile(buffer), SCHEMA, ParquetFormat(row_group_bytes=budget))
    table = pa.table({"text": texts, "n": range(len(texts))}, schema=SCHEMA)
    edges = [0, *sorted(cuts), len(texts)]
    for lo, hi in itertools.pairwise(edges):
        part = table.slice(lo, hi - lo)
        writer.write(part, text_sizes(as_strings(part["text"])))
    writer.close()
    assert (writer.rows, writer.text_bytes) == (len(texts), sum(len(text.encode()) for text in texts))
    return pq.ParquetFile(io.BytesIO(buffer.getvalue()))


def groups(file: pq.ParquetFile) -> list[int]:
    return [file.metadata.row_group(index).num_rows for index in range(file.metadata.num_row_groups)]


@given(st.data())
def test_row_groups_depend_on_the_rows_and_not_on_how_they_arrive(data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.text(max_size=30), max_size=40))
    budget = data.draw(st.integers(200, 1000))  # the numbers beside the texts stay below four budgets
    cuts = data.draw(st.lists(st.integers(0, len(texts)), max_size=5))
    whole, pieces = written(texts, [], budget), written(texts, cuts, budget)
    assert groups(whole) == groups(pieces)
    assert pieces.read().column("text").to_pylist() == texts
    expected, size = [0], 0
    for text in texts:
        expected[-1] += 1
        size += len(text.encode())
        if size >= budget:
            expected.append(0)
            size = 0
    assert groups(whole) == [rows for rows in expected if rows]


def test_texts_have_no_dictionary_and_no_statistics() -> None:
    file = written(["a", "b"] * 100, [], 1 << 20)
    text, number = (file.metadata.row_group(0).column(index) for index in (0, 1))
    assert not text.has_dictionary_page
    assert text.statistics is None
    assert number.statistics is not None
    assert text.compression == "ZSTD"


def test_leaf_paths_reach_into_nested_columns() -> None:
    schema = pa.schema([("text", pa.string()), ("meta", pa.struct([("a", pa.int8()), ("b", pa.list_(pa.string()))]))])
    assert leaf_paths(schema) == ["text", "meta.a", "meta.b.list.element"]


@pytest.mark.parametrize("compression", ["zstd:9", "snappy", "none", "gzip", "lz4", "brotli"])
def test_codecs(compression: str, tmp_path: Path) -> None:
    with ParquetFormat(compression).writer(str(tmp_path / "x"), SCHEMA) as writer:
        writer.write_table(pa.table({"text": ["x"], "n": [1]}, schema=SCHEMA))
    assert pq.read_table(tmp_path / "x").num_rows == 1


@pytest.mark.parametrize("compression", ["zip", "zstd:fast", ""])
def test_unknown_codecs_are_refused(compression: str) -> None:
    with pytest.raises(ValueError, match="give one of zstd"):
        ParquetFormat(compression)


def test_text_sizes_are_bytes_of_slices_and_nulls_too() -> None:
    array = pa.array(["ab", None, "é", ""], pa.large_string())
    assert text_sizes(array).tolist() == [2, 0, 2, 0]
    assert text_sizes(array.slice(2)).tolist() == [2, 0]
    assert text_sizes(array).dtype == np.uint32
