"""Generation over tasks: each leaves the metrics that are computed from it and, if wanted, a file of generations."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.runs import Work, pretty_json
from transforms.corpus.output.sink import write_table
from transforms.scoring.generation.plan import GenerationPlan
from transforms.scoring.model.configuration import first_line
from transforms.scoring.model.loading import load_model
from transforms.scoring.sequences import Prepared
from transforms.scoring.tasks.score import (
    ScoreJob,
    ScoreTask,
    preparing,
    read_token_scores,
    receipt_name,
    shard_name,
)

FOLDER = "generations"


@dataclass(frozen=True)
class GenerationJob:
    """One checkpoint that generates over all tasks, whose token statistics are there already.

    Attributes:
        scored: the job that made them: checkpoint, tokenizer, what is read and where it is written.
        plan: what is generated.
    """

    scored: ScoreJob
    plan: GenerationPlan

    @property
    def work(self) -> Work:
        """Where what is done is remembered."""
        return self.scored.work

    @property
    def receipts(self) -> str:
        """Folder of the receipts, within the work folder."""
        return f"generate-{self.scored.checkpoint.name}"

    def load(self) -> Any:
        """The checkpoint as it was made: what scores it faster has no KV cache."""
        import torch

        from transforms.scoring.model.device import chosen_device

        torch.set_num_threads(self.scored.threads)
        device = chosen_device(self.scored.device)
        try:
            return load_model(self.scored.checkpoint, self.scored.dtype, device)
        except RuntimeError as error:  # above all, a card without room for it
            folder = self.scored.checkpoint.folder
            raise CorpusError(f"--checkpoint {folder}: cannot be loaded on {device} ({first_line(error)})") from error

    def done_before(self, task: ScoreTask) -> bool:
        """Whether an earlier run finished this task."""
        output, name = self.work.output, shard_name(self.scored.checkpoint.name, task, FOLDER)
        there = self.work.folder.child(self.receipts).exists(receipt_name(task))
        return there and (not self.plan.kept or output.exists(name))

    def run(self, tasks: Iterable[ScoreTask], model: Any) -> Iterator[dict[str, Any]]:
        """Generate for the tasks that are left, one after the other; yields their receipts."""
        fast = self.scored.tokenizer.make() if self.scored.tokenizer else None
        ready = preparing(self.scored, fast)
        for task in tasks:
            if not self.done_before(task):
                yield _generation_task(self, task, *ready(task), fast, model)


def values_name(checkpoint: str, task: ScoreTask) -> str:
    """Where, within the work folder, a task's generated metrics are: float64 columns, one row a sequence and slot."""
    return f"generated-{checkpoint}/{task.number:06d}.parquet"


def _generation_task(
    job: GenerationJob, task: ScoreTask, prepared: Prepared, ids: pa.Array, fast: Any, model: Any
) -> dict[str, Any]:
    from transforms.scoring.generation.results import generate_for, generated_metrics, generation_table
    from transforms.scoring.tasks.table import statistics_of

    began, checkpoint, plan = time.perf_counter(), job.scored.checkpoint, job.plan
    names = ids.take(pa.array(prepared.place)).to_pylist()
    try:
        generated = generate_for(model, prepared, names, plan, fast, checkpoint.max_length)
    except Exception as error:  # models fail by errors of any kind
        raise CorpusError(f"--checkpoint {checkpoint.folder}: cannot generate ({first_line(error)})") from error
    if plan.metrics:
        table = read_token_scores(job.work, checkpoint.name, task)
        statistics = statistics_of(table.filter(table["reason"].is_null()))
        values = {name: np.full(table.num_rows, np.nan) for name in plan.metrics}
        for name, one in generated_metrics(generated, statistics, plan).items():
            values[name][generated.held] = one
        with job.work.folder.create(values_name(checkpoint.name, task), job.scored.mode) as sink:
            write_table(sink, pa.table(values))
    receipt: dict[str, Any] = {"task": task.number, "sequences": task.hi - task.lo, "tokens": generated.tokens}
    if plan.kept:
        made = generation_table(generated, prepared, names, plan, fast, task.first, checkpoint.name)
        name = shard_name(checkpoint.name, task, FOLDER)
        with job.work.output.create(name, job.scored.mode) as sink:
            write_table(sink, made)
        receipt |= {"path": name, "rows": made.num_rows, "bytes": sink.size, "sha256": sink.sha256}
    receipt["seconds"] = time.perf_counter() - began
    job.work.folder.child(job.receipts).write(receipt_name(task), pretty_json(receipt))
    return receipt
