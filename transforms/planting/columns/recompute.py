"""Values of columns that follow the text, made again where the text is another one."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.errors import SealError
from transforms.corpus.types.conform import conform_array
from transforms.corpus.types.written import stored
from transforms.planting.columns.followers import FUNCTIONS, UNIQUE, Follower


def recompute(
    table: pa.Table,
    rows: Sequence[int],
    before: Sequence[bytes | memoryview],
    after: Sequence[bytes | memoryview],
    followers: Sequence[Follower],
) -> tuple[pa.Table, list[int]]:
    """`table` with the followers' values made again in `rows`, where they did follow the text before.

    Args:
        table: documents.
        rows: ascending, whose text changes.
        before: their texts before.
        after: their texts after.
        followers: columns to make again; those that are `UNIQUE` stay.

    Returns:
        The table, and for each row the followers that were made again, one bit each.

    Raises:
        SealError: for a column whose type cannot hold a new value.
    """
    changed = [0] * len(rows)
    for bit, follower in enumerate(followers):
        if follower.function == UNIQUE:
            continue
        column, function = stored(table[follower.column]), FUNCTIONS[follower.function]
        values = {}
        for at, row in enumerate(rows):
            value = column[row].as_py()
            if value is not None and value == function(bytes(before[at])):
                values[row] = function(bytes(after[at]))
                changed[at] |= 1 << bit
        table = _with_values(table, follower.column, values)
    return table, changed


def as_neighbours(
    neighbours: pa.Table, text_column: str, texts: Sequence[str], followers: Sequence[Follower]
) -> pa.Table:
    """Documents with other texts that look like their neighbours.

    What follows the text is computed from the new one, unless the neighbour has no value there. What is `UNIQUE` is
    null. Every other value is the neighbour's.

    Args:
        neighbours: for each text the document that it shall look like.
        text_column: the text.
        texts: one a row.
        followers: columns that follow the text, and those that are unique.

    Raises:
        SealError: for a column whose type cannot hold a new value.
    """
    at = neighbours.column_names.index(text_column)
    field = neighbours.schema.field(at)
    table = neighbours.set_column(at, field, pa.array(texts, pa.large_string()).cast(field.type))
    encoded = [text.encode() for text in texts]
    for follower in followers:
        index = table.column_names.index(follower.column)
        if follower.function == UNIQUE:
            table = table.set_column(index, table.schema.field(index), pa.nulls(len(texts), table.column(index).type))
        else:
            function = FUNCTIONS[follower.function]
            known = np.flatnonzero(table.column(index).is_valid().to_numpy()).tolist()
            table = _with_values(table, follower.column, {row: function(encoded[row]) for row in known})
    return table


def _with_values(table: pa.Table, name: str, values: Mapping[int, Any]) -> pa.Table:
    """`table` with `values` (row -> value) in the column `name`."""
    if not values:
        return table
    index = table.column_names.index(name)
    column = table.column(index)
    mask = np.zeros(len(column), np.bool_)
    mask[list(values)] = True
    try:
        plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else stored(column)
        new = pa.array([values[row] for row in sorted(values)], plain.type)
        replaced = pc.replace_with_mask(plain.combine_chunks(), pa.array(mask), new)
        replaced = conform_array(replaced, column.type)
    except (pa.ArrowException, OverflowError) as error:
        raise SealError(
            f"column {name!r} follows the text, and its type {column.type} cannot hold what belongs to a changed one; "
            "give it a wider type in the input, or leave it out"
        ) from error
    return table.set_column(index, table.schema.field(index), replaced)
