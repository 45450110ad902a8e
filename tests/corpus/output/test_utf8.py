"""Rows with strings that are not UTF-8, at any depth."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.corpus.output.utf8 import rows_not_utf8


def strings(values: list[bytes | None], dtype: pa.DataType) -> pa.Array:
    """Bytes as a string column, unchecked."""
    raw = pa.array(values, pa.large_binary() if pa.types.is_large_string(dtype) else pa.binary())
    return pa.Array.from_buffers(dtype, len(raw), raw.buffers(), raw.null_count)


def is_utf8(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


values = st.lists(st.none() | st.binary(max_size=4) | st.just("é日".encode()), max_size=12)


@given(values, st.sampled_from([pa.string(), pa.large_string()]), st.integers(0, 4))
def test_rows_of_plain_and_nested_columns(values: list[bytes | None], dtype: pa.DataType, skipped: int) -> None:
    plain = strings(values, dtype)
    wanted = [row - skipped for row, value in enumerate(values) if row >= skipped and not is_utf8(value)]
    offsets = pa.array(range(len(values) + 1), pa.int32())
    columns = [
        plain,
        pa.ListArray.from_arrays(offsets, plain),
        pa.StructArray.from_arrays([plain, pa.nulls(len(values))], ["a", "b"]),
        pa.MapArray.from_arrays(offsets, pa.array([str(row) for row in range(len(values))], pa.string()), plain),
        pa.DictionaryArray.from_arrays(pa.array(range(len(values)), pa.int32()), plain),
    ]
    for column in columns:
        assert rows_not_utf8(pa.chunked_array([column.slice(skipped)])).tolist() == wanted
        if len(values):
            both = pa.chunked_array([column, column])
            one = [row for row, value in enumerate(values) if not is_utf8(value)]
            assert rows_not_utf8(both).tolist() == one + [len(values) + row for row in one]


def test_other_columns_are_not_looked_at() -> None:
    assert rows_not_utf8(pa.chunked_array([pa.array([b"\xff"])])).tolist() == []
    assert rows_not_utf8(pa.chunked_array([], pa.string())).tolist() == []
