"""Rows on their way to another place: blocks of a bin's rows in one file per task, and where each block lies.

A block is an Arrow IPC stream of its own, so that it is read by its bytes alone, and dictionaries may differ between
blocks. Behind the columns of the corpus it has two more: the row's address in the input and its place in the order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.working.blocks import BLOCKS
from transforms.base.errors import CorpusError
from transforms.base.folders import Folder, HashingFile
from transforms.corpus.output.sink import write_table
from transforms.ordering.copying.rearrange import Arranged

_INDEX = "blocks.parquet"
_WRITING = pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
_READING = pa.ipc.IpcReadOptions(use_threads=False)


def blocks_name(task: int) -> str:
    """The file of the blocks that a task writes, in the work folder."""
    return f"spread/{task:06d}.blocks"


def _index_name(task: int) -> str:
    return f"spread/{task:06d}.parquet"


class BlockWriter:
    """Writes the rows of one task, sorted by their place, as blocks."""

    def __init__(self, sink: HashingFile, task: int, bins: Sequence[int]) -> None:
        self._sink = sink
        self._task = task
        self._bins = np.array(bins, np.int64)
        self._written: list[tuple[int, int, int, int, int]] = []

    def write(self, table: pa.Table, addresses: npt.NDArray[np.uint64], places: npt.NDArray[np.int64]) -> None:
        """Write rows as one block per bin, with their `addresses` (uint64[n]) and `places` (int64[n], ascending)."""
        columns = [*table.columns, pa.chunked_array([addresses]), pa.chunked_array([places])]
        whole = pa.Table.from_arrays(columns, names=[str(at) for at in range(len(columns))])
        edges = np.searchsorted(places, self._bins)
        for number in np.flatnonzero(np.diff(edges)).tolist():
            lo, hi = int(edges[number]), int(edges[number + 1])
            begin = self._sink.tell()
            self._sink.write(_stream(whole.slice(lo, hi - lo)))
            self._written.append((number, self._task, begin, self._sink.tell() - begin, hi - lo))

    def index(self) -> pa.Table:
        """Rows of `BLOCKS`."""
        columns = zip(*self._written, strict=True) if self._written else [[] for _ in BLOCKS]
        return pa.table([list(column) for column in columns], schema=BLOCKS)


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=_WRITING) as writer:
        writer.write_table(table)
    return sink.getvalue()


def write_index(folder: Folder, task: int, index: pa.Table) -> None:
    """Write the index of one task's blocks."""
    with folder.create(_index_name(task)) as sink:
        write_table(sink, index)


def gather_indexes(folder: Folder, tasks: int, shards: Sequence[int]) -> None:
    """Put the indexes of all tasks together, with a row group per shard; `shards` as in `Layout`."""
    parts = [BLOCKS.empty_table()]
    for task in range(tasks):
        with folder.open(_index_name(task)) as stream:
            parts.append(pq.read_table(stream, partitioning=None))
    whole = pa.concat_tables(parts).sort_by([("bin", "ascending"), ("task", "ascending"), ("offset", "ascending")])
    edges = np.searchsorted(whole["bin"].to_numpy(), np.array(shards))
    with folder.create(_INDEX) as sink, pq.ParquetWriter(sink, BLOCKS, compression="zstd") as writer:
        for lo, hi in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            writer.write_table(whole.slice(lo, hi - lo), row_group_size=max(1, hi - lo))


@dataclass(frozen=True)
class Block:
    """One block: where it lies."""

    task: int
    offset: int
    size: int
    rows: int


def blocks_of(folder: Folder, shard: int) -> dict[int, list[Block]]:
    """The blocks of each bin of a shard."""
    with folder.open(_INDEX) as stream:
        file = pq.ParquetFile(stream)
        check(file.schema_arrow, BLOCKS, folder.at(_INDEX))
        table = file.read_row_group(shard)
    found: dict[int, list[Block]] = {}
    for number, task, offset, size, rows in zip(*(column.to_pylist() for column in table.columns), strict=True):
        found.setdefault(number, []).append(Block(task, offset, size, rows))
    return found


@dataclass(frozen=True)
class Bin:
    """The rows of a bin in their order, with the address of each in the input, uint64[n]."""

    rows: Arranged
    addresses: npt.NDArray[np.uint64]


class BlockReader:
    """Reads bins; the files of the blocks stay open in between."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._open: dict[int, pa.NativeFile] = {}

    def read(self, blocks: Sequence[Block], lo: int, hi: int, names: Sequence[str]) -> Bin:
        """The rows at the places `lo` <= p < `hi`, under the names of their columns.

        Raises:
            CorpusError: if the blocks do not hold each of these places once.
        """
        unlike = CorpusError(
            f"{self._folder.uri}: blocks of the first pass are not as the plan has them: run with --overwrite"
        )
        try:
            tables = [self._table(block) for block in blocks]
        except (pa.ArrowException, FileNotFoundError) as error:
            raise unlike from error
        addresses, places = (
            np.concatenate(
                [np.empty(0, kind), *(table.column(table.num_columns - back).to_numpy() for table in tables)]
            )
            for back, kind in ((2, np.uint64), (1, np.int64))
        )
        order = np.argsort(places)
        if len(places) != hi - lo or not np.array_equal(places[order], np.arange(lo, hi)):
            raise unlike
        rows = [table.select(range(table.num_columns - 2)).rename_columns(list(names)) for table in tables]
        return Bin(Arranged(tuple(rows), order), addresses[order])

    def _table(self, block: Block) -> pa.Table:
        stream = self._open.get(block.task)
        if stream is None:
            stream = self._open[block.task] = self._folder.open(blocks_name(block.task))
        if stream.size() < block.offset + block.size:
            raise pa.ArrowInvalid(f"{blocks_name(block.task)}: is shorter than its index says")
        stream.seek(block.offset)
        data = stream.read_buffer(block.size)  # of a local file it is no copy
        with pa.ipc.open_stream(data, options=_READING) as reader:
            return reader.read_all()
