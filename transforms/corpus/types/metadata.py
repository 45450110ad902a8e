"""What the metadata of several files say together: the entries on which all agree."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.types as pt

PANDAS = b"pandas"
_FIELD_ID = b"PARQUET:field_id"
_NAMES_COLUMNS = (
    b"org.apache.spark.sql.parquet.row.metadata",
    b"parquet.avro.schema",
    b"avro.schema",
    b"iceberg.schema",
)
"""Entries by which readers take the columns of a file to be those, and no others."""

Metadata = Mapping[bytes, bytes]


def agreed(first: Metadata | None, second: Metadata | None) -> dict[bytes, bytes]:
    """The entries that both have."""
    other = second or {}
    return {key: value for key, value in (first or {}).items() if other.get(key) == value}


def shared_metadata(schemas: Sequence[pa.Schema], written: pa.Schema) -> dict[bytes, bytes]:
    """The metadata for `written`, which holds the rows of files with the columns `schemas`.

    An entry stays where every file has it with the same value. pandas' is taken apart: its index stays where all agree
    on it, but for a range of row numbers, which no longer hold. An entry that lists the columns stays only where no
    column was added.
    """
    if not schemas:
        return {}
    first, *others = ({**(schema.metadata or {})} for schema in schemas)
    index = [_pandas(one.pop(PANDAS, None)) for one in (first, *others)] if PANDAS in first else []
    found = first
    for one in others:
        one.pop(PANDAS, None)
        found = agreed(found, one)
    if any(schema.names != written.names for schema in schemas):
        found = {key: value for key, value in found.items() if key not in _NAMES_COLUMNS}
    together = _pandas_together(index, written.names)
    return found if together is None else {**found, PANDAS: json.dumps(together).encode()}


def dropped(schemas: Sequence[pa.Schema], kept: Metadata) -> list[str]:
    """Names of the entries that some file has and the output has not, sorted."""
    names = {key for schema in schemas for key in schema.metadata or {}}
    return sorted(name.decode(errors="replace") for name in names - set(kept))


def _pandas(value: bytes | None) -> dict[str, Any] | None:
    """What pandas says of a table, without ranges as index; None for nothing that can be read."""
    try:
        found = json.loads(value or b"")
        index = [one for one in found["index_columns"] if not isinstance(one, dict)]
        return {**found, "index_columns": index, "columns": list(found["columns"])}
    except (ValueError, KeyError, TypeError):
        return None


def _pandas_together(found: Sequence[dict[str, Any] | None], names: Sequence[str]) -> dict[str, Any] | None:
    if not found or found[0] is None:
        return None
    first = found[0]
    columns = first["columns"]
    for one in found[1:]:
        if one is None or any(one.get(key) != first.get(key) for key in ("index_columns", "column_indexes")):
            return None
        columns = [column for column in columns if column in one["columns"]]
    if not set(first["index_columns"]) <= set(names):
        return None
    return {**first, "columns": columns}


def with_single_field_ids(schema: pa.Schema) -> pa.Schema:
    """`schema` without Parquet's field ids if two columns have the same, as when files of two tables were joined."""
    ids = [one for field in schema for one in _ids(field)]
    if len(set(ids)) == len(ids):
        return schema
    return pa.schema([_without_id(field) for field in schema], metadata=schema.metadata)


def _ids(field: pa.Field) -> list[bytes]:
    own = [field.metadata[_FIELD_ID]] if field.metadata and _FIELD_ID in field.metadata else []
    return own + [one for at in range(field.type.num_fields) for one in _ids(field.type.field(at))]


def _without_id(field: pa.Field) -> pa.Field:
    metadata = {key: value for key, value in (field.metadata or {}).items() if key != _FIELD_ID}
    return field.with_metadata(metadata or None).with_type(_without_ids(field.type))


def _without_ids(dtype: pa.DataType) -> pa.DataType:
    """A type that is written, without the ids of its parts."""
    if pt.is_struct(dtype):
        return pa.struct([_without_id(field) for field in dtype])
    if pt.is_map(dtype):
        return pa.map_(_without_id(dtype.key_field), _without_id(dtype.item_field), dtype.keys_sorted)
    if pt.is_fixed_size_list(dtype):
        return pa.list_(_without_id(dtype.value_field), dtype.list_size)
    if pt.is_large_list(dtype):
        return pa.large_list(_without_id(dtype.value_field))
    return pa.list_(_without_id(dtype.value_field)) if pt.is_list(dtype) else dtype
