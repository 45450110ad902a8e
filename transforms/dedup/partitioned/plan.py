"""PLAN for corpora of any size: the same decisions as `transforms.dedup.plan`, in stages of tasks of bounded memory.

Each stage leaves one committed file per task, and a summary when all of its tasks are done; a run that was killed goes
on from there. What later stages no longer need is removed on the way.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam

from transforms.base.runs import Work
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.corpus.output.shards import Shard
from transforms.dedup.partitioned.answer import AnswerRange
from transforms.dedup.partitioned.components import survivors
from transforms.dedup.partitioned.connect import connect
from transforms.dedup.partitioned.exact import GroupHashes, SplitHashes
from transforms.dedup.partitioned.layout import FOLDER, SIZES, Setting, Sizes
from transforms.dedup.partitioned.pairs import FindPairs, SplitKeys
from transforms.dedup.partitioned.places import Settled
from transforms.dedup.partitioned.publish import SHARDS_OF_A_TASK, CutShards, WriteDuplicates, WriteEdits, entries
from transforms.dedup.partitioned.settle import CoverCopies, SettleRange
from transforms.dedup.partitioned.summary import summary
from transforms.dedup.partitioned.verify import SendSketches, VerifyPairs
from transforms.dedup.plan import PlanConfig

Launch = Callable[[Callable[[Any], Any]], None]
"""Runs a Beam pipeline, given what builds it on its root."""


class PlanStage(beam.PTransform):
    """One stage: tasks with the numbers 0 to `tasks` - 1 -> one committed summary of what they say."""

    def __init__(self, work: Work, name: str, tasks: int, do: Callable[[int], dict[str, Any]], threads: int) -> None:
        super().__init__(f"Plan: {name}")
        self._tasks = range(tasks)
        self._do = do
        self._commit = _Commit(work, name)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Run the tasks; commit what they say."""
        return (
            pbegin
            | RunTasks(self._tasks, self._do, self._threads, "Run the stage")
            | CommitOnce(self._commit, "Commit the stage")
        )


@dataclass(frozen=True)
class _Commit:
    work: Work
    name: str

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        return self.work.commit(_summary_name(self.name), {"tasks": results})


def _summary_name(stage: str) -> str:
    return f"{FOLDER}/{stage}"


@dataclass(frozen=True)
class PartitionedPlan:
    """A plan in stages.

    Attributes:
        setting: what every task is given.
        compressed_files: ordinals of the compressed files of the input.
        threads: tasks that run at once on a worker.
        launch: runs a Beam pipeline.
        say: is told the name of each stage as it begins.
    """

    setting: Setting
    compressed_files: tuple[int, ...]
    threads: int
    launch: Launch
    say: Callable[[str], None]

    @classmethod
    def of(
        cls,
        scan: dict[str, Any],
        config: PlanConfig,
        work: Work,
        compressed_files: Sequence[int],
        threads: int,
        launch: Launch,
        say: Callable[[str], None] = lambda _: None,
        sizes: Sizes = SIZES,
    ) -> "PartitionedPlan":
        """The plan of a committed scan."""
        return cls(Setting.of(scan, config, work, sizes), tuple(compressed_files), threads, launch, say)

    def run(self) -> dict[str, Any]:
        """Decide everything, and commit the plan; returns its summary."""
        setting, layout = self.setting, self.setting.layout
        found = {"members": self._candidates()}
        if not self._done("verified"):
            self._stage("sent", layout.ranges, SendSketches(setting))
        verified = self._stage("verified", layout.ranges, VerifyPairs(setting))
        found |= {name: _sum(verified, name) for name in ("edges", "pairs")}
        self._remove("sent")
        labels = connect(setting, self._stage)
        chosen, decided = survivors(setting, labels, found, self._stage)
        self._stage("covered", layout.ranges, CoverCopies(setting, chosen))
        settled = Settled(setting, self._stage("settled", layout.ranges, SettleRange(setting)))
        cut = self._stage("shards", 1, CutShards(settled, self.compressed_files))[0]
        shards = tuple(Shard(**shard) for shard in cut["shards"])
        answered = self._stage("answers", layout.ranges, AnswerRange(setting, settled.ranks, shards))
        self._stage("edits", -(-len(shards) // SHARDS_OF_A_TASK), WriteEdits(settled, shards))
        tables = WriteDuplicates(settled)
        duplicates = entries(self._stage("duplicates", tables.files, tables))
        plan = {
            "planned": "partitioned",
            "shards": cut["shards"],
            "files": [*duplicates, cut["quarantine"]],
            **summary(settled, shards, answered, decided, found["pairs"]),
        }
        committed = setting.work.commit("plan", plan)
        setting.work.folder.remove_folder(FOLDER)
        return committed

    def _candidates(self) -> int:
        """Find copies, and the candidate pairs of all bands; returns how often a document is in a large bucket.

        The keys of one wave of bands are on disk at a time.
        """
        setting, layout = self.setting, self.setting.layout
        if not self._done("exact"):
            self._stage("hashes", layout.splits, SplitHashes(setting))
        self._stage("exact", layout.slices, GroupHashes(setting))
        self._remove("hashes")
        members = 0
        for wave in range(len(layout.waves)):
            if not self._done(f"pairs-{wave}"):
                self._stage(f"keys-{wave}", layout.splits, SplitKeys(setting, wave))
            results = self._stage(f"pairs-{wave}", layout.slices, FindPairs(setting, wave))
            members += _sum(results, "members")
            self._remove(f"keys-{wave}")
        return members

    def _done(self, name: str) -> bool:
        return self.setting.work.folder.exists(f"{_summary_name(name)}.json")

    def _stage(self, name: str, tasks: int, do: Callable[[int], dict[str, Any]]) -> list[dict[str, Any]]:
        """Run a stage, unless that was done; what its tasks say, in their order."""
        work = self.setting.work

        def run() -> None:
            self.say(name)
            work.folder.remove_temporaries(_summary_name(name))
            self.launch(lambda root: root | PlanStage(work, name, tasks, do, self.threads))

        results: list[dict[str, Any]] = work.once(_summary_name(name), run)["tasks"]
        return results

    def _remove(self, name: str) -> None:
        self.setting.work.folder.remove_folder(_summary_name(name))


def _sum(results: Sequence[dict[str, Any]], name: str) -> int:
    return sum(result[name] for result in results)
