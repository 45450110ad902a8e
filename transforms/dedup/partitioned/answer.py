"""What the documents that go are told of the kept ones: the row in the output, and the id."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.working.partitioned import answers, letters
from transforms.base.texts import offsets_of
from transforms.corpus.output.shards import Shard, rows_of_ranks
from transforms.dedup.partitioned.layout import Setting
from transforms.dedup.partitioned.parts import PartsWriter
from transforms.dedup.partitioned.places import ids_of, kept_flags
from transforms.dedup.partitioned.settle import ASKED
from transforms.dedup.statistics import LARGEST_CLUSTERS


@dataclass(frozen=True)
class AnswerRange:
    """Of one range: where its kept documents stand that cover others, told to those; and how many each covers."""

    setting: Setting
    ranks: npt.NDArray[np.int64]
    """Kept documents before each range."""
    shards: tuple[Shard, ...]

    def __call__(self, task: int) -> dict[str, Any]:
        """Write the answers, unless that was done; gives the sizes of clusters and the largest ones."""
        return self.setting.of_ranges("answers").once(task, lambda writer: self._fill(task, writer))

    def _fill(self, task: int, writer: PartsWriter) -> Mapping[str, Any]:
        layout = self.setting.layout
        document, kept = self.setting.of_ranges("settled").read(ASKED, task)
        if not len(document):
            return {"sizes": {}, "largest": []}
        keepers, at, others = np.unique(kept, return_inverse=True, return_counts=True)
        place = (keepers - np.uint64(layout.bounds(task)[0])).astype(np.int64)
        flags = kept_flags(self.setting, task)
        rows = rows_of_ranks(self.ranks[task] + (np.cumsum(flags) - flags)[place], self.shards)
        ids = ids_of(self.setting, task, place)
        order = np.argsort(document)
        document, at = document[order], at[order]
        self._write(writer, document, rows[at], ids.take(pa.array(at)))
        sizes, counts = np.unique(others + 1, return_counts=True)
        largest = np.lexsort((keepers, -others))[:LARGEST_CLUSTERS]
        return {
            "sizes": {str(size): int(count) for size, count in zip(sizes, counts, strict=True)},
            "largest": [
                [int(others[one]) + 1, int(keepers[one]), int(rows[one]), ids[one].as_py()] for one in largest.tolist()
            ],
        }

    def _write(
        self, writer: PartsWriter, document: npt.NDArray[np.uint64], rows: npt.NDArray[np.uint64], ids: pa.Array
    ) -> None:
        """Documents ascend, so that their ids are in order of parts as they stand."""
        layout = self.setting.layout
        part = layout.range_of(document)
        lengths = pc.fill_null(pc.binary_length(ids), -1).to_numpy()
        writer.write(answers(), part, layout.ranges, [document, rows, lengths])
        ends = offsets_of(np.maximum(lengths, 0))
        text = pa.array(ids.fill_null(""), pa.large_string())
        data = np.frombuffer(text.buffers()[2] or b"", np.uint8)[: ends[-1]]
        starts = ends[np.searchsorted(part, np.arange(layout.ranges + 1))]
        writer.write_sorted(letters(), starts, [data])


def answers_for(setting: Setting, number: int) -> tuple[npt.NDArray[np.uint64], pa.Array]:
    """Of the documents of a range that go, in order: where what covers each stands in the output, and its id."""
    files = setting.of_ranges("answers")
    documents, rows, ids = [np.empty(0, np.uint64)], [np.empty(0, np.uint64)], [pa.nulls(0, pa.string())]
    for task in range(files.tasks):
        with files.open(task) as file:
            for document, row, lengths in file.sections(answers(), number):
                documents.append(document)
                rows.append(row)
                data = b"".join(chunk.tobytes() for (chunk,) in file.sections(letters(), number))
                ids.append(_strings(lengths, data))
    order = np.argsort(np.concatenate(documents))
    return np.concatenate(rows)[order], pa.concat_arrays(ids).take(pa.array(order))


def _strings(lengths: npt.NDArray[np.int32], data: bytes) -> pa.Array:
    offsets = pa.py_buffer(offsets_of(np.maximum(lengths, 0)))
    text = pa.LargeStringArray.from_buffers(len(lengths), offsets, pa.py_buffer(data))
    return pc.if_else(pa.array(lengths >= 0), text, pa.scalar(None, pa.large_string())).cast(pa.string())
