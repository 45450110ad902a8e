"""A condition on the columns of a corpus, written in SQL, evaluated batch by batch."""

import functools
import json

import polars as pl
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.corpus.types.written import stored


@functools.lru_cache(maxsize=16)
def _expression(sql: str) -> pl.Expr:
    try:
        expression = pl.sql_expr(sql)
    except pl.exceptions.PolarsError as error:
        raise CorpusError(f"--where {sql!r}: is no SQL expression ({error}); for example \"lang = 'en'\"") from error
    if _looks_around(json.loads(expression.meta.serialize(format="json"))):
        raise CorpusError(
            f"--where {sql!r}: looks at more than one document at a time (a count, a mean, a window); "
            "a condition is judged for each document by itself"
        )
    return expression


def _looks_around(node: object) -> bool:
    """Whether a serialised expression holds an aggregate, a window or a count of rows."""
    if isinstance(node, dict):
        return any(key in ("Agg", "Over", "Window") or (key != "Literal" and _looks_around(node[key])) for key in node)
    if isinstance(node, list):
        return any(map(_looks_around, node))
    return node == "Len"


def condition_columns(sql: str) -> list[str]:
    """The columns that the condition reads.

    Raises:
        CorpusError: if it is no SQL expression.
    """
    return list(dict.fromkeys(_expression(sql).meta.root_names()))


def check_condition(schema: pa.Schema, sql: str, where: str) -> None:
    """Check that the condition can be evaluated over columns of `schema` and is true or false.

    Raises:
        CorpusError: naming the column or the type that does not fit; `where` names the file.
    """
    missing = [name for name in condition_columns(sql) if name not in schema.names]
    if missing:
        raise CorpusError(
            f"{where}: --where {sql!r} names the column {missing[0]!r}; columns are "
            f"{', '.join(map(repr, schema.names))}"
        )
    condition_holds(schema.empty_table(), sql)


def condition_holds(table: pa.Table, sql: str) -> pa.Array:
    """bool[rows]: where the condition is true; null counts as false, a column that is missing is null.

    Raises:
        CorpusError: if the condition cannot be evaluated or gives something else than true and false.
    """
    names = condition_columns(sql)
    columns = {name: stored(table[name]) if name in table.column_names else pa.nulls(table.num_rows) for name in names}
    try:
        if columns:
            frame = pl.DataFrame(pl.from_arrow(pa.table(columns)))
            found = frame.select(_expression(sql)).to_series()
        else:
            found = pl.select(_expression(sql)).to_series().new_from_index(0, table.num_rows)
    except pl.exceptions.PolarsError as error:
        raise CorpusError(f"--where {sql!r}: cannot be evaluated ({error})") from error
    if found.dtype == pl.Null:
        return pa.array([False] * table.num_rows, pa.bool_())
    if found.dtype != pl.Boolean or len(found) != table.num_rows:
        raise CorpusError(
            f"--where {sql!r}: gives {found.dtype}, one truth value a document is needed, for example \"lang = 'en'\""
        )
    return found.fill_null(value=False).to_arrow()
