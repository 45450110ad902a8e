"""Rows of fields as `transforms.base.keyed.packed` writes them, many rows at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import buffers_of, offsets_of, read_only
from transforms.planting.tables.fields_kernel import list_sizes, put_lists, put_values

Ints = npt.NDArray[np.int64]
_PREFIX = 8
_CHUNK_BYTES = 1 << 23
"""Rows are written so many bytes at a time, so that the buffer stays in the processor's cache."""


class Field(Protocol):
    """One field of every row."""

    @property
    def sizes(self) -> Ints:
        """int64[rows], bytes that it takes in each, its length included; 0 where it is left out."""

    def put(self, rows: Ints, at: Ints, out: npt.NDArray[np.uint8]) -> None:
        """Write the field of `rows` (int64[k]) to the places `at` (int64[k]) of `out`."""


@dataclass(frozen=True, repr=False)
class Values:
    """A field that has a value of its own in each row: bytes or text, or what needs no length any more.

    Attributes:
        data: uint8, the values' bytes.
        offsets: int64[n + 1], where each begins in them.
        chosen: int64[rows], the value of each row; -1 where it is left out.
        prefixed: whether each stands behind its length.
    """

    data: npt.NDArray[np.uint8]
    offsets: Ints
    chosen: Ints
    prefixed: bool = True
    sizes: Ints = field(init=False)

    def __post_init__(self) -> None:
        """Measure them."""
        lengths = np.append(np.diff(self.offsets) + (_PREFIX if self.prefixed else 0), 0)
        object.__setattr__(self, "sizes", lengths[self.chosen])

    def put(self, rows: Ints, at: Ints, out: npt.NDArray[np.uint8]) -> None:
        """See `Field`."""
        put_values(self.data, self.offsets, self.chosen[rows], at, self.prefixed, out)

    @classmethod
    def of(cls, values: pa.Array, *, nulls_as_empty: bool = False) -> "Values":
        """The values of an array of texts or bytes; nulls are left out, or are values without bytes."""
        if pa.types.is_fixed_size_binary(values.type):
            values = values.cast(pa.binary())
        chosen = np.arange(len(values))
        if values.null_count:
            if nulls_as_empty:
                values = values.fill_null(b"" if pa.types.is_binary(values.type) else "")
            else:
                chosen[values.is_null().to_numpy(zero_copy_only=False)] = -1
        return cls(*buffers_of(values), chosen)

    @classmethod
    def integers(cls, numbers: npt.NDArray[np.integer]) -> "Values":
        """Integers from 0 on."""
        pairs = np.empty((len(numbers), 2), ">u8")
        pairs[:, 0], pairs[:, 1] = _PREFIX, numbers
        places = read_only(np.arange(len(numbers) + 1) * pairs.itemsize * 2)
        return cls(_constant(pairs.tobytes()), places, np.arange(len(numbers)), prefixed=False)

    @classmethod
    def same(cls, value: bytes, present: npt.NDArray[np.bool_]) -> "Values":
        """The same bytes, as they are, in the rows that are `present` (bool[rows])."""
        offsets = read_only(offsets_of([len(value)]))
        return cls(_constant(value), offsets, np.where(present, 0, -1), prefixed=False)


def _constant(data: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


@dataclass(frozen=True, repr=False)
class Lists:
    """A field with a list of texts, which is spelt as `transforms.planting.tables.spelled.texts_as_value` does it.

    Attributes:
        data: uint8, the texts' UTF-8.
        offsets: int64[n + 1], where each text begins in it.
        begins: int64[rows], the first text of each row.
        ends: int64[rows], the one behind its last.
        more: int64[n], by how many bytes each text is longer in JSON.
        json: int64[rows], bytes of each list in JSON.
    """

    data: npt.NDArray[np.uint8]
    offsets: Ints
    begins: Ints
    ends: Ints
    more: Ints
    json: Ints

    @property
    def sizes(self) -> Ints:
        """See `Field`."""
        return np.where(self.json > 0, self.json + _PREFIX, 0)

    def put(self, rows: Ints, at: Ints, out: npt.NDArray[np.uint8]) -> None:
        """See `Field`."""
        put_lists(self.data, self.offsets, self.begins, self.ends, self.more, rows, at, self.json, out)

    @classmethod
    def of(cls, lists: pa.ListArray) -> "Lists":
        """The lists of a column; those that are null are empty."""
        texts = pc.list_flatten(lists)
        borders = offsets_of(pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False))
        begins, ends = borders[:-1].copy(), borders[1:].copy()
        data, offsets = buffers_of(texts)
        more, sizes = np.zeros(len(texts), np.int64), np.empty(len(lists), np.int64)
        list_sizes(data, offsets, begins, ends, more, sizes)
        return cls(data, offsets, begins, ends, more, sizes)


def columns(named: Sequence[tuple[bytes, Field]]) -> list[Field]:
    """Fields of which each row has some: how many it has, then each behind its name (bytes, packed already)."""
    present = [one.sizes > 0 for _, one in named]
    numbers: Ints = np.asarray(present, np.int64).sum(axis=0)
    found: list[Field] = [Values.integers(numbers)]
    for (name, one), own in zip(named, present, strict=True):
        found += [Values.same(name, own), one]
    return found


def rows_packed(fields: Sequence[Field], order: Ints, borders: Ints) -> Iterator[memoryview]:
    """The bytes of groups of rows, each of its fields one after the other; a view holds until the next is asked for.

    Args:
        fields: of every row.
        order: int64[rows], the rows in the order in which they are written.
        borders: int64[groups + 1], where each group begins in that order.
    """
    sizes = np.array([one.sizes for one in fields])[:, order]
    begins = offsets_of(sizes.sum(axis=0))
    inside = np.cumsum(sizes, axis=0) - sizes
    ends = begins[borders]
    out = np.empty(0, np.uint8)
    group, last = 0, len(borders) - 1
    while group < last:
        upto = int(np.searchsorted(ends, ends[group] + _CHUNK_BYTES, side="right")) - 1
        upto = min(max(upto, group + 1), last)
        if (size := int(ends[upto] - ends[group])) > len(out):
            out = np.empty(size, np.uint8)
        own = slice(borders[group], borders[upto])
        for number, one in enumerate(fields):
            one.put(order[own], begins[:-1][own] - ends[group] + inside[number, own], out)
        view = out.data
        for one_group in range(group, upto):
            yield view[ends[one_group] - ends[group] : ends[one_group + 1] - ends[group]]
        group = upto
