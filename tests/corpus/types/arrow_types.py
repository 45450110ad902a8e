"""Arrow's types, one within another, and arrays of them: with nulls, empty lists, sliced and out of order."""

import random
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

LEAVES: list[pa.DataType] = [
    *(pa.null(), pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64()),
    *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(), pa.float32(), pa.float64()),
    *(pa.decimal32(5, 2), pa.decimal64(10, 2), pa.decimal128(20, 2), pa.decimal256(50, 2)),
    *(pa.date32(), pa.date64(), pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
    *(pa.timestamp("s"), pa.timestamp("ms"), pa.timestamp("us", "UTC"), pa.timestamp("ns", "Asia/Tokyo")),
    *(pa.timestamp("us", "+01:00"), pa.duration("s"), pa.duration("us"), pa.duration("ns")),
    *(pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(3)),
    *(pa.uuid(), pa.json_(), pa.json_(pa.large_string()), pa.bool8(), pa.opaque(pa.int64(), "a", "b")),
]
"""Types without parts, or with a single one."""
LACKING: list[pa.DataType] = [
    *(pa.binary(0), pa.month_day_nano_interval(), pa.run_end_encoded(pa.int32(), pa.string())),
    *(pa.dense_union([pa.field("a", pa.int32())]), pa.sparse_union([pa.field("a", pa.int32())])),
]
"""Types that Parquet has not."""
NESTS: dict[str, Callable[[pa.DataType], pa.DataType]] = {
    "list": pa.list_,
    "large list": pa.large_list,
    "list view": pa.list_view,
    "large list view": pa.large_list_view,
    "fixed-size list": lambda dtype: pa.list_(dtype, 2),
    "fixed-size list of one": lambda dtype: pa.list_(dtype, 1),
    "tensor": lambda dtype: pa.fixed_shape_tensor(dtype, [2]),
    "struct": lambda dtype: pa.struct([("a", dtype), ("b", pa.int8())]),
    "map": lambda dtype: pa.map_(pa.string(), dtype),
    "map by it": lambda dtype: pa.map_(dtype, pa.int8()),
    "dictionary": lambda dtype: pa.dictionary(pa.int8(), dtype),
    "ordered dictionary": lambda dtype: pa.dictionary(pa.uint16(), dtype, ordered=True),
}


def nested_types(leaf: pa.DataType) -> Iterator[pa.DataType]:
    """`leaf` within each of `NESTS`, where Arrow can write and read that."""
    within_dictionary = isinstance(leaf, pa.BaseExtensionType)
    for name, nest in NESTS.items():
        if (pt.is_null(leaf) and name == "map by it") or (within_dictionary and name.endswith("dictionary")):
            continue
        yield nest(leaf)


def array_of(dtype: pa.DataType, rows: int, seed: int, *, nulls: bool = True) -> pa.Array:
    """An array of arbitrary values, sliced out of a larger one."""
    return _Values(random.Random(seed), nulls).array(dtype, rows + 3).slice(2, rows)


class _Values:
    def __init__(self, chance: random.Random, nulls: bool) -> None:
        self._chance, self._nulls = chance, nulls

    def array(self, dtype: pa.DataType, rows: int, *, nulls: bool | None = None) -> pa.Array:
        nulls = self._nulls if nulls is None else nulls
        if isinstance(dtype, pa.JsonType):
            texts = [None if nulls and self._chance.random() < 0.3 else f'{{"a": {at}}}' for at in range(rows)]
            return pa.ExtensionArray.from_storage(dtype, pa.array(texts, pa.string()).cast(dtype.storage_type))
        if isinstance(dtype, pa.BaseExtensionType):
            inner = not isinstance(dtype, pa.FixedShapeTensorType) and nulls
            return pa.ExtensionArray.from_storage(dtype, self.array(dtype.storage_type, rows, nulls=inner))
        if pt.is_dictionary(dtype):
            values = self.array(dtype.value_type, 4, nulls=False)
            codes = [None if nulls and self._chance.random() < 0.3 else self._chance.randrange(4) for _ in range(rows)]
            return pa.DictionaryArray.from_arrays(pa.array(codes, dtype.index_type), values, ordered=dtype.ordered)
        if pt.is_struct(dtype) and dtype.num_fields:
            parts = [self.array(field.type, rows) for field in dtype]
            return pa.StructArray.from_arrays(parts, fields=list(dtype), mask=self._mask(rows, nulls))
        if pt.is_map(dtype):
            offsets = self._offsets(rows)
            keys = self.array(dtype.key_type, offsets[-1], nulls=False)
            items, mask = self.array(dtype.item_type, offsets[-1]), self._mask(rows, nulls)
            return pa.MapArray.from_arrays(pa.array(offsets, pa.int32()), keys, items, type=dtype, mask=mask)
        if pt.is_fixed_size_list(dtype):
            values = self.array(dtype.value_type, rows * dtype.list_size)
            return pa.FixedSizeListArray.from_arrays(values, type=dtype, mask=self._mask(rows, nulls))
        if pt.is_list_view(dtype) or pt.is_large_list_view(dtype):
            return self._view(dtype, rows, nulls)
        if pt.is_list(dtype) or pt.is_large_list(dtype):
            kind, codes = (pa.ListArray, pa.int32()) if pt.is_list(dtype) else (pa.LargeListArray, pa.int64())
            offsets = self._offsets(rows)
            values = self.array(dtype.value_type, offsets[-1])
            return kind.from_arrays(pa.array(offsets, codes), values, type=dtype, mask=self._mask(rows, nulls))
        if dtype in (pa.null(), *LACKING) or (pt.is_struct(dtype) and not dtype.num_fields):
            return pa.nulls(rows, dtype)
        return self._leaf(dtype, rows, nulls)

    def _view(self, dtype: pa.DataType, rows: int, nulls: bool) -> pa.Array:
        """Lists that overlap and stand in any order."""
        kind, codes = (pa.ListViewArray, pa.int32()) if pt.is_list_view(dtype) else (pa.LargeListViewArray, pa.int64())
        values = self.array(dtype.value_type, 6)
        starts = [self._chance.randrange(4) for _ in range(rows)]
        lengths = [self._chance.randrange(3) for _ in range(rows)]
        return kind.from_arrays(
            pa.array(starts, codes), pa.array(lengths, codes), values, type=dtype, mask=self._mask(rows, nulls)
        )

    def _mask(self, rows: int, nulls: bool) -> pa.Array:
        return pa.array([nulls and self._chance.random() < 0.3 for _ in range(rows)], pa.bool_())

    def _offsets(self, rows: int) -> list[int]:
        offsets = [0]
        for _ in range(rows):
            offsets.append(offsets[-1] + self._chance.randrange(3))
        return offsets

    def _leaf(self, dtype: pa.DataType, rows: int, nulls: bool) -> pa.Array:
        values = [None if nulls and self._chance.random() < 0.3 else self._value(dtype) for _ in range(rows)]
        if pt.is_integer(dtype) or pt.is_floating(dtype) or pt.is_boolean(dtype) or pt.is_decimal(dtype):
            return pa.array(values, dtype)
        if pt.is_temporal(dtype):
            return pa.array(values, pa.int32() if dtype.bit_width == 32 else pa.int64()).view(dtype)
        return pa.array(values, dtype)

    def _value(self, dtype: pa.DataType) -> Any:
        number = self._chance.randrange(100)
        if pt.is_boolean(dtype):
            return number % 2 == 0
        if pt.is_decimal(dtype):
            return Decimal(number) / 4
        if pt.is_floating(dtype):
            return float(number)
        if dtype == pa.date64():
            return number * 86_400_000
        if pt.is_integer(dtype) or pt.is_temporal(dtype):
            return number
        if pt.is_fixed_size_binary(dtype):
            return bytes([number]) * int(dtype.byte_width)
        text = f"{number} é"[: self._chance.randrange(5)]
        return text if pt.is_string(dtype) or pt.is_large_string(dtype) or pt.is_string_view(dtype) else text.encode()
