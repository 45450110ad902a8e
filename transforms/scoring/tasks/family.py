"""Fresh variants of a task's rows, scored like the rows themselves: the losses that metrics of families take."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.base.runs import Work, pretty_json
from transforms.corpus.input.columns import as_strings
from transforms.corpus.output.sink import write_table
from transforms.scoring.contexts import read_slots
from transforms.scoring.metrics.inputs import Floats, ScoreInputs, TokenStatistics
from transforms.scoring.metrics.likelihood import loss
from transforms.scoring.metrics.registry import METRICS, compute
from transforms.scoring.sequences import prepare
from transforms.scoring.tasks.score import (
    ScoreJob,
    ScoreTask,
    names_of_rows,
    read_rows,
    read_token_scores,
    receipt_name,
    token_rows,
)
from transforms.scoring.tasks.table import statistics_of

FAMILY = "family"
"""The field of `ScoreInputs` that only such a run has."""


@dataclass(frozen=True)
class FamilyJob:
    """One checkpoint over the fresh variants of all tasks, whose own token statistics are there already.

    Attributes:
        scored: the job that made them.
        metrics: names of the metrics that are computed.
    """

    scored: ScoreJob
    metrics: tuple[str, ...]

    @property
    def work(self) -> Work:
        """Where what is done is remembered."""
        return self.scored.work

    @property
    def receipts(self) -> str:
        """Folder of the receipts, within the work folder."""
        return f"family-{self.scored.checkpoint.name}"

    def load(self) -> Any:
        """The checkpoint as a `Scorer`."""
        return self.scored.load()

    def done_before(self, task: ScoreTask) -> bool:
        """Whether an earlier run finished this task."""
        return self.work.folder.child(self.receipts).exists(receipt_name(task))

    def run(self, tasks: Iterable[ScoreTask], scorer: Any) -> Iterator[dict[str, Any]]:
        """Score the variants of the tasks that are left, one after the other; yields their receipts."""
        fast = self.scored.tokenizer.make() if self.scored.tokenizer else None
        for task in tasks:
            if not self.done_before(task):
                yield _family_task(self, task, fast, scorer)


def family_metrics(metrics: Iterable[str]) -> tuple[str, ...]:
    """Those of the metrics that are computed from fresh variants."""
    return tuple(name for name in metrics if FAMILY in METRICS[name].needs)


def family_name(checkpoint: str, task: ScoreTask) -> str:
    """Where, within the work folder, a task's metrics of families are: float64 columns, one row a sequence and slot."""
    return f"family-values-{checkpoint}/{task.number:06d}.parquet"


def read_family(work: Work, checkpoint: str, task: ScoreTask) -> pa.Table:
    """The values that a task left."""
    with work.folder.open(family_name(checkpoint, task)) as source:
        return pq.read_table(source)


def _family_task(job: FamilyJob, task: ScoreTask, fast: Any, scorer: Any) -> dict[str, Any]:
    began, scored = time.perf_counter(), job.scored
    table = read_token_scores(job.work, scored.checkpoint.name, task)
    losses = _losses(table)
    columns = [losses, *_variants(job, task, table, fast, scorer)]
    inputs = ScoreInputs(_no_tokens(), family=np.column_stack(columns))
    with job.work.folder.create(family_name(scored.checkpoint.name, task), scored.mode) as sink:
        write_table(sink, pa.table(compute(job.metrics, inputs)))
    receipt = {"task": task.number, "sequences": task.hi - task.lo, "seconds": time.perf_counter() - began}
    job.work.folder.child(job.receipts).write(receipt_name(task), pretty_json(receipt))
    return receipt


def _variants(job: FamilyJob, task: ScoreTask, table: pa.Table, fast: Any, scorer: Any) -> Iterator[Floats]:
    """For each number of a variant the losses in the rows of `table`; infinity where a text has fewer variants."""
    scored, columns = job.scored, job.scored.columns
    rows = read_rows(task, columns)
    lists = pa.concat_arrays(rows[columns.fresh].chunks)
    counts = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    slots = read_slots(scored.slots) if scored.slots else None
    places = table["row"].to_numpy() - task.first
    at = rows.column_names.index(columns.text)
    for number in range(int(counts.max(initial=0))):
        own = np.flatnonzero(counts > number)
        texts = pc.list_element(lists.take(pa.array(own)), number)
        some = rows.take(pa.array(own)).set_column(at, columns.text, [as_strings(pa.chunked_array([texts]))])
        made = prepare(some, columns.text, columns.ids, fast, slots, scored.rule, task.source.uri)
        names = names_of_rows(task, some, columns)
        found = _losses(token_rows(made, scorer.score(made.sequences), names, replace(task, first=0), scored))
        # A variant has the slots of its row, in their order: as many entries, one after the other.
        values = np.full(table.num_rows, np.inf)
        values[np.isin(places, own)] = found
        yield values


def _losses(table: pa.Table) -> Floats:
    """The metric `loss` of each row of token statistics; NaN where nothing was scored."""
    scored = np.asarray(table["reason"].is_null())
    values = np.full(table.num_rows, np.nan)
    if scored.any():
        values[scored] = loss(statistics_of(table.filter(pa.array(scored))))
    return values


def _no_tokens() -> TokenStatistics:
    nothing = np.empty(0)
    return TokenStatistics(
        np.zeros(1, np.int64), nothing, nothing, nothing, np.empty(0, np.bool_), np.empty(0, np.int64)
    )
