"""How the seal spells the further columns of probes: as (name, type, value), each value as text."""

import json
from collections.abc import Iterator, Sequence
from json.encoder import encode_basestring

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import buffers_of, one_array

TEXTS = "texts"
"""Type of a column whose value is a list of texts, spelt by `texts_as_value`."""
Spelled = tuple[str, str, str]
_ESCAPED = np.zeros(256, np.bool_)
_CONTROLS, _MARKS = 32, tuple(b'"\\')
_ESCAPED[[*range(_CONTROLS), *_MARKS]] = True
"""By byte: what JSON escapes."""


def texts_as_value(texts: Sequence[str]) -> str:
    """A list of texts as the seal binds it: JSON with one spelling."""
    return f"[{','.join(map(encode_basestring, texts))}]"


def texts_from(value: str) -> tuple[str, ...]:
    """The texts in a value that `texts_as_value` made.

    Raises:
        ValueError: if it is none; the message shows nothing of it.
    """
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found) or texts_as_value(found) != value:
        raise ValueError("is not a list of texts as the seal spells it")
    return tuple(found)


def spelled(probes: pa.Table, name: str) -> Iterator[Spelled | None]:
    """A further column as (name, type, value), row by row: what a seal binds and a reveal shows; None for a null."""
    dtype = probes.schema.field(name).type
    if pa.types.is_list(dtype):
        yield from _lists(probes, name)
        return
    kind, values = scalars(probes.column(name))
    for value in values.to_pylist():
        yield None if value is None else (name, kind, value)


def scalars(column: pa.ChunkedArray) -> tuple[str, pa.Array]:
    """Type and values, as text, of a further column without lists; nulls stay nulls."""
    values, dtype = one_array(column), column.type
    if pa.types.is_boolean(dtype):
        return "boolean", pc.if_else(values, "true", "false")
    if pa.types.is_integer(dtype):
        return "integer", values.cast(pa.string())
    if pa.types.is_floating(dtype):
        digits = np.asarray(values.fill_null(0.0).to_numpy(zero_copy_only=False), ">f8").tobytes().hex()
        texts = pa.array([digits[at : at + 16] for at in range(0, len(digits), 16)], pa.string())
        return "float64", pc.if_else(values.is_valid(), texts, None)
    return "text", values


def _lists(probes: pa.Table, name: str) -> Iterator[Spelled | None]:
    """A column of lists of texts; None also for an empty list."""
    column = one_array(probes.column(name))
    data, offsets = buffers_of(pc.list_flatten(column))
    # Hardly any text holds what JSON escapes, and to look for it in all of them at once is faster than to spell each.
    begin = int(offsets[0])
    escaped = _escaped(data[begin : int(offsets[-1])]) + begin
    texts = np.unique(np.searchsorted(offsets, escaped, side="right") - 1)
    rows = set(rows_of(column)[texts].tolist())
    joined = pc.binary_join(column, pa.scalar('","', column.type.value_type)).to_pylist()
    lengths = pc.list_value_length(column).fill_null(0).to_pylist()
    for row, (value, length) in enumerate(zip(joined, lengths, strict=True)):
        if not length:
            yield None
        else:
            yield name, TEXTS, texts_as_value(column[row].as_py()) if row in rows else f'["{value}"]'


def _escaped(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Places of what JSON escapes in UTF-8: control characters, quotation marks and backslashes."""
    # Each of these passes over the bytes is many times faster than the table, which is for when they find something.
    if not data.size or (data.min() >= _CONTROLS and not any((data == one).any() for one in _MARKS)):
        return np.empty(0, np.int64)
    return np.flatnonzero(_ESCAPED[data])


def rows_of(lists: pa.ListArray) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The row of each text that `list_flatten` gives of a column, int64; a null has none, whatever it hides."""
    lengths = pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False)
    return np.repeat(np.arange(len(lists)), lengths)
