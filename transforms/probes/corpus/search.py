"""One streaming scan of the corpus for n-grams that candidates share with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.folders import Folder
from transforms.base.runs import pretty_json
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.corpus.input.pieces import Piece
from transforms.probes.corpus.overlap import NGRAM, GramSet
from transforms.probes.corpus.pieces import texts_of

MEMBERS, FOUND, SUMMARY = "ngrams", "found", "scan.json"


@dataclass(frozen=True)
class ScanTask:
    """One piece of the corpus and its place in the list of tasks."""

    number: int
    piece: Piece


class FindSharedNgrams(beam.PTransform):
    """Pieces of the corpus -> one committed summary; the n-grams of `folder` found in the corpus stand in its `FOUND`.

    The folder, in which `write_members` has put the candidates' n-grams, is secret: it is on this machine.
    """

    def __init__(self, pieces: Sequence[Piece], text_column: str, folder: Folder, threads: int, n: int = NGRAM) -> None:
        super().__init__("Find n-grams shared with the corpus")
        self._tasks = [ScanTask(number, piece) for number, piece in enumerate(pieces)]
        self._scan = _Scan(text_column, folder, n)
        self._commit = _Commit(folder)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Scan the pieces; commit what was found in any of them."""
        return (
            pbegin
            | RunTasks(self._tasks, self._scan, self._threads, "Scan pieces")
            | CommitOnce(self._commit, "Commit what was found")
        )


def write_members(folder: Folder, members: npt.NDArray[np.uint64]) -> None:
    """Put n-grams (uint64, distinct) where the scan finds them."""
    folder.write(MEMBERS, members.astype("<u8").tobytes(), 0o600)


def read_found(folder: Folder) -> npt.NDArray[np.uint64]:
    """The n-grams that the scan found: uint64, sorted."""
    return np.frombuffer(folder.read(FOUND), "<u8").astype(np.uint64)


@dataclass(frozen=True)
class _Scan:
    text_column: str
    folder: Folder
    n: int

    def __call__(self, task: ScanTask) -> dict[str, Any]:
        members = _members(self.folder, self.n)
        marks = members.marks()
        documents = num_bytes = words = 0
        for _, texts in texts_of(task.piece, self.text_column):
            documents += len(texts) - texts.null_count
            num_bytes += pa.compute.sum(pa.compute.binary_length(texts)).as_py() or 0
            words += members.scan(texts, marks)
        found = f"{FOUND}-{task.number:06d}"
        self.folder.write(found, members.found(marks).astype("<u8").tobytes(), 0o600)
        return {"task": task.number, "documents": documents, "bytes": num_bytes, "words": words, "found": found}


@lru_cache(maxsize=1)
def _members(folder: Folder, n: int) -> GramSet:
    return GramSet(np.frombuffer(folder.read(MEMBERS), "<u8").astype(np.uint64), n)


@dataclass(frozen=True)
class _Commit:
    folder: Folder

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        parts = [np.frombuffer(self.folder.read(result["found"]), "<u8") for result in results]
        found = np.unique(np.concatenate([np.empty(0, "<u8"), *parts]))
        self.folder.write(FOUND, found.astype("<u8").tobytes(), 0o600)
        summary = {name: sum(result[name] for result in results) for name in ("documents", "bytes", "words")}
        self.folder.write(SUMMARY, pretty_json(summary), 0o600)
        return summary
