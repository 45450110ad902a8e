"""Which columns an input has, and whether the named ones can be used."""

from collections.abc import Sequence

import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.texts import one_array


def is_text(dtype: pa.DataType) -> bool:
    """Whether a column of this type holds text, plainly or through a dictionary."""
    if pa.types.is_dictionary(dtype):
        return is_text(dtype.value_type)
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype) or pa.types.is_string_view(dtype))


def check_text_column(schema: pa.Schema, column: str, where: str) -> None:
    """Raise `CorpusError` unless `column` is a text column of `schema`; `where` names the file."""
    dtype = _type_of(schema, column, where, "--text-column")
    if not (is_text(dtype) or pa.types.is_null(dtype)):
        raise CorpusError(
            f"{where}: column {column!r} has type {dtype}, text (string) is needed; "
            f"text columns here: {_listed([f.name for f in schema if is_text(f.type)])}: name one with --text-column"
        )


def check_number_column(schema: pa.Schema, column: str, where: str) -> None:
    """Raise `CorpusError` unless `column` is a numeric column of `schema`."""
    dtype = _type_of(schema, column, where, "--keep max:COLUMN")
    if not (pa.types.is_integer(dtype) or pa.types.is_floating(dtype) or pa.types.is_null(dtype)):
        raise CorpusError(f"{where}: column {column!r} has type {dtype}, --keep max:{column} needs numbers")


def _type_of(schema: pa.Schema, column: str, where: str, flag: str) -> pa.DataType:
    if column not in schema.names:
        raise CorpusError(f"{where}: no column {column!r}; it has {_listed(schema.names)}: name one with {flag}")
    if schema.names.count(column) > 1:
        raise CorpusError(f"{where}: column {column!r} stands there {schema.names.count(column)} times: rename one")
    return schema.field(column).type


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "none"


def as_strings(column: pa.ChunkedArray) -> pa.Array:
    """The column as one `string` or `large_string` array: views and dictionaries are decoded, nulls get a type."""
    array = one_array(column)
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], column.type)
    plain = pa.types.is_string(array.type) or pa.types.is_large_string(array.type)
    return array if plain else array.cast(pa.large_string())
