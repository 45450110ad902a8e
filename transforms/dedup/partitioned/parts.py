"""Files with parts: what one task leaves for many others, each of which reads its part of every such file.

A file holds tables of fixed-width columns. A table is written in sections, so that the writer holds one section at a
time; within a section each column stands by itself, its rows in order of their part, followed by where each part
begins. Last come a summary in JSON, its length and a mark. Thus a reader needs the end of the file, and of each
section two numbers and its own rows: what it reads does not grow with the number of parts.

    section   columns one after the other, then int64[parts + 1]: the first row of each part
    end       JSON, its length (8 bytes, little-endian), 8 bytes `TLPARTS1`

All numbers are little-endian. A file exists whole or not at all (`Folder.create`).
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.described import NAME_KEY, VERSION_KEY
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder, HashingFile
from transforms.base.kernels import kernel
from transforms.base.runs import canonical_json

_MARK = b"TLPARTS1"
_TAIL = 1 << 14

Column = npt.NDArray[Any]


def numpy_type(kind: pa.DataType) -> np.dtype[Any]:
    """The NumPy form of a column's type; fixed-width bytes are rows of uint8."""
    if pa.types.is_fixed_size_binary(kind):
        return np.dtype((np.uint8, (kind.byte_width,)))
    plain: np.dtype[Any] = np.dtype(kind.to_pandas_dtype()).newbyteorder("<")
    return plain


def slice_of(hashes: npt.NDArray[np.uint64], slices: int) -> npt.NDArray[np.uint32]:
    """Into which of `slices` equal slices of their range 64-bit hashes fall, by their high halves: uint32[n]."""
    return ((hashes >> np.uint64(32)) * np.uint64(slices) >> np.uint64(32)).astype(np.uint32)


class PartsWriter:
    """Writes the tables of one file."""

    def __init__(self, sink: HashingFile) -> None:
        self._sink = sink
        self._tables: dict[str, dict[str, Any]] = {}

    def write(self, table: pa.Schema, part: npt.NDArray[np.uint32], parts: int, columns: Sequence[Column]) -> None:
        """Write rows in any order.

        Args:
            table: what the columns mean.
            part: uint32[n], under `parts`: the part of each row. Rows of a part keep their order.
            parts: of this table, the same for all its sections.
            columns: of n rows each, of the types of `table`.
        """
        if len(part):
            order, starts = _order_by_part(np.ascontiguousarray(part, np.uint32), parts)
            self.write_sorted(table, starts, [np.take(column, order, axis=0) for column in columns])

    def write_sorted(self, table: pa.Schema, starts: npt.NDArray[np.int64], columns: Sequence[Column]) -> None:
        """Write rows that are in order of their parts; `starts`, int64[parts + 1], says where each part begins."""
        if not starts[-1]:
            return
        name = _name(table)
        entry = self._tables.setdefault(name, {"parts": len(starts) - 1, "rows": 0, "sections": []})
        entry["sections"].append([self._sink.tell(), int(starts[-1])])
        entry["rows"] += int(starts[-1])
        for field, column in zip(table, columns, strict=True):
            self._sink.write(np.ascontiguousarray(column, numpy_type(field.type).base).reshape(-1).view(np.uint8))
        self._sink.write(starts.astype("<i8").view(np.uint8))

    def close(self, summary: Mapping[str, Any]) -> None:
        """Write the end of the file."""
        end = canonical_json({"tables": self._tables, "summary": dict(summary)})
        self._sink.write(end + len(end).to_bytes(8, "little") + _MARK)


class PartsFile:
    """Reads parts of one file. Use it as a context manager."""

    def __init__(self, folder: Folder, name: str) -> None:
        self._where = folder.at(name)
        self._stream = folder.open(name)
        size = self._stream.size()
        tail = self._stream.read_at(min(size, _TAIL), max(0, size - _TAIL))
        if tail[-8:] != _MARK:
            raise CorpusError(f"{self._where}: is cut off or was changed; remove it and run the same command again")
        length = int.from_bytes(tail[-16:-8], "little")
        if length + 16 > len(tail):
            tail = self._stream.read_at(length + 16, size - length - 16)
        end = json.loads(tail[-16 - length : -16])
        self._tables: dict[str, dict[str, Any]] = end["tables"]
        self.summary: dict[str, Any] = end["summary"]

    def __enter__(self) -> "PartsFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def rows(self, table: pa.Schema) -> int:
        """Rows of a table, in all parts."""
        return int(self._tables.get(_name(table), {"rows": 0})["rows"])

    def sections(self, table: pa.Schema, part: int, names: Sequence[str] | None = None) -> Iterator[list[Column]]:
        """The rows of one part, a section at a time: the columns called `names`, or all of them.

        The arrays are read-only.
        """
        entry = self._tables.get(_name(table))
        if entry is None:
            return
        kinds = [numpy_type(field.type) for field in table]
        for offset, rows in entry["sections"]:
            starts_at = offset + rows * sum(kind.itemsize for kind in kinds)
            first, end = np.frombuffer(self._stream.read_at(16, starts_at + 8 * part), "<i8").tolist()
            if first == end:
                continue
            columns = []
            for field, kind in zip(table, kinds, strict=True):
                if names is None or field.name in names:
                    data = self._stream.read_at((end - first) * kind.itemsize, offset + first * kind.itemsize)
                    columns.append(np.frombuffer(data, kind))
                offset += rows * kind.itemsize
            yield columns


def _name(table: pa.Schema) -> str:
    return f"{table.metadata[NAME_KEY].decode()}.{table.metadata[VERSION_KEY].decode()}"


@dataclass(frozen=True)
class Parts:
    """The files that the tasks of one stage have committed, in the order of their tasks."""

    folder: Folder
    stage: str
    tasks: int

    def name(self, task: int) -> str:
        """The file of a task."""
        return f"{self.stage}/{task:06d}.parts"

    def once(self, task: int, fill: Callable[[PartsWriter], Mapping[str, Any]]) -> dict[str, Any]:
        """Let `fill` write the file of a task and return its summary, unless the file is there; its summary."""
        name = self.name(task)
        if not self.folder.exists(name):
            with self.folder.create(name) as sink:
                writer = PartsWriter(sink)
                writer.close(fill(writer))
        with self.open(task) as file:
            return {"task": task, **file.summary}

    def open(self, task: int) -> PartsFile:
        """The file of a task."""
        return PartsFile(self.folder, self.name(task))

    def chunks(self, table: pa.Schema, part: int, names: Sequence[str] | None = None) -> Iterator[list[Column]]:
        """The rows of one part, a section of a file at a time, in the order of tasks and sections."""
        for task in range(self.tasks):
            with self.open(task) as file:
                yield from file.sections(table, part, names)

    def read(self, table: pa.Schema, part: int) -> list[Column]:
        """The rows of one part, together: one writable array for each column."""
        return joined(table, list(self.chunks(table, part)))


def joined(table: pa.Schema, chunks: Sequence[Sequence[Column]]) -> list[Column]:
    """Chunks of rows as one writable array for each column; none of them at all gives empty ones."""
    kinds = [numpy_type(field.type) for field in table]
    none = [np.empty(0, kind) if kind.subdtype is None else np.empty((0, kind.itemsize), np.uint8) for kind in kinds]
    return [np.concatenate([chunk[at] for chunk in chunks]) if chunks else none[at] for at in range(len(kinds))]


@kernel
def _order_by_part(part: npt.NDArray[np.uint32], parts: int) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    """The rows in order of their parts, and where each part begins: a counting sort that keeps the order of equals."""
    starts = np.zeros(parts + 1, np.int64)
    for row in range(len(part)):
        starts[np.int64(part[row]) + 1] += 1
    for at in range(parts):
        starts[at + 1] += starts[at]
    place = starts.copy()
    order = np.empty(len(part), np.uint32)
    for row in range(len(part)):
        own = np.int64(part[row])
        order[place[own]] = row
        place[own] += 1
    return order, starts
