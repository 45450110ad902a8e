"""SPREAD, the first pass of an order: read the input once and sort its rows into bins of the output."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.working.placed import PLACED
from transforms.base.errors import CorpusError
from transforms.base.runs import pretty_json
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.corpus.input.addresses import addresses
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.types.conform import conform
from transforms.ordering.copying.blocks import BlockWriter, blocks_name, gather_indexes, write_index
from transforms.ordering.copying.job import OrderJob, placed_name
from transforms.ordering.copying.rearrange import Arranged, Scratch, thread_scratch
from transforms.ordering.copying.row_hash import row_hashes, weighted_sum

_AT_ONCE = 128 << 20
"""Bytes of rows that are sorted together; more of them make larger blocks."""


class SpreadRows(beam.PTransform):
    """Pieces of the input -> one committed summary, by way of one file of blocks per piece."""

    def __init__(self, job: OrderJob, threads: int) -> None:
        super().__init__("Spread the rows")
        self._job = job
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Write the blocks; put their indexes together."""
        tasks = list(range(len(self._job.pieces)))
        return (
            pbegin
            | RunTasks(tasks, _Spread(self._job), self._threads, "Spread pieces")
            | CommitOnce(_Commit(self._job), "Index the blocks")
        )


@dataclass(frozen=True)
class _Commit:
    job: OrderJob

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        gather_indexes(self.job.work.folder, len(results), self.job.layout.shards)
        rows, seen = (sum(result[key] for result in results) for key in ("rows", "seen"))
        total = sum(int(result["row_hash"], 16) for result in results) % 2**64
        return self.job.work.commit("spread", {"rows": rows, "seen": seen, "row_hash": f"{total:016x}"})


@dataclass(frozen=True)
class _Spread:
    """Write the blocks of one piece, unless that was done already."""

    job: OrderJob

    def __call__(self, task: int) -> dict[str, Any]:
        receipt, folder = f"spread/{task:06d}.json", self.job.work.folder
        if folder.exists(receipt):
            found: dict[str, Any] = json.loads(folder.read(receipt))
            if folder.size_of(blocks_name(task)) == found["bytes"]:
                return {"task": task, **found}
        found = self._write(task)
        folder.write(receipt, pretty_json(found))
        return {"task": task, **found}

    def _write(self, task: int) -> dict[str, Any]:
        piece, folder = self.job.pieces[task], self.job.work.folder
        with folder.open(placed_name(task)) as stream:
            placed = pq.read_table(stream, partitioning=None)
        check(placed.schema, PLACED, placed_name(task))
        rows, places = (placed[name].to_numpy() for name in PLACED.names)
        read = total = 0
        scratch = thread_scratch()
        # After a power failure the size tells that content is missing.
        with folder.create(blocks_name(task), scratch=True) as sink:
            writer = BlockWriter(sink, task, self.job.layout.bins)
            for first, tables in _gathered(piece, self.job.arrow_schema()):
                end = first + sum(table.num_rows for table in tables)
                lo, hi = np.searchsorted(rows, [first, end])
                total += _write_rows(writer, piece, first, tables, rows[lo:hi], places[lo:hi], scratch)
                read += end - first
        if piece.hi is None or read != piece.hi - piece.lo:
            raise CorpusError(f"{piece.source.uri}: {read:,} rows were read where the footer says others: run again")
        write_index(folder, task, writer.index())
        return {"rows": read, "seen": len(rows), "bytes": sink.size, "row_hash": f"{total % 2**64:016x}"}


def _gathered(piece: Piece, schema: pa.Schema) -> Iterator[tuple[int, tuple[pa.Table, ...]]]:
    """Row of the first and rows of a piece in the output's types, some 128 MB at a time."""
    waiting: list[pa.Table] = []
    first, size = piece.lo, 0
    for records in read_piece(piece, schema=schema):
        waiting.append(conform(records.table, schema, piece.source.uri))
        size += waiting[-1].nbytes
        if size >= _AT_ONCE:
            yield first, tuple(waiting)
            first, waiting, size = first + sum(table.num_rows for table in waiting), [], 0
    if waiting:
        yield first, tuple(waiting)


def _write_rows(
    writer: BlockWriter,
    piece: Piece,
    first: int,
    tables: tuple[pa.Table, ...],
    rows: npt.NDArray[np.int64],
    places: npt.NDArray[np.int64],
    scratch: Scratch,
) -> int:
    """Write the rows of tables to where they go; the sum of their hashes, each as often as it goes somewhere.

    Raises:
        CorpusError: if a row goes nowhere.
    """
    hashes = np.concatenate([row_hashes(table) for table in tables])
    times = np.bincount(rows - first, minlength=len(hashes))
    if len(times) > len(hashes) or not times.all():
        raise CorpusError(f"{piece.source.uri}: the plan has no place for some row: run with --overwrite")
    order = np.argsort(places)
    own = rows[order]
    where = addresses(piece.source.ordinal, own.astype(np.uint64))
    writer.write(Arranged(tables, own - first).table(scratch), where, places[order])
    return weighted_sum(hashes, times)
