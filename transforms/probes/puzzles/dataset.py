"""Two Beam pipelines: draw candidates and choose those of new classes; then write the chosen as complete items."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.public.puzzles import EDITS, PUZZLES
from schemas.working.puzzle_candidates import PUZZLE_CANDIDATES
from transforms.base.errors import CorpusError
from transforms.base.runs import Work
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.corpus.output.sink import write_table
from transforms.probes.puzzles.export import parts, write_reference
from transforms.probes.puzzles.items import ItemConfig, chains, complete_items
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.masks import MOST_IN_A_TABLE
from transforms.probes.puzzles.logic.stream import PuzzleStream
from transforms.probes.puzzles.splits import SPLITS, Splits

DRAWN_AT_ONCE = 1 << 16
DRAWN_BY_SOLVER = 256
ITEMS_AT_ONCE = 2048
ITEMS_BY_SOLVER = 128
ITEMS_A_SHARD = 16_384
_PAGE_BYTES = 64 << 10  # what fits into a core's cache is encoded and compressed in half the time


@dataclass(frozen=True)
class Request:
    """Puzzles of one size that are wanted.

    Attributes:
        stream: where they come from.
        wanted: how many of train and of test.
    """

    stream: PuzzleStream
    wanted: tuple[int, int]

    def candidates(self, splits: Splits, round_number: int) -> int:
        """How many candidates should do in this round: a tenth more than the shares call for, then twice as many."""
        needed = max(want / share for want, share in zip(self.wanted, splits.shares, strict=False))
        total = (int(1.1 * needed) + 64) << round_number
        return total if self.stream.size is None else self.stream.size


@dataclass(frozen=True)
class DrawTask:
    """Draw the candidates `lo` to `hi` of one request."""

    number: int
    request: int
    lo: int
    hi: int

    @property
    def path(self) -> str:
        """File of the task in the work folder."""
        return f"candidates/{self.request:03d}-{self.lo:012d}-{self.hi:012d}.parquet"


def draw_tasks(requests: Sequence[Request], splits: Splits, round_number: int) -> list[DrawTask]:
    """Tasks for a whole round; those of earlier rounds are among them and are done."""
    tasks: list[DrawTask] = []
    for number, request in enumerate(requests):
        total = request.candidates(splits, round_number)
        step = DRAWN_AT_ONCE if request.stream.people <= MOST_IN_A_TABLE else DRAWN_BY_SOLVER
        for lo in range(0, total, step):
            # Whole steps, so that a later round finds them under the same name.
            hi = lo + step if request.stream.size is None else min(total, lo + step)
            tasks.append(DrawTask(len(tasks), number, lo, hi))
    return tasks


class ChoosePuzzles(beam.PTransform):
    """Requests -> one committed summary: the numbers of the first puzzles of distinct classes in each split."""

    def __init__(
        self, requests: Sequence[Request], splits: Splits, work: Work, threads: int, round_number: int
    ) -> None:
        super().__init__()
        self._tasks = draw_tasks(requests, splits, round_number)
        self._draw = _Draw(tuple(requests), splits, work)
        self._choose = _Choose(tuple(requests), work, f"choose-{round_number}")
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Draw; then choose, once."""
        return (
            pbegin
            | RunTasks(self._tasks, self._draw, self._threads, "Draw candidates")
            | CommitOnce(self._choose, "Choose puzzles")
        )


@dataclass(frozen=True)
class _Draw:
    requests: tuple[Request, ...]
    splits: Splits
    work: Work

    def __call__(self, task: DrawTask) -> dict[str, Any]:
        if not self.work.folder.exists(task.path):
            puzzles = self.requests[task.request].stream.puzzles(np.arange(task.lo, task.hi))
            found = classes(puzzles)
            table = pa.table([pa.array(found[:, 0]), pa.array(self.splits.of(found))], schema=PUZZLE_CANDIDATES)
            with self.work.folder.create(task.path) as sink:
                write_table(sink, table)
        return {"task": task.number, "request": task.request, "path": task.path}


def chosen_name(request: int, split: str) -> str:
    """File in the work folder with the numbers of the puzzles of one request and split, int64 by bytes."""
    return f"chosen/{request:03d}-{split}"


@dataclass(frozen=True)
class _Choose:
    requests: tuple[Request, ...]
    work: Work
    stage: str

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        rows = []
        for number, request in enumerate(self.requests):
            tables = []
            for result in results:
                if result["request"] == number:
                    with self.work.folder.open(result["path"]) as stream:
                        tables.append(pq.read_table(stream, partitioning=None))
            table = pa.concat_tables(tables)
            row: dict[str, Any] = {"people": request.stream.people, "candidates": table.num_rows}
            split = table["split"].to_numpy()
            for at, wanted in enumerate(request.wanted):
                members = np.flatnonzero(split == at)
                _, first = np.unique(table["class"].to_numpy()[members], return_index=True)
                chosen = members[np.sort(first)]
                row[SPLITS[at]] = {"wanted": wanted, "distinct": len(chosen)}
                self.work.folder.write(chosen_name(number, SPLITS[at]), chosen[:wanted].astype("<i8").tobytes())
            rows.append(row)
        return self.work.commit(self.stage, {"requests": rows})


def shortfalls(summary: dict[str, Any]) -> list[str]:
    """What was found of fewer than wanted, in words."""
    return [
        f"{row['people']} people: {row[split]['wanted']:,} puzzles of different classes are wanted for {split}, "
        f"{row[split]['distinct']:,} are among {row['candidates']:,} candidates"
        for row in summary["requests"]
        for split in SPLITS[:2]
        if row[split]["distinct"] < row[split]["wanted"]
    ]


@dataclass(frozen=True)
class WriteTask:
    """Write one shard: puzzles `lo` to `hi` of those chosen for a request and split."""

    number: int
    request: int
    split: str
    lo: int
    hi: int
    path: str


def write_tasks(requests: Sequence[Request]) -> list[WriteTask]:
    """Shards of all splits, sizes in the order of the requests."""
    tasks: list[WriteTask] = []
    for at, split in enumerate(SPLITS[:2]):
        parts = [
            (number, lo, min(lo + ITEMS_A_SHARD, request.wanted[at]))
            for number, request in enumerate(requests)
            for lo in range(0, request.wanted[at], ITEMS_A_SHARD)
        ]
        for shard, (number, lo, hi) in enumerate(parts):
            path = f"data/{split}-{shard:05d}-of-{len(parts):05d}.parquet"
            tasks.append(WriteTask(len(tasks), number, split, lo, hi, path))
    return tasks


class WritePuzzles(beam.PTransform):
    """Chosen puzzles -> Parquet shards of complete items, and one committed summary."""

    def __init__(
        self,
        requests: Sequence[Request],
        config: ItemConfig,
        work: Work,
        threads: int,
        compression: str,
        metadata: bytes,
        *,
        export: bool,
    ) -> None:
        super().__init__()
        self._tasks = write_tasks(requests)
        self._write = _Write(tuple(requests), config, work, compression, metadata, export)
        self._commit = _Commit(work, sum(len(config.languages) * sum(request.wanted) for request in requests))
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Write; then add up, once."""
        return (
            pbegin
            | RunTasks(self._tasks, self._write, self._threads, "Write puzzles")
            | CommitOnce(self._commit, "Commit puzzles")
        )


@dataclass(frozen=True)
class _Write:
    requests: tuple[Request, ...]
    config: ItemConfig
    work: Work
    compression: str
    metadata: bytes
    export: bool

    def __call__(self, task: WriteTask) -> dict[str, Any]:
        receipt = f"write/{task.number:06d}"
        return self.work.once(receipt, lambda: self._do(receipt, task)) | {"task": task.number}

    def _do(self, receipt: str, task: WriteTask) -> None:
        request = self.requests[task.request]
        stream = request.stream
        numbers = np.frombuffer(self.work.folder.read(chosen_name(task.request, task.split)), "<i8")[task.lo : task.hi]
        step = ITEMS_AT_ONCE if stream.people <= MOST_IN_A_TABLE else ITEMS_BY_SOLVER
        counts: dict[str, int] = {}
        exported = _export_names(task, request, self.config) if self.export else {}
        lines: dict[tuple[str, str], list[bytes]] = {of: [] for of in exported}
        rows = 0
        with (
            self.work.output.create(task.path) as sink,
            items_writer(sink, self.compression, self.metadata) as writer,
        ):
            for lo in range(0, len(numbers), step):
                puzzles = stream.puzzles(numbers[lo : lo + step].astype(np.int64))
                table = complete_items(puzzles, self.config)
                writer.write_table(table, row_group_size=table.num_rows)
                rows += table.num_rows
                for name, found in _count(table).items():
                    counts[name] = counts.get(name, 0) + found
                if exported:
                    for name, column in zip(*_columns(chains(puzzles, self.config)), strict=True):
                        table = table.append_column(name, column)
                for of in exported:
                    lines[of].append(write_reference(table, *of))
        files = [self._export(path, lines[of]) for of, path in exported.items()]
        shard = {"path": task.path, "rows": rows, "bytes": sink.size, "sha256": sink.sha256}
        self.work.commit(receipt, {"shard": shard, "files": files, "counts": counts, "people": stream.people})

    def _export(self, path: str, lines: list[bytes]) -> dict[str, Any]:
        with self.work.output.create(path) as sink:
            for part in lines:
                sink.write(part)
        rows = sum(part.count(b"\n") for part in lines)
        return {"path": path, "rows": rows, "bytes": sink.size, "sha256": sink.sha256}


def items_writer(sink: Any, compression: str, metadata: bytes = b"") -> pq.ParquetWriter:
    """A Parquet writer for items: texts get no dictionary, which would not help, and no statistics."""
    codec, _, level = compression.partition(":")
    schema = PUZZLES.with_metadata({**(PUZZLES.metadata or {}), **({b"huggingface": metadata} if metadata else {})})
    small = [one.name for one in PUZZLES if not pa.types.is_large_string(one.type) and not pa.types.is_nested(one.type)]
    return pq.ParquetWriter(
        sink,
        schema,
        compression=codec,
        compression_level=int(level) if level else None,
        use_dictionary=small,
        write_statistics=small,
        data_page_size=_PAGE_BYTES,
    )


def _columns(table: pa.Table) -> tuple[list[str], list[pa.ChunkedArray]]:
    return table.column_names, table.columns


def _export_names(task: WriteTask, request: Request, config: ItemConfig) -> dict[tuple[str, str], str]:
    """Where the reference's fields of a shard go, by language and part, under the reference's file names."""
    wanted = request.wanted[SPLITS.index(task.split)]
    piece = f"-{task.lo // ITEMS_A_SHARD:05d}" if wanted > ITEMS_A_SHARD else ""
    name = f"people{request.stream.people}_num{wanted}{piece}.jsonl"
    every = parts(config.variants, config.several)
    return {(tag, part): f"reference/{tag}/{task.split}/{part}/{name}" for tag in config.languages for part in every}


def _count(table: pa.Table) -> dict[str, int]:
    """Rows, and by kind of edit how many have one, certainly have none, or may have one that was not found."""
    counts = {"rows": table.num_rows}
    for kind in EDITS:
        status = table[f"{kind}_status"].to_numpy()
        for name, value in (("found", 1), ("none", 0), ("unknown", -1)):
            counts[f"{kind}_{name}"] = int((status == value).sum())
    counts["thought_too_long"] = table["thought"].null_count
    counts["further_edits"] = len(pc.list_flatten(table["further_edits"]))
    return counts


@dataclass(frozen=True)
class _Commit:
    work: Work
    rows: int

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        by_people: dict[str, dict[str, int]] = {}
        for result in results:
            total = by_people.setdefault(str(result["people"]), {})
            for name, found in result["counts"].items():
                total[name] = total.get(name, 0) + found
        rows = sum(one["rows"] for one in by_people.values())
        if rows != self.rows:
            raise CorpusError(f"{rows:,} rows were written in place of {self.rows:,}: this is a fault of trapline")
        return self.work.commit(
            "write",
            {
                "shards": [result["shard"] for result in results],
                "files": [one for result in results for one in result["files"]],
                "people": by_people,
                "rows": rows,
            },
        )


def splits_in(people: int, stream: PuzzleStream, splits: Splits) -> dict[str, int]:
    """How many classes of a listed stream belong to each split.

    Raises:
        ValueError: for a stream that does not end.
    """
    size = stream.size
    if size is None:
        raise ValueError(f"{people} people: the stream does not end")
    found: npt.NDArray[np.int8] = splits.of(classes(stream.puzzles(np.arange(size))))
    return {name: int((found == at).sum()) for at, name in enumerate(SPLITS)}
