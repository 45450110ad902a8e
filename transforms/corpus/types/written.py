"""The type in which a column is written: one that Parquet gives back as it was, whichever library wrote the input."""

from collections.abc import Callable, Collection

import pyarrow as pa
import pyarrow.types as pt

_PLAIN: dict[pa.DataType, pa.DataType] = {
    pa.string_view(): pa.string(),
    pa.binary_view(): pa.binary(),
    pa.date64(): pa.date32(),
    pa.time32("s"): pa.time32("ms"),
}
_IN_DICTIONARY: dict[pa.DataType, pa.DataType] = {
    pa.string(): pa.string(),
    pa.large_string(): pa.string(),
    pa.binary(): pa.binary(),
    pa.large_binary(): pa.binary(),
}


def written_schema(schema: pa.Schema, fixed: Collection[str]) -> pa.Schema:
    """`schema` in the types that are written; names, nullability and metadata stay.

    Views become what they are views of. Units that Parquet lacks become the next finer one (dates of 64 bits hold
    whole days, and become those of 32). Dictionaries keep their kind as columns of text or bytes, with codes of 32 bits
    and in no order; elsewhere they become their values. Fixed-size lists stay only where they hold no null, because
    Arrow cannot read such a null back from Parquet, and where no other list or map is around them or in them. The parts
    of lists and maps are named "element", "key" and "value", as Parquet prescribes.

    Args:
        schema: any columns.
        fixed: the columns whose fixed-size lists are known to hold no null.
    """
    return pa.schema(
        [field.with_type(written_type(field.type, fixed=field.name in fixed)) for field in schema],
        metadata=schema.metadata,
    )


def written_type(dtype: pa.DataType, *, fixed: bool) -> pa.DataType:
    """The type in which a column of type `dtype` is written; see `written_schema`."""
    if pt.is_dictionary(dtype):
        values = _written(dtype.value_type, fixed=False)
        return pa.dictionary(pa.int32(), _IN_DICTIONARY[values]) if values in _IN_DICTIONARY else values
    return _written(dtype, fixed=fixed)


def _written(dtype: pa.DataType, *, fixed: bool) -> pa.DataType:
    if isinstance(dtype, pa.BaseExtensionType):
        return _extension(dtype, _written(dtype.storage_type, fixed=fixed))
    if pt.is_dictionary(dtype):
        return _written(dtype.value_type, fixed=False)
    if pt.is_timestamp(dtype) and dtype.unit == "s":
        return pa.timestamp("ms", dtype.tz)
    if pt.is_struct(dtype):
        return pa.struct([field.with_type(_written(field.type, fixed=fixed)) for field in dtype])
    if pt.is_map(dtype):
        return pa.map_(_part("key", dtype.key_field), _part("value", dtype.item_field), dtype.keys_sorted)
    if pt.is_fixed_size_list(dtype) and fixed and dtype.list_size > 1 and not has_list(dtype.value_type):
        return pa.list_(_part("element", dtype.value_field, fixed=True), dtype.list_size)
    if pt.is_large_list(dtype) or pt.is_large_list_view(dtype):
        return pa.large_list(_part("element", dtype.value_field))
    if is_list(dtype):
        return pa.list_(_part("element", dtype.value_field))
    return _PLAIN.get(dtype, dtype)


def _part(name: str, field: pa.Field, *, fixed: bool = False) -> pa.Field:
    return field.with_name(name).with_type(_written(field.type, fixed=fixed))


def _extension(dtype: pa.DataType, storage: pa.DataType) -> pa.DataType:
    """An extension type over the storage that is written; the storage itself where the type cannot lie over it."""
    if storage.equals(dtype.storage_type):
        return dtype
    return pa.json_(storage) if isinstance(dtype, pa.JsonType) else storage


def stored(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of an extension type (UUID, JSON) as the plain values that it stores; any other as it is."""
    if not isinstance(column.type, pa.BaseExtensionType):
        return column
    return pa.chunked_array([chunk.storage for chunk in column.chunks], column.type.storage_type)


def is_list(dtype: pa.DataType) -> bool:
    """Whether it is a list of any kind; a map is none."""
    return any(of_kind(dtype) for of_kind in _LISTS)


_LISTS: tuple[Callable[[pa.DataType], bool], ...] = (
    pt.is_list,
    pt.is_large_list,
    pt.is_list_view,
    pt.is_large_list_view,
    pt.is_fixed_size_list,
)


def orders_lost(schema: pa.Schema) -> list[str]:
    """Phrases for the columns whose dictionaries have an order, which files of other orders could not share."""
    return [f"the order of the categories of column {field.name!r}" for field in schema if _has_order(field.type)]


def _has_order(dtype: pa.DataType) -> bool:
    return dtype.ordered if pt.is_dictionary(dtype) else any(map(_has_order, parts(dtype)))


def has_fixed_size_list(dtype: pa.DataType) -> bool:
    """Whether it is, or holds, a fixed-size list."""
    return bool(pt.is_fixed_size_list(dtype)) or any(map(has_fixed_size_list, parts(dtype)))


def has_empty_lists(dtype: pa.DataType) -> bool:
    """Whether it is, or holds, a fixed-size list of no items."""
    empty = pt.is_fixed_size_list(dtype) and not dtype.list_size
    return bool(empty) or any(map(has_empty_lists, parts(dtype)))


def has_list(dtype: pa.DataType) -> bool:
    """Whether it is, or holds, a map or a list whose size is not fixed."""
    varies = pt.is_map(dtype) or (is_list(dtype) and not pt.is_fixed_size_list(dtype))
    return bool(varies) or any(map(has_list, parts(dtype)))


def parts(dtype: pa.DataType) -> list[pa.DataType]:
    """The types that a type is made of, in the order in which Parquet and Arrow store them."""
    if isinstance(dtype, pa.BaseExtensionType):
        return [dtype.storage_type]
    return [dtype.field(at).type for at in range(dtype.num_fields)]
