"""Scoring as Beam transforms: a checkpoint behind `RunInference`, then the metrics."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.ml.inference.base import ModelHandler, RunInference

from transforms.base.errors import CorpusError
from transforms.base.tasks import CommitOnce, RunTasks, log_task, marked
from transforms.scoring.tasks.family import FamilyJob
from transforms.scoring.tasks.generate import GenerationJob
from transforms.scoring.tasks.metric_rows import MetricJob, metric_task
from transforms.scoring.tasks.score import ScoreJob, ScoreTask, receipts

_BATCH_BYTES = 16 << 20
"""Text of a batch, as much as the largest task has: small tasks share a worker's batch, large ones are spread."""


class CheckpointHandler(ModelHandler[ScoreTask, dict[str, Any], Any]):
    """A checkpoint for `RunInference`: task -> receipt of the files that it left.

    A task's rows are read, tokenised and run as whole Arrow batches inside: what passes between steps are tasks
    and receipts, and the device never waits for the reader.
    """

    def __init__(self, job: ScoreJob | GenerationJob | FamilyJob) -> None:
        """`job` says which checkpoint, and what is done with it."""
        super().__init__(min_batch_size=_BATCH_BYTES, max_batch_size=_BATCH_BYTES, element_size_fn=_weight)
        self._job = job

    def load_model(self) -> Any:
        """The checkpoint as the job wants it."""
        gc.collect()  # the checkpoint before this one
        try:
            return self._job.load()
        except (CorpusError, OSError) as error:
            raise marked(error) from error

    def run_inference(
        self, batch: Sequence[ScoreTask], model: Any, inference_args: dict[str, Any] | None = None
    ) -> Iterable[dict[str, Any]]:
        """Do the tasks of the batch, one after the other."""
        del inference_args
        return self._run(batch, model)

    def _run(self, batch: Sequence[ScoreTask], model: Any) -> Iterator[dict[str, Any]]:
        try:
            for receipt in self._job.run(batch, model):
                log_task(f"{self._job.receipts} task", receipt["task"], receipt.get("task_seconds", receipt["seconds"]))
                yield receipt
        except (CorpusError, OSError) as error:
            raise marked(error) from error

    def get_num_bytes(self, batch: Sequence[ScoreTask]) -> int:
        """Bytes of the batch: tasks are small."""
        return 256 * len(batch)

    def get_metrics_namespace(self) -> str:
        """Where Beam counts batches and latencies."""
        return "score"


def _weight(task: ScoreTask) -> int:
    return max(1, task.bytes)


class RunCheckpoint(beam.PTransform):
    """Sequence of tasks -> PCollection of one summary: every task's receipt, committed as `<receipts folder>.json`."""

    def __init__(self, job: ScoreJob | GenerationJob | FamilyJob, tasks: Sequence[ScoreTask], label: str) -> None:
        super().__init__(label)
        self._job = job
        self._tasks = list(tasks)

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Create the tasks, spread them, run the checkpoint, commit."""
        done = (
            pbegin
            | "Create tasks" >> beam.Create(self._tasks, reshuffle=False)
            | "Spread tasks" >> beam.Reshuffle()
            | "Run checkpoint" >> RunInference(CheckpointHandler(self._job))
        )
        return done | CommitOnce(partial(_commit_receipts, self._job, self._tasks), "Commit receipts")


class ComputeMetrics(beam.PTransform):
    """Sequence of tasks -> PCollection of one summary: the files of scores, committed as `metrics.json`."""

    def __init__(self, job: MetricJob, tasks: Sequence[ScoreTask], threads: int) -> None:
        super().__init__("Compute metrics")
        self._job = job
        self._tasks = list(tasks)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Compute the metrics of each task, commit."""
        done = pbegin | RunTasks(self._tasks, partial(metric_task, self._job), self._threads, "Metrics of tasks")
        return done | CommitOnce(partial(_commit_metrics, self._job), "Commit scores")


def _commit_receipts(
    job: ScoreJob | GenerationJob | FamilyJob, tasks: Sequence[ScoreTask], _: list[dict[str, Any]]
) -> dict[str, Any]:
    return job.work.commit(job.receipts, {"tasks": receipts(job.work, job.receipts, tasks)})


def _commit_metrics(job: MetricJob, results: list[dict[str, Any]]) -> dict[str, Any]:
    return job.work.commit("metrics", {"tasks": results})
