"""Columns that follow the text and would betray a changed one: which they are, and how they are made again.

A column whose value is the same function of the text in every document looked at (its length, a hash of it) is made
again where the text changes. One that only seems to follow it (its name says so, or it grows with the length) cannot
be made again: the corpus is refused until its owner says what to do.
"""

import functools
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.planting.errors import SealError

LOOKED_AT = 512
"""Documents that are looked at."""
_FEWEST, _FEWEST_FOR_CORRELATION, _CORRELATION = 3, 20, 0.98

_SUSPICIOUS = re.compile(
    r"(^|[^a-z])(hash|md5|sha[0-9_]*|checksum|digest|crc[0-9]*|fingerprint|simhash|minhash|signature|embeddings?"
    r"|len|length|input_ids|token_ids|tokens?|n_?(chars?|characters|words|tokens|bytes|lines)"
    r"|num_?(chars?|characters|words|tokens|bytes|lines)|(chars?|characters?|words?|tokens?|bytes?|lines?)_?(count|num|len|length))"
    r"($|[^a-z])",
    re.IGNORECASE,
)


def _digest(name: str, form: str, text: bytes) -> str | bytes:
    found = hashlib.new(name, text, usedforsecurity=False)
    return found.hexdigest() if form == "hex" else found.digest()


FUNCTIONS: Mapping[str, Callable[[bytes], Any]] = {
    "bytes": len,
    "characters": lambda text: len(text.decode()),
    "words": lambda text: len(text.decode().split()),
    "newlines": lambda text: text.count(b"\n"),
    "lines": lambda text: text.count(b"\n") + 1,
    "crc32": zlib.crc32,
    **{
        f"{name} {form}": functools.partial(_digest, name, form)
        for name in ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s", "sha3_256")
        for form in ("hex", "raw")
    },
}
"""Functions of a text's UTF-8 bytes that columns are known to hold."""


@dataclass(frozen=True)
class Follower:
    """A column that holds one of `FUNCTIONS` of the text."""

    column: str
    function: str


def find_followers(sample: pa.Table, text_column: str, unrelated: Sequence[str] = ()) -> list[Follower]:
    """The columns of `sample` that follow its texts, in the order of the columns.

    Args:
        sample: some documents; those without a text do not count.
        text_column: the text.
        unrelated: columns that do not follow the text, whatever it looks like.

    Raises:
        SealError: for a column that seems to follow the text in a way that is not known.
    """
    texts = [text.encode() for text in sample[text_column].to_pylist() if text is not None]
    known = pa.array([text is not None for text in sample[text_column].to_pylist()], pa.bool_())
    table = sample.filter(known)
    found = []
    for name in table.column_names:
        if name == text_column or name in unrelated:
            continue
        function = _function_of(table[name], texts)
        if function is not None:
            found.append(Follower(name, function))
        elif (why := _suspicion(name, table[name], texts)) is not None:
            raise SealError(
                f"column {name!r} {why}: where a text is changed it would betray the change; leave it out of the "
                f"input, or say with --unrelated-columns {name} that it does not follow the text"
            )
    return found


def _function_of(column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    dtype = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (
        pa.types.is_integer(dtype)
        or pa.types.is_string(dtype)
        or pa.types.is_large_string(dtype)
        or pa.types.is_binary(dtype)
        or pa.types.is_large_binary(dtype)
        or pa.types.is_fixed_size_binary(dtype)
    ):
        return None
    pairs = [(value, text) for value, text in zip(column.to_pylist(), texts, strict=True) if value is not None]
    if len(pairs) < _FEWEST or len({value for value, _ in pairs}) < 2:
        return None
    for name, function in FUNCTIONS.items():
        if all(value == function(text) for value, text in pairs):
            return name
    return None


def _suspicion(name: str, column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    if column.null_count == len(column):
        return None
    if _SUSPICIOUS.search(name):
        return f"({column.type}) has the name of something that follows the text"
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        values = column.cast(pa.float64(), safe=False).to_numpy()
        fine = np.isfinite(values)
        sizes = np.array([len(text) for text in texts], np.float64)[fine]
        values = values[fine]
        if len(values) >= _FEWEST_FOR_CORRELATION and sizes.std() > 0 and values.std() > 0:
            correlation = float(np.corrcoef(values, sizes)[0, 1])
            if abs(correlation) >= _CORRELATION:
                return f"({column.type}) goes with the length of the text (correlation {correlation:.3f})"
    return None


def recompute(
    table: pa.Table, rows: Sequence[int], before: Sequence[bytes], after: Sequence[bytes], followers: Sequence[Follower]
) -> tuple[pa.Table, list[int]]:
    """`table` with the followers' values made again in `rows`, where they did follow the text before.

    Args:
        table: documents.
        rows: ascending, whose text changes.
        before: their texts before.
        after: their texts after.
        followers: columns to make again.

    Returns:
        The table, and for each row the followers that were made again, one bit each.
    """
    changed = [0] * len(rows)
    for bit, follower in enumerate(followers):
        index = table.column_names.index(follower.column)
        column, function = table.column(index), FUNCTIONS[follower.function]
        values = {}
        for at, row in enumerate(rows):
            value = column[row].as_py()
            if value is not None and value == function(before[at]):
                values[row] = function(after[at])
                changed[at] |= 1 << bit
        if values:
            table = table.set_column(index, table.schema.field(index), _with_values(column, values))
    return table, changed


def _with_values(column: pa.ChunkedArray, values: Mapping[int, Any]) -> pa.Array:
    plain = column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
    mask = np.zeros(len(column), np.bool_)
    mask[list(values)] = True
    replaced = pc.replace_with_mask(
        plain.combine_chunks(), pa.array(mask), pa.array([values[row] for row in sorted(values)], plain.type)
    )
    return replaced if replaced.type == column.type else replaced.cast(column.type)
