"""Columns that stand in the names of folders (`lang=en/part-0.parquet`), as Hive, Spark and Arrow write them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.errors import CorpusError
from transforms.base.stores.address import shown
from transforms.corpus.input.format import Partition, Source

_NULL = "__HIVE_DEFAULT_PARTITION__"
_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,9}")
_LARGEST = (1 << 31) - 1


def with_partitions(sources: Sequence[Source], root: str) -> list[Source]:
    """`sources` with the columns of the folders that they are in, below the folder `root`.

    A column is int32 where it is so in every folder, written as integers are, and text otherwise: so pyarrow infers it,
    but that it takes "01" for 1.

    Raises:
        CorpusError: for a path that gives a column two values.
    """
    found = [_of_path(shown(source.uri), shown(root)) for source in sources]
    names = {name for one in found for name in one}
    numbers = {name for name in names if all(_is_number(one.get(name)) for one in found)}
    return [
        replace(source, partition=tuple(Partition(name, one[name], name in numbers) for name in one))
        for source, one in zip(sources, found, strict=True)
    ]


def above(sources: Iterable[Source], root: str) -> list[str]:
    """Names of folders that look like columns and are no part of the input: those above its root, sorted."""
    root, uris = shown(root), [shown(source.uri) for source in sources]
    named = (part for uri in uris for part in uri[: _below(uri, root)].split("/"))
    return sorted({part for part in named if _is_column(part)})


def _below(uri: str, root: str) -> int:
    """Where in `uri` the path below `root` begins."""
    folder = root.rstrip("/") + "/"
    return len(folder) if uri.startswith(folder) else uri.rfind("/") + 1


def _is_column(part: str) -> bool:
    return "=" in part[1:]


def _of_path(uri: str, root: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for part in uri[_below(uri, root) :].split("/")[:-1]:
        if not _is_column(part):
            continue
        name, _, value = part.partition("=")
        name, known = _decoded(name), None if value == _NULL else _decoded(value)
        if found.get(name, known) != known:
            raise CorpusError(
                f"{uri}: its folders give the column {name!r} two values, {found[name]!r} and {known!r}: rename one"
            )
        found[name] = known
    return found


def _decoded(text: str) -> str:
    plain = unquote(text)
    return text if "\ufffd" in plain else plain


def _is_number(value: str | None) -> bool:
    return value is None or (_INTEGER.fullmatch(value) is not None and -_LARGEST - 1 <= int(value) <= _LARGEST)


def partition_fields(source: Source, known: Sequence[str]) -> list[pa.Field]:
    """The columns of a file's folders, but for the `known` ones, which the file has itself."""
    return [pa.field(part.name, _type(part)) for part in source.partition if part.name not in known]


def add_partitions(
    table: pa.Table, rows: int, source: Source, columns: Sequence[str] | None, *, fill: bool
) -> pa.Table:
    """`table` of so many rows with the columns of its file's folders, or those of them that are among `columns`.

    A column that the file has itself counts before its folders; with `fill` they say what is null in it.
    """
    for part in source.partition:
        if columns is not None and part.name not in columns:
            continue
        field = pa.field(part.name, _type(part))
        at = table.column_names.index(part.name) if part.name in table.column_names else -1
        if at < 0:
            added = pa.table([_constant(part, rows)], schema=pa.schema([field]))
            table = table.append_column(field, added.column(0)) if table.num_columns else added
        elif fill and pa.types.is_null(table.schema.field(at).type):
            table = table.set_column(at, field, _constant(part, rows))
        elif fill and part.value is not None:
            table = table.set_column(at, table.schema.field(at), _filled(table.column(at), part))
    return table


def _filled(column: pa.ChunkedArray, part: Partition) -> pa.ChunkedArray:
    try:
        value = pa.scalar(part.value, pa.string()).cast(column.type)
    except pa.ArrowException:
        return column
    return pc.fill_null(column, value) if column.null_count else column


def _type(part: Partition) -> pa.DataType:
    return pa.int32() if part.is_number else pa.string()


def _constant(part: Partition, rows: int) -> pa.Array:
    return pa.repeat(pa.scalar(part.value, pa.string()).cast(_type(part)), rows)
