"""JSON lines -> one table, a row a line: types inferred without guesses, or exactly those of a given schema.

pyarrow's reader does the parsing. Two things that it infers are put right here by reading again with the types
given: strings that look like times stay strings; and arrays with nulls, of which inference drops the first ones
(https://github.com/apache/arrow/issues/51305), come out whole.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.json as pj
import pyarrow.types as pt

from transforms.base.texts import one_array

_ONLY_NULL = pa.struct([])
"""Read in place of a type that JSON has no value for. Not as pa.null(): that one loses items of arrays, too."""


def infer_table(
    lines: npt.NDArray[np.uint8], *, null_items: bool, texts: dict[str, pa.DataType] | None = None
) -> pa.Table:
    """Parse lines with inferred types: null, bool, int64, double, string, list and struct of these.

    Columns stand in the order in which they first appear, those of `texts` before all others. A number column with
    a fraction, an exponent, NaN or Infinity anywhere is double. An object that never has a key is struct<>.

    Args:
        lines: uint8[n], at least one line, each one object and valid UTF-8.
        null_items: whether an array in it has a null for an item.
        texts: columns, or parts of columns, known to be strings that look like times; it saves reading twice.
            Those found are added to it.

    Raises:
        pyarrow.ArrowInvalid: it cannot be parsed, or two lines disagree about a type.
    """
    texts = {} if texts is None else texts
    table = _read(lines, texts, "infer")
    again: dict[str, pa.DataType] = {}
    for field in table.schema:
        found = _temporal_part(field.type)
        if found is not None:
            texts[field.name] = found if field.name not in texts else _overlay(texts[field.name], found)
        if found is not None or (null_items and _has_list(field.type)):
            again[field.name] = _as_text(field.type)
    if not again:
        return table
    wanted = pa.schema([pa.field(field.name, again.get(field.name, field.type)) for field in table.schema])
    read = _read(lines, texts | {name: _readable(dtype) for name, dtype in again.items()}, "infer")
    return _conform_table(read, wanted)


def exact_table(lines: npt.NDArray[np.uint8], schema: pa.Schema) -> pa.Table:
    """Parse lines to exactly the columns and types of `schema`; columns that a line lacks are null.

    A column whose type JSON has no value for (null, times, binary, map, ...) may only hold null, or `{}` where the
    type is null (see `merged_schema.storable`).

    Raises:
        pyarrow.ArrowInvalid: it cannot be parsed, a value does not fit its column, or there is a further column.
    """
    read = _read(lines, {field.name: _readable(field.type) for field in schema}, "error")
    return _conform_table(read, schema)


def _read(lines: npt.NDArray[np.uint8], types: dict[str, pa.DataType], unexpected: str) -> pa.Table:
    explicit = pa.schema(list(types.items())) if types or unexpected == "error" else None
    return pj.read_json(
        pa.BufferReader(pa.py_buffer(lines)),
        read_options=pj.ReadOptions(use_threads=False, block_size=len(lines) + 1),
        parse_options=pj.ParseOptions(
            explicit_schema=explicit, newlines_in_values=False, unexpected_field_behavior=unexpected
        ),
    )


def _temporal_part(dtype: pa.DataType) -> pa.DataType | None:
    """`dtype` cut down to where it holds times, with string for each; None if it holds none."""
    if pt.is_temporal(dtype):
        return pa.string()
    if pt.is_list(dtype):
        item = _temporal_part(dtype.value_type)
        return None if item is None else pa.list_(item)
    if pt.is_struct(dtype):
        parts = [(field.name, part) for field in dtype if (part := _temporal_part(field.type)) is not None]
        return pa.struct(parts) if parts else None
    return None


def _overlay(known: pa.DataType, found: pa.DataType) -> pa.DataType:
    """Both of two results of `_temporal_part` for one column."""
    if pt.is_struct(known) and pt.is_struct(found):
        parts = {field.name: field.type for field in known}
        for field in found:
            before = parts.get(field.name)
            parts[field.name] = field.type if before is None else _overlay(before, field.type)
        return pa.struct(list(parts.items()))
    if pt.is_list(known) and pt.is_list(found):
        return pa.list_(_overlay(known.value_type, found.value_type))
    return found


def _as_text(dtype: pa.DataType) -> pa.DataType:
    """An inferred type with string for each time."""
    if pt.is_temporal(dtype):
        return pa.string()
    if pt.is_list(dtype):
        return pa.list_(_as_text(dtype.value_type))
    if pt.is_struct(dtype):
        return pa.struct([(field.name, _as_text(field.type)) for field in dtype])
    return dtype


def _has_list(dtype: pa.DataType) -> bool:
    return bool(pt.is_list(dtype)) or (pt.is_struct(dtype) and any(_has_list(field.type) for field in dtype))


def _readable(dtype: pa.DataType) -> pa.DataType:
    """The type to ask of the reader for a column that shall become `dtype`."""
    if pt.is_list(dtype) or pt.is_large_list(dtype):
        return pa.list_(_readable(dtype.value_type))
    if pt.is_struct(dtype):
        return pa.struct([(field.name, _readable(field.type)) for field in dtype])
    if pt.is_integer(dtype) or pt.is_boolean(dtype) or pt.is_float32(dtype) or pt.is_float64(dtype):
        return dtype
    return dtype if pt.is_string(dtype) or pt.is_large_string(dtype) else _ONLY_NULL


def _conform_table(read: pa.Table, schema: pa.Schema) -> pa.Table:
    if not len(schema):
        return read
    columns: Iterable[pa.ChunkedArray] = (read.column(name) for name in schema.names)
    arrays = [_conform(one_array(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def _conform(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """An array read as `_readable(dtype)` -> the same values as `dtype`."""
    if array.type.equals(dtype):
        return array
    if pt.is_struct(dtype):
        children = [_conform(array.field(field.name), field.type) for field in dtype]
        return pa.StructArray.from_arrays(children, fields=list(dtype), mask=array.is_null())
    if pt.is_list(dtype) or pt.is_large_list(dtype):
        items = _conform(array.values, dtype.value_type)
        bounds = array.buffers()[:2]
        listed = pa.Array.from_buffers(
            pa.list_(dtype.value_field), len(array), bounds, array.null_count, array.offset, [items]
        )
        return listed.cast(dtype) if pt.is_large_list(dtype) else listed
    if not pt.is_null(dtype) and array.null_count < len(array):
        raise pa.ArrowInvalid(f"an object was found where {dtype} is wanted")
    return pa.nulls(len(array), dtype)
