"""One schema over many files: columns by name, types widened where nothing is lost, else an error naming both files."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.types as pt

from transforms.base.errors import CorpusError
from transforms.corpus.types.metadata import agreed
from transforms.corpus.types.written import has_fixed_size_list, is_list, written_schema, written_type

_SHOWN = 120


class _ConflictError(Exception):
    """Two types that no column can hold together: path of the column, left type, right type."""


def merge_schemas(named: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema that holds the rows of all given ones.

    Columns are matched by name and stand in the order in which they are first seen; so do the fields of a struct.
    Types that differ become one as follows: null and anything is that thing; integers become the narrowest integer that
    holds both; floats the wider float; an integer and a float become float64 (integers that it would round are refused
    where they are met); string and large_string, binary and large_binary, list and large_list become the large one;
    structs, lists and maps are merged inside. What only says more of the same values gives way: a dictionary and its
    values' type, an extension type and its storage, become the latter; codes of dictionaries become int32, a fixed-size
    list and another list a list, times with different zones times in UTC, decimals of one precision and scale the wider
    ones. A column is nullable where it is so, or missing, in any; fixed-size lists are then lists.
    Metadata of fields stays where all files that have the field agree on it; that of schemas is dropped.

    Args:
        named: pairs of a name for messages (a file's path) and its schema, in the order of the corpus.

    Raises:
        CorpusError: two schemas disagree about a column, or one has two columns of one name; the message names the
            column, both types and both files.
    """
    merged: list[pa.Field] | None = None
    last: pa.Schema | None = None
    for at, (name, schema) in enumerate(named):
        schema = schema.remove_metadata()
        if last is not None and schema.equals(last, check_metadata=True):
            continue
        last = schema
        try:
            fields = _merge_fields(schema, schema, "")
            merged = fields if merged is None else _merge_fields(merged, fields, "")
        except _ConflictError as conflict:
            raise _named(conflict, named[:at], name, schema) from None
    return pa.schema(merged or [])


def together(named: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """The columns in which the rows of all files are written together: merged, and in types that Parquet can hold.

    Raises:
        CorpusError: as `merge_schemas`.
    """
    merged = storable(merge_schemas(named))
    return written_schema(merged, merged.names)


def storable(schema: pa.Schema) -> pa.Schema:
    """`schema` as Parquet can hold it: a struct without fields (JSON's `{}`, never with a key) becomes null.

    To be called once, on the schema of the whole corpus: before that, null would agree with any other type.
    """
    return pa.schema([field.with_type(_storable(field.type)) for field in schema], metadata=schema.metadata)


def _storable(dtype: pa.DataType) -> pa.DataType:
    if pt.is_struct(dtype):
        if not dtype.num_fields:
            return pa.null()
        return pa.struct([field.with_type(_storable(field.type)) for field in dtype])
    if pt.is_list(dtype):
        return pa.list_(dtype.value_field.with_type(_storable(dtype.value_type)))
    if pt.is_large_list(dtype):
        return pa.large_list(dtype.value_field.with_type(_storable(dtype.value_type)))
    return dtype


def _merge_fields(left: Iterable[pa.Field], right: Iterable[pa.Field], path: str) -> list[pa.Field]:
    mine, theirs = _by_name(left, path), _by_name(right, path)
    merged = []
    for name in mine | theirs:
        a, b = mine.get(name), theirs.get(name)
        if a is None or b is None:
            only = (mine | theirs)[name]
            merged.append(only.with_nullable(True).with_type(_with_nulls(only.type)))
        else:
            dtype = _merge(a.type, b.type, f"{path}.{name}" if path else name)
            merged.append(pa.field(name, dtype, a.nullable or b.nullable, agreed(a.metadata, b.metadata) or None))
    return merged


def _by_name(fields: Iterable[pa.Field], path: str) -> dict[str, pa.Field]:
    found: dict[str, pa.Field] = {}
    for field in fields:
        if field.name in found:
            raise _ConflictError(f"{path}.{field.name}" if path else field.name, None, None)
        found[field.name] = field
    return found


def _merge(a: pa.DataType, b: pa.DataType, path: str) -> pa.DataType:
    if a.equals(b, check_metadata=True):
        return a
    if pt.is_null(a) or pt.is_null(b):
        return _with_nulls(b if pt.is_null(a) else a)
    if pt.is_dictionary(a) or pt.is_dictionary(b):
        return _merge_dictionaries(a, b, path)
    if isinstance(a, pa.BaseExtensionType) or isinstance(b, pa.BaseExtensionType):
        return _merge_extensions(a, b, path)
    if pt.is_struct(a) and pt.is_struct(b):
        return pa.struct(_merge_fields(a, b, path))
    if is_list(a) and is_list(b):
        items = _merge_items(a.value_field, b.value_field, f"{path}[]")
        if pt.is_fixed_size_list(a) and pt.is_fixed_size_list(b) and a.list_size == b.list_size:
            return pa.list_(items, a.list_size)
        wide = pt.is_large_list(a) or pt.is_large_list(b)
        return (pa.large_list if wide else pa.list_)(items)
    if pt.is_map(a) and pt.is_map(b):
        key = _merge_items(a.key_field, b.key_field, f"{path}[key]")
        return pa.map_(key, _merge_items(a.item_field, b.item_field, f"{path}[]"), a.keys_sorted and b.keys_sorted)
    merged = a if a.equals(b) else _merge_values(a, b)
    if merged is None:
        raise _ConflictError(path, a, b)
    return merged


def _merge_items(a: pa.Field, b: pa.Field, path: str) -> pa.Field:
    dtype, metadata = _merge(a.type, b.type, path), agreed(a.metadata, b.metadata)
    return pa.field(a.name, dtype, a.nullable or b.nullable, metadata or None)


def _merge_dictionaries(a: pa.DataType, b: pa.DataType, path: str) -> pa.DataType:
    values = [one.value_type if pt.is_dictionary(one) else one for one in (a, b)]
    try:
        merged = _merge(values[0], values[1], path)
    except _ConflictError:
        raise _ConflictError(path, a, b) from None
    return pa.dictionary(pa.int32(), merged) if pt.is_dictionary(a) and pt.is_dictionary(b) else merged


def _merge_extensions(a: pa.DataType, b: pa.DataType, path: str) -> pa.DataType:
    """Of an extension type and its storage the storage; two different extension types are never the same."""
    both = isinstance(a, pa.BaseExtensionType) and isinstance(b, pa.BaseExtensionType)
    if both and a.equals(b):
        return a
    storages = [one.storage_type if isinstance(one, pa.BaseExtensionType) else one for one in (a, b)]
    json = isinstance(a, pa.JsonType) or isinstance(b, pa.JsonType)
    if both and not (isinstance(a, pa.JsonType) and isinstance(b, pa.JsonType)):
        raise _ConflictError(path, a, b)
    if not json and not is_list(storages[0]) and not storages[0].equals(storages[1]):
        raise _ConflictError(path, a, b)
    try:
        merged = _merge(storages[0], storages[1], path)
    except _ConflictError:
        raise _ConflictError(path, a, b) from None
    return pa.json_(merged) if both else merged


def _with_nulls(dtype: pa.DataType) -> pa.DataType:
    """`dtype` as it is written where the whole column may be null."""
    return written_type(dtype, fixed=False) if has_fixed_size_list(dtype) else dtype


_FAMILIES: tuple[Callable[[pa.DataType], bool], ...] = (
    pt.is_integer,
    pt.is_floating,
    lambda dtype: bool(pt.is_string(dtype) or pt.is_large_string(dtype)),
    lambda dtype: bool(pt.is_binary(dtype) or pt.is_large_binary(dtype)),
)


def _merge_values(a: pa.DataType, b: pa.DataType) -> pa.DataType | None:
    """The narrowest type of the same family that holds both, as Arrow promotes them; None if there is none.

    Arrow would promote across families too, where values are lost or become something else: text to bytes, a date to
    milliseconds, an integer to a decimal, uint64 with a signed integer to int64.
    """
    if pt.is_timestamp(a) and pt.is_timestamp(b) and a.unit == b.unit and a.tz and b.tz:
        return pa.timestamp(a.unit, "UTC")
    if pt.is_decimal(a) and pt.is_decimal(b) and (a.precision, a.scale) == (b.precision, b.scale):
        return max(a, b, key=lambda dtype: int(dtype.bit_width))
    if {_is_number(a), _is_number(b)} == {True} and pt.is_integer(a) != pt.is_integer(b):
        return pa.float64()  # Arrow would take float16 or float32 for small integers
    alike = any(is_of(a) and is_of(b) for is_of in _FAMILIES)
    if not alike or (pa.uint64() in (a, b) and (pt.is_signed_integer(a) or pt.is_signed_integer(b))):
        return None
    both = [pa.schema([("both", dtype)]) for dtype in (a, b)]
    return pa.unify_schemas(both, promote_options="permissive").field(0).type


def _is_number(dtype: pa.DataType) -> bool:
    return bool(pt.is_integer(dtype) or pt.is_floating(dtype))


def _named(
    conflict: _ConflictError, earlier: Sequence[tuple[str, pa.Schema]], name: str, schema: pa.Schema
) -> CorpusError:
    """The error for a reader: which of the earlier schemas it is that `schema` does not agree with."""
    column, left, right = conflict.args
    if left is None:
        return CorpusError(f"{name}: there are two columns named {column!r}; rename or leave out one of them")
    other = "the files before it"
    for other_name, other_schema in earlier:
        try:
            _merge_fields(other_schema, schema, "")
        except _ConflictError as pair:
            other, (column, left, right) = other_name, pair.args
            break
    where = f"also {_shown(right)} in {name}" if other == name else f"{_shown(right)} in {name}"
    return CorpusError(
        f"column {column!r} is {_shown(left)} in {other} but {where}; give it one type everywhere, or leave it out"
    )


def _shown(dtype: pa.DataType) -> str:
    text = str(dtype)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
