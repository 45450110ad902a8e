"""Integers of JSON that a column of floats would round: counted in what was parsed, and named in what was not."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.types as pt

from transforms.base.errors import CorpusError
from transforms.corpus.input.format import ITEMS, InexactInteger, Path

_ALL_EXACT = 2**53


def inexact_integers(table: pa.Table) -> tuple[int, list[InexactInteger]]:
    """How many values of integer columns, nested ones too, float64 would round; the first of each column."""
    total = 0
    found: list[InexactInteger] = []
    for name, column in zip(table.column_names, table.columns, strict=True):
        for chunk in column.chunks:
            for path, leaf in _integer_leaves((name,), chunk):
                values = _values(leaf)
                rounded = np.flatnonzero(_is_inexact(values))
                total += len(rounded)
                if len(rounded):
                    found.append(InexactInteger(path, int(values[rounded[0]])))
    return total, found


def first_rounded(line: bytes, schema: pa.Schema) -> InexactInteger | None:
    """The first integer of a line that `schema` has a float column for, which would round it."""
    row = json.loads(line)
    fields = {field.name: field.type for field in schema}
    return next((one for name, value in row.items() for one in _rounded((name,), value, fields.get(name))), None)


def rounding_error(where: str, found: InexactInteger) -> CorpusError:
    """The error for an integer in a column that has fractions elsewhere; `where` names the file."""
    return CorpusError(
        f"{where}: column {found.column!r} holds the integer {found.value} here and fractions elsewhere; a column of "
        "both is float64, which would round it: write such integers as strings, or leave the column out"
    )


def refuse_rounding(found: Iterable[tuple[str, InexactInteger]], schema: pa.Schema) -> None:
    """Refuse a corpus whose `schema` has a float column for an integer that it would round.

    Raises:
        CorpusError: naming the first of them; `found` has the file of each.
    """
    whole = pa.struct(list(schema))
    for where, one in found:
        dtype = type_at(whole, one.path)
        if dtype is not None and pt.is_floating(dtype):
            raise rounding_error(where, one)


def type_at(dtype: pa.DataType | None, path: Path) -> pa.DataType | None:
    """The type of a part of a column of type `dtype`; None if there is no such part."""
    for step in path:
        if dtype is None:
            return None
        if step is None:
            dtype = dtype.value_type if pt.is_list(dtype) or pt.is_large_list(dtype) else None
        elif pt.is_struct(dtype) and dtype.get_field_index(step) >= 0:
            dtype = dtype.field(step).type
        else:
            dtype = None
    return dtype


def _integer_leaves(path: Path, array: pa.Array) -> Iterator[tuple[Path, pa.Array]]:
    if pt.is_integer(array.type):
        yield path, array
    elif pt.is_struct(array.type):
        for field, child in zip(array.type, array.flatten(), strict=True):
            yield from _integer_leaves((*path, field.name), child)
    elif pt.is_list(array.type) or pt.is_large_list(array.type):
        yield from _integer_leaves((*path, ITEMS), array.flatten())


def _values(leaf: pa.Array) -> npt.NDArray[np.integer[Any]]:
    filled = leaf.fill_null(0) if leaf.null_count else leaf
    return np.asarray(filled.to_numpy(zero_copy_only=False))


def _is_inexact(values: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.bool_]:
    """bool[n]: values beyond 2**53 that do not come back from a float64. JSON's are below 2**63 in size."""
    if values.dtype.itemsize < 8:
        return np.zeros(len(values), np.bool_)
    sizes = values.astype(np.uint64)
    sizes = np.where(values < 0, np.uint64(0) - sizes, sizes)
    return np.asarray((sizes > _ALL_EXACT) & (sizes.astype(np.float64).astype(np.uint64) != sizes))


def _rounded(path: Path, value: Any, dtype: pa.DataType | None) -> Iterator[InexactInteger]:
    if dtype is None:
        return
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _rounded((*path, name), part, type_at(dtype, (name,)))
    elif isinstance(value, list):
        for part in value:
            yield from _rounded((*path, ITEMS), part, type_at(dtype, (ITEMS,)))
    elif pt.is_floating(dtype) and type(value) is int and int(float(value)) != value:
        yield InexactInteger(path, value)
