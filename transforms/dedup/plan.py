"""PLAN: decide on the numbers of the scan which documents go, and where the output's shards begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.working.buckets import BUCKETS
from schemas.working.summaries import band_name
from transforms.base.errors import CorpusError
from transforms.base.runs import Work
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.corpus.output.edits import removals
from transforms.corpus.output.names import edits_name, publish_quarantine, quarantined_addresses
from transforms.corpus.output.shards import KeptArrays, Shard, cut_shards, default_shard_bytes, output_rows
from transforms.corpus.output.sink import write_table
from transforms.corpus.row_numbers import row_numbers
from transforms.corpus.scan_numbers import ScannedNumbers
from transforms.dedup.buckets import MAX_DOCUMENTS, Buckets, find_buckets, priority_order, representatives
from transforms.dedup.components import choose_by_components
from transforms.dedup.duplicates import duplicates_table, in_files, publish_duplicates
from transforms.dedup.minhash import MinHashConfig
from transforms.dedup.statistics import Places, statistics
from transforms.dedup.survivors import Survivors, choose_survivors, documents_to_compare

SLICE_KEYS = 32_000_000
"""Keys that a task holds at once."""

FEWEST_TASKS = 4
"""Into how many tasks the bands of a small corpus are divided."""


@dataclass(frozen=True)
class PlanConfig:
    """How survivors are chosen and shards are cut.

    Attributes:
        minhash: as in the scan.
        threshold: estimated Jaccard similarity from which a document is a duplicate, 0 to 1.
        method: "survivors" (verified against kept documents) or "components" (transitive closure, unverified).
        bucket_cap: most kept documents of one bucket that a document is compared with.
        shard_bytes: wanted text in a shard, in bytes; 0: by the size of the corpus.
        split: name of the split, in the files' names.
    """

    minhash: MinHashConfig
    threshold: float
    method: str
    bucket_cap: int
    shard_bytes: int
    split: str


@dataclass(frozen=True)
class BandTask:
    """Find the buckets of a few bands among the keys of one hash slice."""

    number: int
    bands: tuple[int, ...]
    part: int
    parts: int


def band_tasks(bands: int, rows: int) -> list[BandTask]:
    """Tasks that hold at most some `SLICE_KEYS` keys at once; small corpora read several bands in one pass."""
    parts = max(1, -(-rows // SLICE_KEYS))
    together = max(1, min(-(-bands // FEWEST_TASKS), SLICE_KEYS // max(1, rows)))
    groups = [tuple(range(first, min(bands, first + together))) for first in range(0, bands, together)]
    return [
        BandTask(number, group, part, parts)
        for number, (group, part) in enumerate((group, part) for group in groups for part in range(parts))
    ]


class PlanDeduplication(beam.PTransform):
    """The committed scan -> one committed plan: buckets by band, then survivors, shards and edits."""

    def __init__(
        self,
        scan: dict[str, Any],
        config: PlanConfig,
        work: Work,
        compressed_files: Sequence[int],
        threads: int,
    ) -> None:
        super().__init__("Plan the deduplication")
        self._tasks = band_tasks(config.minhash.bands, int(scan["rows"]))
        self._find = _FindBuckets(scan, work)
        self._choose = _Choose(scan, config, work, tuple(compressed_files))
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Find buckets in every band; then choose, once."""
        return (
            pbegin
            | RunTasks(self._tasks, self._find, self._threads, "Find buckets")
            | CommitOnce(self._choose, "Choose survivors")
        )


@dataclass(frozen=True)
class _FindBuckets:
    scan: dict[str, Any]
    work: Work

    def __call__(self, task: BandTask) -> dict[str, Any]:
        paths = [f"buckets/{band:03d}-{task.part:05d}-of-{task.parts:05d}.parquet" for band in task.bands]
        if not all(self.work.folder.exists(path) for path in paths):
            names = [band_name(band) for band in task.bands]
            all_keys, indices = ScannedNumbers(self.work, self.scan).slices_of_keys(names, task.part, task.parts)
            for at, (path, keys) in enumerate(zip(paths, all_keys, strict=True)):
                self._commit(path, find_buckets(keys), None if indices is None else indices[at])
        return {"task": task.number, "paths": paths}

    def _commit(self, path: str, buckets: Buckets, indices: npt.NDArray[np.uint32] | None) -> None:
        members = buckets.members if indices is None else indices[buckets.members]
        first = np.zeros(len(members), np.bool_)
        first[buckets.starts[:-1]] = True
        with (
            self.work.folder.create(path) as sink,
            pq.ParquetWriter(sink, BUCKETS, compression="none", use_dictionary=False) as writer,
        ):
            writer.write_table(pa.table([pa.array(members), pa.array(first)], schema=BUCKETS))


def _read_buckets(work: Work, name: str) -> Buckets:
    with work.folder.open(name) as stream:
        table = pq.read_table(stream, partitioning=None)
    members = table["member"].to_numpy().copy()  # writable, as the kernels are compiled for
    starts = np.append(np.flatnonzero(table["first"].to_numpy()), len(members)).astype(np.int64)
    return Buckets(members, starts)


@dataclass(frozen=True)
class _Choose:
    """Everything that is decided once, on numbers alone."""

    scan: dict[str, Any]
    config: PlanConfig
    work: Work
    compressed_files: tuple[int, ...]

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        numbers = ScannedNumbers(self.work, self.scan)
        if numbers.size > MAX_DOCUMENTS:
            raise CorpusError(
                f"{numbers.size:,} documents in one run, at most {MAX_DOCUMENTS:,} can be compared: split the input"
            )
        survivors = self._survivors(numbers, [path for result in results for path in result["paths"]])
        addresses = numbers.numbers("address", np.uint64)
        sizes = numbers.numbers("bytes", np.uint32)
        kept = survivors.kept
        quarantined = quarantined_addresses(self.work, self.scan)
        rows = row_numbers(addresses, quarantined)
        quarantine = publish_quarantine(self.work, self.scan, row_numbers(quarantined, addresses))
        text_bytes = int(sizes[kept].sum(dtype=np.int64))
        shard_bytes = self.config.shard_bytes or default_shard_bytes(text_bytes)
        shards = cut_shards(KeptArrays(addresses[kept], sizes[kept]), shard_bytes, self.compressed_files)
        self._write_edits(shards, np.union1d(addresses[~kept], quarantined))
        output = output_rows(kept, shards)
        duplicates = self._publish_duplicates(numbers, survivors, rows, output, kept)
        return self.work.commit(
            "plan",
            {
                "planned": "one",
                "shards": [vars(shard) for shard in shards],
                "files": [*duplicates, quarantine],
                **statistics(survivors, kept, sizes, Places(addresses, rows, output), numbers),
            },
        )

    def _survivors(self, numbers: ScannedNumbers, paths: Sequence[str]) -> Survivors:
        priority = numbers.numbers("priority", np.float64)
        text_hash = numbers.matrix("text_hash", 16).view(np.uint64)
        representative = representatives(text_hash, priority)
        del text_hash
        buckets = [_read_buckets(self.work, path) for path in paths]
        chosen = documents_to_compare(representative, buckets)
        sketch_row = (np.cumsum(chosen) - 1).astype(np.uint32)
        sketches = numbers.matrix("sketch", self.config.minhash.num_perm, chosen)
        order = priority_order(priority)
        if self.config.method == "components":
            return choose_by_components(order, representative, buckets, sketch_row, sketches)
        return choose_survivors(
            order,
            representative,
            buckets,
            sketch_row,
            sketches,
            threshold=self.config.threshold,
            bucket_cap=self.config.bucket_cap,
        )

    def _write_edits(self, shards: Sequence[Shard], removed: npt.NDArray[np.uint64]) -> None:
        borders = np.searchsorted(removed, np.array([shard.lo for shard in shards], np.uint64))
        ends = np.append(borders[1:], len(removed))
        for shard, lo, hi in zip(shards, borders, ends, strict=True):
            with self.work.folder.create(edits_name(shard.ordinal)) as sink:
                write_table(sink, removals(removed[lo:hi]))

    def _publish_duplicates(
        self,
        numbers: ScannedNumbers,
        survivors: Survivors,
        rows: npt.NDArray[np.uint64],
        output: npt.NDArray[np.uint64],
        kept: npt.NDArray[np.bool_],
    ) -> list[dict[str, Any]]:
        removed = np.flatnonzero(~kept)
        by = survivors.covered_by[removed].astype(np.int64)
        table = duplicates_table(
            rows[removed],
            output[by],
            survivors.exact[removed],
            survivors.similarity[removed],
            numbers.strings("id", removed),
            numbers.strings("id", by),
        )
        parts = list(in_files(table))
        return [publish_duplicates(self.work, part, number, len(parts)) for number, part in enumerate(parts)]
