"""Columns brought to the types of a schema, part by part, where no value is lost by it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from transforms.base.errors import CorpusError
from transforms.base.texts import offsets_of
from transforms.corpus.types.lists import items as items_of
from transforms.corpus.types.lists import spans
from transforms.corpus.types.written import is_list


def conform(table: pa.Table, schema: pa.Schema, where: str) -> pa.Table:
    """`table` with exactly the columns of `schema`: missing ones null, others in its types, without metadata.

    Raises:
        CorpusError: naming the column, if a value does not fit its type; `where` names the file.
    """
    if table.schema.equals(schema, check_metadata=False):
        return table.replace_schema_metadata(None)
    present = set(table.column_names)
    columns = [
        _column(table[field.name], field, where)
        if field.name in present
        else pa.chunked_array([pa.nulls(table.num_rows, field.type)])
        for field in schema
    ]
    return pa.table(columns, schema=schema.remove_metadata())


def _column(column: pa.ChunkedArray, field: pa.Field, where: str) -> pa.ChunkedArray:
    if not field.nullable and column.null_count:
        raise CorpusError(
            f"{where}: column {field.name!r} has nulls, though it is declared to have none: declare it nullable"
        )
    try:
        if column.type.equals(field.type):
            return column
        return pa.chunked_array([conform_array(chunk, field.type) for chunk in column.chunks], field.type)
    except pa.ArrowException as error:
        reason = " ".join(str(error).split())
        raise CorpusError(f"{where}: column {field.name!r} cannot be read as {field.type} ({reason})") from error


def conform_array(array: pa.Array, dtype: pa.DataType) -> pa.Array:
    """The same values as `dtype`; fields that a struct lacks are null.

    Raises:
        pyarrow.ArrowException: if a value does not fit.
    """
    if array.type.equals(dtype):
        return array
    if isinstance(array.type, pa.BaseExtensionType):
        return conform_array(array.storage, dtype)
    if isinstance(dtype, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(dtype, conform_array(array, dtype.storage_type))
    if pt.is_dictionary(array.type):
        return _from_dictionary(array, dtype)
    if pt.is_dictionary(dtype):
        encoded = conform_array(array, dtype.value_type).dictionary_encode()
        return pa.DictionaryArray.from_arrays(encoded.indices.cast(dtype.index_type), encoded.dictionary)
    if pt.is_struct(array.type) and pt.is_struct(dtype):
        return _struct(array, dtype)
    if pt.is_map(array.type) and pt.is_map(dtype):
        return _map(array, dtype)
    if is_list(array.type) and is_list(dtype):
        return _list(array, dtype)
    without_parts = pt.is_struct(array.type) and not array.type.num_fields and pt.is_null(dtype)
    return pa.nulls(len(array), dtype) if pt.is_null(array.type) or without_parts else array.cast(dtype)


def _from_dictionary(array: pa.DictionaryArray, dtype: pa.DataType) -> pa.Array:
    if not pt.is_dictionary(dtype):
        return conform_array(array.dictionary, dtype).take(array.indices)
    values = conform_array(array.dictionary, dtype.value_type)
    return pa.DictionaryArray.from_arrays(array.indices.cast(dtype.index_type), values)


def _struct(array: pa.StructArray, dtype: pa.DataType) -> pa.Array:
    present = {field.name: at for at, field in enumerate(array.type)}
    parts = [
        conform_array(array.field(present[field.name]), field.type)
        if field.name in present
        else pa.nulls(len(array), field.type)
        for field in dtype
    ]
    return pa.StructArray.from_arrays(parts, fields=list(dtype), mask=array.is_null())


def _map(array: pa.MapArray, dtype: pa.DataType) -> pa.Array:
    starts, lengths = spans(array)
    keys = conform_array(items_of(array.keys, starts, lengths), dtype.key_type)
    items = conform_array(items_of(array.items, starts, lengths), dtype.item_type)
    return pa.MapArray.from_arrays(_offsets(lengths, pa.int32()), keys, items, type=dtype, mask=array.is_null())


def _list(array: Any, dtype: pa.DataType) -> pa.Array:
    starts, lengths = spans(array)
    if pt.is_fixed_size_list(dtype):
        if not (lengths == dtype.list_size).all():
            raise pa.ArrowInvalid(f"a list is null or has not {dtype.list_size} items")
        items = conform_array(items_of(array.values, starts, lengths), dtype.value_type)
        return pa.FixedSizeListArray.from_arrays(items, type=dtype)
    large = pt.is_large_list(dtype)
    items = conform_array(items_of(array.values, starts, lengths), dtype.value_type)
    offsets = _offsets(lengths, pa.int64() if large else pa.int32())
    kind = pa.LargeListArray if large else pa.ListArray
    return kind.from_arrays(offsets, items, type=dtype, mask=array.is_null())


def _offsets(lengths: npt.NDArray[np.int64], dtype: pa.DataType) -> pa.Array:
    return pa.array(offsets_of(lengths)).cast(dtype)
