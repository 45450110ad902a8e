"""What a partitioned plan leaves: shards, their edits, and the tables of removed and quarantined records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.duplicates import DUPLICATES
from schemas.working.partitioned import gone, gone_addresses
from transforms.corpus.output.edits import removals
from transforms.corpus.output.names import edits_name, publish_quarantine, quarantined_addresses
from transforms.corpus.output.shards import Shard, cut_shards, default_shard_bytes
from transforms.corpus.output.sink import write_table
from transforms.corpus.row_numbers import row_numbers_by_rank
from transforms.dedup.duplicates import duplicates_table, publish_duplicates
from transforms.dedup.partitioned.answer import answers_for
from transforms.dedup.partitioned.layout import Setting
from transforms.dedup.partitioned.parts import Parts, PartsWriter, joined
from transforms.dedup.partitioned.places import KeptRanges, Settled, ids_of, rank_in_input, rows_in_input
from transforms.dedup.survivors import estimate_jaccard

SHARDS_OF_A_TASK = 64
Numbers = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class CutShards:
    """Where the shards begin, by prefix sums over the ranges; what was quarantined, with row numbers."""

    settled: Settled
    compressed_files: tuple[int, ...]

    def __call__(self, task: int) -> dict[str, Any]:
        """Commit it, unless that was done."""
        return self._files.once(task, self._fill)

    @property
    def _files(self) -> Parts:
        return self.settled.setting.parts("shards", 1)

    def _fill(self, writer: PartsWriter) -> Mapping[str, Any]:
        setting = self.settled.setting
        quarantined = quarantined_addresses(setting.work, setting.scan)
        writer.write_sorted(gone_addresses(), np.array([0, len(quarantined)]), [quarantined])
        rows = row_numbers_by_rank(quarantined, lambda some: rank_in_input(self.settled, some))
        quarantine = publish_quarantine(setting.work, setting.scan, rows)
        shard_bytes = setting.config.shard_bytes or default_shard_bytes(int(self.settled.totals[-1]))
        shards = cut_shards(KeptRanges(self.settled), shard_bytes, self.compressed_files)
        return {"shards": [asdict(shard) for shard in shards], "quarantine": quarantine}


def quarantined_of(setting: Setting) -> Numbers:
    """The addresses that `CutShards` has written down."""
    (addresses,) = setting.parts("shards", 1).read(gone_addresses(), 0)
    return addresses


@dataclass(frozen=True)
class WriteEdits:
    """What the rewrite leaves out, of some neighbouring shards."""

    settled: Settled
    shards: tuple[Shard, ...]

    def __call__(self, task: int) -> dict[str, Any]:
        """Write one file for each shard, unless that was done."""
        setting = self.settled.setting
        some = self.shards[task * SHARDS_OF_A_TASK : (task + 1) * SHARDS_OF_A_TASK]
        missing = [shard for shard in some if not setting.work.folder.exists(edits_name(shard.ordinal))]
        if missing:
            quarantined = quarantined_of(setting)
            ranges = self.settled.range_at(np.array([missing[0].lo, missing[-1].hi], np.uint64)).tolist()
            number, waiting = ranges[0], np.empty(0, np.uint64)
            for shard in missing:
                # A range begins before the shard ends: its removed documents may be the shard's.
                while number <= ranges[1] and int(self.settled.first_addresses[number]) < shard.hi:
                    waiting = np.concatenate([waiting, _removed_addresses(setting, number)])
                    number += 1
                waiting = waiting[np.searchsorted(waiting, np.uint64(shard.lo)) :]
                own = np.union1d(_between(waiting, shard), _between(quarantined, shard))
                with setting.work.folder.create(edits_name(shard.ordinal)) as sink:
                    write_table(sink, removals(own))
        return {"task": task}


def _removed_addresses(setting: Setting, number: int) -> Numbers:
    with setting.of_ranges("settled").open(number) as file:
        return joined(gone_addresses(), list(file.sections(gone_addresses(), 0)))[0]


def _between(addresses: Numbers, shard: Shard) -> Numbers:
    lo, hi = np.searchsorted(addresses, np.array([shard.lo, shard.hi], np.uint64))
    return addresses[lo:hi]


@dataclass(frozen=True)
class WriteDuplicates:
    """One file of the table of removed documents."""

    settled: Settled

    @property
    def files(self) -> int:
        """How many files the table has."""
        return max(1, -(-int(self.settled.removed[-1]) // self.settled.setting.layout.sizes.shown))

    def __call__(self, task: int) -> dict[str, Any]:
        """Write it; gives its entry in the manifest."""
        setting, removed = self.settled.setting, self.settled.removed
        shown = setting.layout.sizes.shown
        lo, hi = task * shown, min((task + 1) * shown, int(removed[-1]))
        quarantined = quarantined_of(setting)
        tables = [DUPLICATES.empty_table()]
        for number in range(setting.layout.ranges):
            begin, end = int(removed[number]), int(removed[number + 1])
            if begin < hi and end > lo:
                table = self._of_range(number, quarantined)
                tables.append(table.slice(max(0, lo - begin), min(end, hi) - max(begin, lo)))
        return {"task": task, "file": publish_duplicates(setting.work, pa.concat_tables(tables), task, self.files)}

    def _of_range(self, number: int, quarantined: Numbers) -> pa.Table:
        setting = self.settled.setting
        width = setting.config.minhash.num_perm
        with setting.of_ranges("settled").open(number) as file:
            document, _, equal, exact = joined(gone(), list(file.sections(gone(), 0)))
            (addresses,) = joined(gone_addresses(), list(file.sections(gone_addresses(), 0)))
        row, kept_id = answers_for(setting, number)
        place = (document - np.uint64(setting.layout.bounds(number)[0])).astype(np.int64)
        return duplicates_table(
            rows_in_input(document, addresses, self.settled.files, quarantined),
            row,
            exact != 0,
            estimate_jaccard(equal, width).astype(np.float32),
            ids_of(setting, number, place),
            kept_id,
        )


def entries(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The manifest's entries of the files that `WriteDuplicates` has written."""
    return [result["file"] for result in results]
