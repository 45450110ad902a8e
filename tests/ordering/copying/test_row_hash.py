"""The hash of rows: the same values give the same hash, and any other value another."""

import datetime as dt
import decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.ordering.copying.row_hash import row_hashes, weighted_sum

VALUES = {
    "text": pa.array(["", "a", "b", "a longer text of 24 bytes", "a longer text of 24 byteS", None]),
    "bytes": pa.array([b"", b"\0", b"\0\0", b"\1", None, b"12345678"]),
    "number": pa.array([0, 1, -1, 2**40, None, 7]),
    "small": pa.array([0, 1, 2, 3, None, 5], pa.uint8()),
    "fraction": pa.array([0.0, -0.0, 1.5, float("inf"), None, 2.0]),
    "truth": pa.array([True, False, None]),
    "time": pa.array([dt.date(2020, 1, day) for day in range(1, 6)] + [None]),
    "decimal": pa.array([decimal.Decimal(one) for one in range(5)] + [None], pa.decimal128(9, 2)),
    "list": pa.array([[], [1], [1, 2], [2, 1], [None], None]),
    "nested": pa.array([[[1], [2]], [[1, 2]], [[]], [], None]),
    "struct": pa.array([{"a": 1, "b": "x"}, {"a": 1, "b": None}, {"a": None, "b": "x"}, None]),
    "map": pa.array([[("k", 1)], [("k", 2)], [("l", 1)], [], None], pa.map_(pa.string(), pa.int64())),
    "category": pa.array(["x", "y", None]).dictionary_encode(),
    "view": pa.array(["x", "y longer than an inlined view", None], pa.string_view()),
}


@pytest.mark.parametrize("name", VALUES)
def test_other_values_have_other_hashes_wherever_they_lie(name: str) -> None:
    column = VALUES[name]
    whole = row_hashes(pa.table({"c": column}))
    assert len(set(whole.tolist())) == len(column)
    for row in range(len(column)):
        assert row_hashes(pa.table({"c": column.slice(row, 1)})).tolist() == [whole[row]]
    chunked = pa.chunked_array([column.slice(0, 2), column.slice(2)])
    assert row_hashes(pa.table({"c": chunked})).tolist() == whole.tolist()


def test_categories_hash_as_their_values() -> None:
    plain = pa.table({"c": ["x", None, "y"]})
    other = pa.DictionaryArray.from_arrays(pa.array([1, None, 0], pa.int8()), pa.array(["y", "x"]))
    assert row_hashes(plain).tolist() == row_hashes(pa.table({"c": other})).tolist()


def test_values_that_trade_columns_change_the_hash() -> None:
    both = row_hashes(pa.table({"a": ["x", "y"], "b": ["y", "x"]}))
    assert both[0] != both[1]


@given(st.lists(st.tuples(st.text(max_size=12), st.integers(0, 3)), min_size=1, max_size=12), st.randoms())
def test_the_sum_tells_how_often_each_row_stands_there_and_not_where(
    rows: list[tuple[str, int]], chance: object
) -> None:
    table = pa.table({"text": [text for text, _ in rows], "number": list(range(len(rows)))})
    times = [count for _, count in rows]
    places = [row for row, count in enumerate(times) for _ in range(count)]
    chance.shuffle(places)  # type: ignore[attr-defined]
    seen = table.take(pa.array(places, pa.int64()))
    wanted = weighted_sum(row_hashes(table), np.array(times))
    assert int(row_hashes(seen).sum(dtype=np.uint64)) == wanted
    if places:
        assert int(row_hashes(seen.slice(1)).sum(dtype=np.uint64)) != wanted
