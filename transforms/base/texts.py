"""Rows of different lengths in one array, as kernels take them: the texts of an Arrow column, or values of any kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_Ints = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]


def offsets_of(lengths: Sequence[int] | npt.NDArray[np.integer | np.bool_]) -> _Ints:
    """Where rows of these lengths begin, int64[n + 1]."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(np.asarray(lengths, np.int64), out=offsets[1:])
    return offsets


def check_offsets(offsets: _Ints, total: int) -> None:
    """Check that offsets go from 0 to `total` and never fall.

    Raises:
        ValueError: otherwise.
    """
    if len(offsets) < 1 or offsets[0] != 0 or offsets[-1] != total or np.any(np.diff(offsets) < 0):
        raise ValueError(f"offsets must begin with 0, never fall, and end with the number of values, {total}")


def read_only(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A view that cannot be written: Arrow's buffers mostly are such, and kernels are compiled for one kind."""
    view = array.view()
    view.flags.writeable = False
    return view


def one_array(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array. Nothing is copied if it is one already, which `combine_chunks` would do."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def buffers_of(texts: pa.Array) -> tuple[_Bytes, _Ints]:
    """The bytes behind an array of strings or bytes, and int64[n + 1] where each begins in them; both read-only.

    Args:
        texts: string, large_string, binary or large_binary, sliced or not. What a null takes is empty.
    """
    if not len(texts):
        return read_only(np.empty(0, np.uint8)), read_only(np.zeros(1, np.int64))
    _, places, data = texts.buffers()
    large = pa.types.is_large_string(texts.type) or pa.types.is_large_binary(texts.type)
    kind = np.dtype(np.int64 if large else np.int32)
    offsets = np.frombuffer(places, kind, len(texts) + 1, texts.offset * kind.itemsize)
    content = np.frombuffer(data, np.uint8) if data is not None and data.size else np.empty(0, np.uint8)
    return read_only(content), read_only(offsets.astype(np.int64, copy=False))


def text_sizes(texts: pa.Array) -> npt.NDArray[np.uint32]:
    """UTF-8 bytes of each text of a `string` or `large_string` array, uint32[n]; a null counts as 0."""
    return np.diff(buffers_of(texts)[1]).astype(np.uint32)


@dataclass(frozen=True)
class Texts:
    """The buffers of a string array: uint8 `data`, int64[n + 1] `offsets` into it, and which type it had."""

    data: _Bytes
    offsets: _Ints
    large: bool

    @classmethod
    def of(cls, array: pa.Array) -> "Texts":
        """The buffers of a `string` or `large_string` array without nulls; offsets are copied where they are 32 bit."""
        return cls(*buffers_of(array), pa.types.is_large_string(array.type))

    def array(self) -> pa.Array:
        """The texts as an Arrow array of the type they came in, or `large_string` if they outgrew it."""
        large = self.large or int(self.offsets[-1]) > np.iinfo(np.int32).max
        offsets = self.offsets if large else self.offsets.astype(np.int32)
        kind = pa.LargeStringArray if large else pa.StringArray
        return kind.from_buffers(len(self.offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self.data))

    def one(self, row: int) -> bytes:
        """The bytes of one text."""
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes()

    def views(self, rows: npt.NDArray[np.integer]) -> list[memoryview]:
        """The bytes of some texts (int[k]), where they are."""
        whole = self.data.data
        spans = zip(self.offsets[rows].tolist(), self.offsets[rows + 1].tolist(), strict=True)
        return [whole[begin:end] for begin, end in spans]


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths, one after the other.

    Attributes:
        values: [total], any dtype; row i is `values[offsets[i] : offsets[i + 1]]`.
        offsets: int64[n + 1], from 0 to total, never falling.

    Raises:
        ValueError: if the offsets are no such thing.
    """

    values: npt.NDArray[np.generic]
    offsets: _Ints

    def __post_init__(self) -> None:
        """Check the offsets."""
        check_offsets(self.offsets, len(self.values))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> _Ints:
        """Values of each row, int64[n]."""
        return np.diff(self.offsets)

    def take(self, rows: _Ints, most: _Ints | None = None) -> "Ragged":
        """These rows (int64[k]) in this order, each cut after its first `most` values (int64[k]) if that is given."""
        lengths = self.lengths[rows] if most is None else np.minimum(self.lengths[rows], most)
        offsets = offsets_of(lengths)
        places = np.arange(offsets[-1]) + np.repeat(self.offsets[:-1][rows] - offsets[:-1], lengths)
        return Ragged(self.values[places], offsets)

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int]] | Sequence[npt.NDArray[np.int64]]) -> "Ragged":
        """Lay token ids (int64) of several rows one after the other."""
        return cls(
            np.concatenate([np.asarray(row, np.int64) for row in rows]) if len(rows) else np.empty(0, np.int64),
            offsets_of([len(row) for row in rows]),
        )
