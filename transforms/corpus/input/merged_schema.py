"""One schema over many files: columns by name, types widened where nothing is lost, else an error naming both files."""

from collections.abc import Callable, Iterable, Sequence

import pyarrow as pa
import pyarrow.types as pt

from transforms.base.errors import CorpusError

_SHOWN = 120


class _ConflictError(Exception):
    """Two types that no column can hold together: path of the column, left type, right type."""


def merge_schemas(named: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema that holds the rows of all given ones.

    Columns are matched by name and stand in the order in which they are first seen; so do the fields of a struct.
    Types that differ become one as follows: null and anything is that thing; integers become the narrowest integer
    that holds both; floats the wider float; an integer and a float become float64 (integers beyond 2**53 are then
    rounded, as JSON readers do); string and large_string, binary and large_binary, list and large_list become the
    large one; structs, lists and maps are merged inside. A column is nullable where it is so, or missing, in any.
    Metadata of fields and schemas is dropped.

    Args:
        named: pairs of a name for messages (a file's path) and its schema, in the order of the corpus.

    Raises:
        CorpusError: two schemas disagree about a column, or one has two columns of one name; the message names the
            column, both types and both files.
    """
    merged: list[pa.Field] | None = None
    last: pa.Schema | None = None
    for at, (name, schema) in enumerate(named):
        if last is not None and schema.equals(last):
            continue
        last = schema
        try:
            fields = _merge_fields(schema, schema, "")
            merged = fields if merged is None else _merge_fields(merged, fields, "")
        except _ConflictError as conflict:
            raise _named(conflict, named[:at], name, schema) from None
    return pa.schema(merged or [])


def storable(schema: pa.Schema) -> pa.Schema:
    """`schema` as Parquet can hold it: a struct without fields (JSON's `{}`, never with a key) becomes null.

    To be called once, on the schema of the whole corpus: before that, null would agree with any other type.
    """
    return pa.schema([field.with_type(_storable(field.type)) for field in schema])


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
            merged.append((mine | theirs)[name].with_nullable(True))
        else:
            dtype = _merge(a.type, b.type, f"{path}.{name}" if path else name)
            merged.append(pa.field(name, dtype, nullable=a.nullable or b.nullable))
    return merged


def _by_name(fields: Iterable[pa.Field], path: str) -> dict[str, pa.Field]:
    found: dict[str, pa.Field] = {}
    for field in fields:
        if field.name in found:
            raise _ConflictError(f"{path}.{field.name}" if path else field.name, None, None)
        found[field.name] = field
    return found


def _merge(a: pa.DataType, b: pa.DataType, path: str) -> pa.DataType:
    if pt.is_null(a):
        return b
    if pt.is_null(b):
        return a
    if pt.is_struct(a) and pt.is_struct(b):
        return pa.struct(_merge_fields(a, b, path))
    if _is_list(a) and _is_list(b):
        wide = pt.is_large_list(a) or pt.is_large_list(b)
        return (pa.large_list if wide else pa.list_)(_merge_items(a.value_field, b.value_field, f"{path}[]"))
    if pt.is_map(a) and pt.is_map(b) and a.keys_sorted == b.keys_sorted:
        key = _merge(a.key_type, b.key_type, f"{path}[key]")
        return pa.map_(key, _merge_items(a.item_field, b.item_field, f"{path}[]"), a.keys_sorted)
    if a.equals(b):
        return a
    merged = _merge_values(a, b)
    if merged is None:
        raise _ConflictError(path, a, b)
    return merged


def _merge_items(a: pa.Field, b: pa.Field, path: str) -> pa.Field:
    return pa.field(a.name, _merge(a.type, b.type, path), nullable=a.nullable or b.nullable)


def _is_list(dtype: pa.DataType) -> bool:
    return bool(pt.is_list(dtype) or pt.is_large_list(dtype))


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
