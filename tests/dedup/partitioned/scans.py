"""Small scans made of signatures, and both kinds of plan of them, without Beam."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.working.quarantined import QUARANTINED
from schemas.working.summaries import summaries
from transforms.base.folders import Folder
from transforms.base.runs import Work
from transforms.corpus.scan_numbers import commit_scan, quarantine_name, scan_name
from transforms.dedup.minhash import MinHashConfig
from transforms.dedup.partitioned.layout import Sizes
from transforms.dedup.partitioned.plan import PartitionedPlan, PlanStage
from transforms.dedup.plan import PlanConfig, _Choose, _FindBuckets, band_tasks

WIDTH, BANDS = 32, 4
TINY = Sizes(
    range_bits=4, most_ranges=1 << 20, span=2, slice_keys=40, wave=3, pairs=50, rows=7, component=3000, dense=1 << 20,
    all_pairs=3, shown=1 << 22,
)  # fmt: skip


@dataclass(frozen=True)
class Corpus:
    """What a scan says of n documents, which stand in files of some rows each."""

    texts: npt.NDArray[np.int64]
    """Equal numbers: equal texts."""
    sketches: npt.NDArray[np.uint8]
    bands: npt.NDArray[np.uint64]
    """uint64[BANDS, n]."""
    priority: npt.NDArray[np.float64]
    files: Sequence[int]
    """Rows of each file; each is one task."""
    bad: frozenset[int] = frozenset()
    """Files behind the third row of which a record was quarantined."""


def corpus_of(documents: int, seed: int, *, spread: int = 6, priorities: bool = True) -> Corpus:
    """A corpus in which many documents are near others: the fewer bytes differ, by `spread`, the larger components."""
    random = np.random.default_rng(seed)
    groups = random.integers(0, max(1, documents // 6), documents)
    texts = np.where(random.random(documents) < 0.3, groups, documents + np.arange(documents))
    centres = random.integers(0, 256, (documents, WIDTH), np.uint8)
    sketches, keys = centres[groups].copy(), np.empty((BANDS, documents), np.uint64)
    for row in range(documents):
        own = np.random.default_rng(int(texts[row]))  # equal texts have equal sketches
        for _ in range(own.integers(0, spread)):
            sketches[row, own.integers(WIDTH)] = own.integers(256)
        for band in range(BANDS):
            strict = groups[row] % 3 == 0 and band == 0
            own_key = sketches[row, 8 * band] if strict else own.choice([0, *sketches[row, 8 * band : 8 * band + 3]])
            keys[band, row] = 0 if own_key == 0 else (int(own_key) + 1) * 0x9E3779B97F4A7C15 % (1 << 64)
    choices = np.array([0.0, 1.0, 2.0, np.nan, -np.inf])
    priority = choices[texts % 5] if priorities else np.zeros(documents)
    files: list[int] = []
    while sum(files) < documents:
        files.append(min(int(random.integers(0, 30)), documents - sum(files)))
    return Corpus(texts, sketches, keys, priority, files, frozenset(range(0, len(files), 3)))


def write_scan(folder: Path, corpus: Corpus) -> tuple[Work, dict[str, Any]]:
    """Commit the scan of a corpus."""
    work, results, first = Work(Folder.of(str(folder)), "0" * 32), [], 0
    for task, rows in enumerate(corpus.files):
        own = slice(first, first + rows)
        first += rows
        hashes = np.stack([corpus.texts[own] * 7919 % 65537 << 40, corpus.texts[own]], axis=1).astype(np.uint64)
        table = pa.table(
            [
                pa.array((np.arange(rows, dtype=np.uint64) * 10) | np.uint64(task << 40)),
                pa.array((np.arange(rows) * 37 % 300 + 100).astype(np.uint32)),
                pa.array([row.tobytes() for row in hashes], pa.binary(16)),
                pa.array(corpus.priority[own], from_pandas=False),
                pa.array(np.ones(rows, np.bool_)),
                pa.array([None if at % 7 == 0 else f"{task}/{at}é" for at in range(rows)], pa.string()),
                *(pa.array(band[own]) for band in corpus.bands),
                pa.array([row.tobytes() for row in corpus.sketches[own]], pa.binary(WIDTH)),
            ],
            schema=summaries(BANDS, WIDTH),
        )
        with work.folder.create(scan_name(task)) as sink, pq.ParquetWriter(sink, table.schema) as writer:
            writer.write_table(table, row_group_size=11)
        is_bad = task in corpus.bad
        if is_bad:
            row = {"address": task << 40 | 25, "reason": "null_text", "detail": "none", "raw": None}
            with work.folder.create(quarantine_name(task)) as sink:
                pq.write_table(pa.Table.from_pylist([row], QUARANTINED), sink)
        results.append(
            {
                "task": task, "rows": rows, "source": f"{task}", "schema": None, "inexact": [], "watched": [],
                "documents_in": rows + is_bad, "bytes": 0, "quarantined": {"null_text": 1} if is_bad else {},
            }
        )  # fmt: skip
    return work, commit_scan(work, results)


def config(cap: int = 512, shard_bytes: int = 3000) -> PlanConfig:
    return PlanConfig(MinHashConfig(num_perm=WIDTH, bands=BANDS, rows=8), 0.8, "survivors", cap, shard_bytes, "train")


class Directly:
    """Stands in for the root of a pipeline: a stage's tasks run at once, in this thread."""

    def __init__(self, before: Callable[[int], None] = lambda _: None) -> None:
        self._before = before

    def __or__(self, stage: PlanStage) -> None:
        results = []
        for task in stage._tasks:
            self._before(task)
            results.append(stage._do(task))
        stage._commit(results)


def plan_by_one(folder: Path, corpus: Corpus, plan: PlanConfig, compressed: Sequence[int] = ()) -> dict[str, Any]:
    """The summary of the plan that one task makes."""
    work, scan = write_scan(folder, corpus)
    found = [_FindBuckets(scan, work)(task) for task in band_tasks(BANDS, scan["rows"])]
    return _Choose(scan, plan, work, tuple(compressed))(found)


def partitioned_plan(
    work: Work, scan: dict[str, Any], plan: PlanConfig, sizes: Sizes = TINY, compressed: Sequence[int] = (),
    before: Callable[[int], None] = lambda _: None,
) -> dict[str, Any]:  # fmt: skip
    """The summary of the plan in stages."""
    return PartitionedPlan.of(
        scan, plan, work, compressed, 1, lambda build: build(Directly(before)), lambda _: None, sizes
    ).run()


def files_of(folder: Path) -> dict[str, bytes]:
    """What a plan leaves for the rewrite and the output, apart from its summary."""
    own = [
        path for name in ("duplicates", "quarantine", f".work/{'0' * 32}/edits") for path in (folder / name).iterdir()
    ]
    return {str(path.relative_to(folder)): path.read_bytes() for path in own}
