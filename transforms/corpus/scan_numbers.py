"""What a scan has committed: one file of numbers a task, and a summary of all of them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.runs import Work
from transforms.base.texts import offsets_of

SUMMARY_KEY = "trapline.summary"


def scan_name(task: int) -> str:
    """The file of task number `task` in the work folder."""
    return f"scan/{task:06d}.parquet"


def quarantine_name(task: int) -> str:
    """The file of the records that task number `task` could not use; only there if there are any."""
    return f"scan/{task:06d}.quarantine.parquet"


def read_summary(work: Work, task: int) -> dict[str, Any] | None:
    """The summary of a committed task, out of its file's footer; None when it is still to do."""
    name = scan_name(task)
    if not work.folder.exists(name):
        return None
    with work.folder.open(name) as stream:
        metadata = pq.read_metadata(stream).metadata
    summary: dict[str, Any] = json.loads(metadata[SUMMARY_KEY.encode()])
    return summary


def commit_scan(work: Work, results: list[dict[str, Any]]) -> dict[str, Any]:
    """Commit the counts of all tasks as one summary: `results` in task order."""
    quarantined: Counter[str] = Counter()
    for result in results:
        quarantined.update(result["quarantined"])
    summary = {
        "tasks": [{key: result[key] for key in ("task", "rows", "source", "schema", "inexact")} for result in results],
        "documents_in": sum(result["documents_in"] for result in results),
        "rows": sum(result["rows"] for result in results),
        "bytes": sum(result["bytes"] for result in results),
        "watched": [address for result in results for address in result["watched"]],
        "quarantined": dict(sorted(quarantined.items())),
    }
    return work.commit("scan", summary)


class ScannedNumbers:
    """The columns of a committed scan as NumPy arrays; documents have dense indices in address order."""

    def __init__(self, work: Work, summary: dict[str, Any]) -> None:
        tasks = [task for task in summary["tasks"] if task["rows"]]
        self._work = work
        self._names = [scan_name(task["task"]) for task in tasks]
        self._rows = [int(task["rows"]) for task in tasks]
        self.starts = offsets_of(self._rows)
        self.size = int(self.starts[-1])

    def _read(self, name: str, *columns: str) -> pa.Table:
        with self._work.folder.open(name) as stream:
            return pq.ParquetFile(stream).read(list(columns), use_threads=False)

    def numbers(self, column: str, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
        """A numeric column, whole: dtype[size]."""
        out = np.empty(self.size, dtype)
        for index, name in enumerate(self._names):
            out[self.starts[index] : self.starts[index + 1]] = self._read(name, column)[column].to_numpy()
        return out

    def flags(self, column: str) -> npt.NDArray[np.bool_]:
        """A column of truth values, whole: bool[size]."""
        out = np.empty(self.size, np.bool_)
        for index, name in enumerate(self._names):
            values = self._read(name, column)[column].to_numpy(zero_copy_only=False)
            out[self.starts[index] : self.starts[index + 1]] = values
        return out

    def slices_of_keys(
        self, columns: Sequence[str], part: int, parts: int
    ) -> tuple[list[npt.NDArray[np.uint64]], list[npt.NDArray[np.uint32]] | None]:
        """Of uint64 columns, the keys that fall into hash slice `part` of `parts`, and their documents' indices.

        The indices are None when there is one slice only: then the keys are those of all documents, in order.
        """
        keys: list[list[npt.NDArray[np.uint64]]] = [[] for _ in columns]
        indices: list[list[npt.NDArray[np.uint32]]] = [[] for _ in columns]
        for index, name in enumerate(self._names):
            table = self._read(name, *columns)
            for at, column in enumerate(columns):
                values = table[column].to_numpy()
                if parts > 1:
                    inside = np.flatnonzero((values >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32) == part)
                    indices[at].append((inside + self.starts[index]).astype(np.uint32))
                    values = values[inside]
                keys[at].append(values)
        none = [np.empty(0, np.uint64)]
        return (
            [np.concatenate(one or none) for one in keys],
            None if parts == 1 else [np.concatenate(one or [np.empty(0, np.uint32)]) for one in indices],
        )

    def matrix(self, column: str, width: int, chosen: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.uint8]:
        """A fixed-width binary column of all documents, or of the `chosen` ones (bool[size]): uint8[rows, width]."""
        rows = self.size if chosen is None else int(chosen.sum())
        out = np.empty((rows, width), np.uint8)
        at = 0
        for index, name in enumerate(self._names):
            inside = None if chosen is None else chosen[self.starts[index] : self.starts[index + 1]]
            if inside is not None and not inside.any():
                continue
            begin = 0
            for chunk in self._read(name, column)[column].chunks:
                values = np.frombuffer(chunk.buffers()[1], np.uint8).reshape(-1, width)
                values = values[chunk.offset : chunk.offset + len(chunk)]
                if inside is not None:
                    values = values[inside[begin : begin + len(chunk)]]
                begin += len(chunk)
                out[at : at + len(values)] = values
                at += len(values)
        return out

    def groups(
        self,
        first: int,
        end: int,
        columns: Sequence[str],
        wanted: Callable[[int, int], npt.NDArray[np.bool_]] | None = None,
    ) -> Iterator[tuple[int, pa.Table]]:
        """Columns of the documents from `first` to `end`, at most a row group at a time, each with its first document.

        With `wanted`, a row group is read only if it says True for one of the documents from its first to its end.
        """
        file = int(np.searchsorted(self.starts, first, side="right")) - 1
        while file < len(self._names) and self.starts[file] < end:
            with self._work.folder.open(self._names[file]) as stream:
                reader = pq.ParquetFile(stream)
                begin = int(self.starts[file])
                for group in range(reader.num_row_groups):
                    after = begin + reader.metadata.row_group(group).num_rows
                    lo, hi = max(begin, first), min(after, end)
                    if lo < hi and (wanted is None or wanted(lo, hi).any()):
                        table = reader.read_row_group(group, list(columns), use_threads=False)
                        yield lo, table.slice(lo - begin, hi - lo)
                    begin = after
            file += 1

    def strings(self, column: str, indices: npt.NDArray[np.int64]) -> pa.Array:
        """Values of a string column at `indices` (any order): one string array."""
        order = np.argsort(indices, kind="stable")
        sorted_indices = indices[order]
        borders = np.searchsorted(sorted_indices, self.starts)
        parts = []
        for index, name in enumerate(self._names):
            lo, hi = borders[index], borders[index + 1]
            if lo < hi:
                inside = sorted_indices[lo:hi] - self.starts[index]
                parts.append(self._read(name, column)[column].combine_chunks().take(pa.array(inside)))
        if not parts:
            return pa.nulls(0, pa.string())
        back = np.empty(len(order), np.int64)
        back[order] = np.arange(len(order))
        return pa.concat_arrays(parts).take(pa.array(back))
