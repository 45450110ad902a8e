"""What the footer of a Parquet file says of its columns: one schema to plan, read and write them by."""

import base64
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.types as pt

from transforms.corpus.types.written import has_empty_lists, has_fixed_size_list, orders_lost, parts, written_schema

STORED = b"ARROW:schema"
"""The key under which writers of Arrow store a file's schema in Arrow's own types."""
OPTIONS: dict[str, Any] = {"coerce_int96_timestamp_unit": "us", "arrow_extensions_enabled": True}
"""How every Parquet file is read. Nanoseconds, pyarrow's default for INT96, hold the years 1677 to 2262 only."""

_MAGIC, _TAIL = b"PAR1", 8


@dataclass(frozen=True)
class Footer:
    """The footer of a file.

    Attributes:
        metadata: as it is.
        readable: by which every row can be read; it lacks the stored Arrow schema where that has fixed-size lists
            with nulls, which Arrow refuses to read.
        schema: the columns in the types in which they are written.
        int96: the columns that hold, or are, times of the type INT96.
        unreadable: columns whose values cannot be told from the file: fixed-size lists of no items, in each of which
            Arrow writes a null.
        lost: what the output does not keep of the columns beside their values, a phrase each.
    """

    metadata: pq.FileMetaData
    readable: pq.FileMetaData
    schema: pa.Schema
    int96: tuple[str, ...]
    unreadable: tuple[str, ...]
    lost: tuple[str, ...]


def read_footer(stream: pa.NativeFile) -> Footer:
    """Read the footer of an open Parquet file.

    Raises:
        pyarrow.ArrowException, OSError: if it cannot be read.
    """
    metadata = pq.read_metadata(stream)
    file = pq.ParquetFile(stream, metadata=metadata, **OPTIONS)
    found = _with_enums(_as_in_dictionaries(file.schema_arrow, stored_schema(file)), metadata)
    written = written_schema(found, _without_null_lists(metadata, found))
    unlike = any(
        has_fixed_size_list(before.type) and not before.type.equals(after.type)
        for before, after in zip(found, written, strict=True)
    )
    readable = _without_stored_schema(stream, metadata) if unlike else metadata
    columns = [metadata.schema.column(at) for at in range(metadata.num_columns)]
    times = [column.path.split(".")[0] for column in columns if column.physical_type == "INT96"]
    names = [field.name for field in found for _ in _leaves(field.type)]
    if len(names) == len(columns):  # names may have dots
        times = [name for name, column in zip(names, columns, strict=True) if column.physical_type == "INT96"]
    lost = orders_lost(found) + [
        f"the type {name} of column {column.path!r}" for column in columns if (name := _unwritten(column)) is not None
    ]
    unreadable = tuple(field.name for field in found if has_empty_lists(field.type))
    return Footer(metadata, readable, written, tuple(dict.fromkeys(times)), unreadable, tuple(lost))


def _with_enums(found: pa.Schema, metadata: pq.FileMetaData) -> pa.Schema:
    """`found` with text for the logical type ENUM, which Arrow reads as bytes.

    Its values are UTF-8: https://github.com/apache/parquet-format/blob/master/LogicalTypes.md#enum
    """
    enums = [metadata.schema.column(at).logical_type.type == "ENUM" for at in range(metadata.num_columns)]
    if not any(enums) or sum(1 for field in found for _ in _leaves(field.type)) != len(enums):
        return found
    flags = iter(enums)
    return pa.schema([field.with_type(_as_text(field.type, flags)) for field in found], metadata=found.metadata)


def _as_text(dtype: pa.DataType, enums: Iterator[bool]) -> pa.DataType:
    """`dtype` with text for those of its stored columns that are an ENUM."""
    if pt.is_dictionary(dtype) or not parts(dtype):
        return pa.string() if next(enums) and pt.is_binary(dtype) else dtype
    if pt.is_struct(dtype):
        return pa.struct([field.with_type(_as_text(field.type, enums)) for field in dtype])
    if pt.is_map(dtype):
        key = dtype.key_field.with_type(_as_text(dtype.key_type, enums))
        return pa.map_(key, dtype.item_field.with_type(_as_text(dtype.item_type, enums)), dtype.keys_sorted)
    if pt.is_list(dtype):
        return pa.list_(dtype.value_field.with_type(_as_text(dtype.value_type, enums)))
    for part in parts(dtype):
        _as_text(part, enums)
    return dtype


def _unwritten(column: pq.ColumnSchema) -> str | None:
    """The logical type of a stored column, if Arrow reads it as plain values and does not write it as that type."""
    kind = column.logical_type.type
    if kind in ("INTERVAL", "BSON", "GEOMETRY", "GEOGRAPHY"):
        return str(kind)
    return "TIME in UTC" if kind == "TIME" and "isAdjustedToUTC=true" in str(column.logical_type) else None


def _as_in_dictionaries(found: pa.Schema, stored: pa.Schema) -> pa.Schema:
    """`found` with the types of values that were stored in dictionaries.

    Arrow reads only text and bytes as dictionaries. Of others it forgets what Parquet lacks: zones other than UTC,
    durations, small decimals.
    """
    for at, field in enumerate(found):
        if at < len(stored) and pt.is_dictionary(stored.field(at).type) and not pt.is_dictionary(field.type):
            values = stored.field(at).type.value_type
            if _forgotten(field.type, values):
                found = found.set(at, field.with_type(values))
    return found


def _forgotten(found: pa.DataType, values: pa.DataType) -> bool:
    if pt.is_timestamp(found) and pt.is_timestamp(values):
        return bool(found.tz) and bool(values.tz)
    if pt.is_decimal(found) and pt.is_decimal(values):
        return (found.precision, found.scale) == (values.precision, values.scale)
    return bool(pt.is_int64(found) and pt.is_duration(values))


def stored_schema(file: pq.ParquetFile) -> pa.Schema:
    """The schema with which a file was written, to the names of the parts of lists and maps.

    pyarrow gives those names of the footer's schema instead. A file without a stored schema has only these.
    """
    stored = (file.metadata.metadata or {}).get(STORED)
    if stored is None:
        return file.schema_arrow
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(stored)))


def _leaves(dtype: pa.DataType, size: int = 0) -> Iterator[int]:
    """For each column that Parquet stores of a type: values a row within fixed-size lists without nulls, else 0."""
    if pt.is_dictionary(dtype) or not parts(dtype):
        yield size
    elif pt.is_fixed_size_list(dtype):
        yield from _leaves(dtype.value_type, max(1, size) * dtype.list_size)
    else:
        passes = pt.is_struct(dtype) or isinstance(dtype, pa.BaseExtensionType)
        for part in parts(dtype):
            yield from _leaves(part, size) if passes else (0 for _ in _leaves(part))


def _without_null_lists(metadata: pq.FileMetaData, schema: pa.Schema) -> set[str]:
    """The columns with fixed-size lists of which none is null.

    A null takes the place of one value, so that fewer are stored than rows times size.
    """
    sizes = [list(_leaves(field.type)) for field in schema]
    if sum(map(len, sizes)) != metadata.num_columns:
        return set()
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    found, first = set(), 0
    for field, own in zip(schema, sizes, strict=True):
        if has_fixed_size_list(field.type) and all(
            not size or group.column(first + at).num_values == size * group.num_rows
            for at, size in enumerate(own)
            for group in groups
        ):
            found.add(field.name)
        first += len(own)
    return found


def _without_stored_schema(stream: pa.NativeFile, metadata: pq.FileMetaData) -> pq.FileMetaData:
    """The same footer, whose stored Arrow schema goes under another key, so that nobody reads by it."""
    size = stream.size()
    stream.seek(size - _TAIL)
    tail = stream.read(_TAIL)
    (length,) = struct.unpack_from("<I", tail)
    stream.seek(size - _TAIL - length)
    footer = stream.read(length)
    key = bytes([len(STORED)]) + STORED  # in Thrift's compact encoding
    at = footer.rfind(key)
    while at >= 0:
        renamed = footer[:at] + key.replace(b":", b"-") + footer[at + len(key) :]
        found = pq.read_metadata(pa.BufferReader(_MAGIC + renamed + tail))
        if STORED not in (found.metadata or {}) and found.schema.equals(metadata.schema):
            return found
        at = footer.rfind(key, 0, at)
    return metadata
