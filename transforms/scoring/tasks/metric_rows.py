"""From token statistics to scores: one row a sequence and checkpoint, the mean over its slots, one column a metric."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.public.scores import scores
from transforms.base.runs import Work, pretty_json
from transforms.corpus.output.sink import write_table
from transforms.scoring.metrics.inputs import Floats, Ints, ScoreInputs
from transforms.scoring.metrics.registry import METRICS, compute
from transforms.scoring.metrics.zlib_size import zlib_bytes
from transforms.scoring.tasks.family import family_metrics, read_family
from transforms.scoring.tasks.generate import values_name
from transforms.scoring.tasks.score import Columns, ScoreTask, read_rows, read_token_scores, receipt_name, shard_name
from transforms.scoring.tasks.table import statistics_of


@dataclass(frozen=True)
class MetricJob:
    """Metrics of all checkpoints over all tasks.

    Attributes:
        checkpoints: their names.
        reference: the reference's name; empty where there is none.
        metrics: names, as the registry has them.
        generated: those of them that were computed when the checkpoints generated, or scored fresh variants.
        columns: of the input; the texts are read again where a metric needs their compressed size.
        work: where the token statistics are, and what is done is remembered.
        mode: file mode of what is written.
    """

    checkpoints: tuple[str, ...]
    reference: str
    metrics: tuple[str, ...]
    generated: tuple[str, ...]
    columns: Columns
    work: Work
    mode: int


RECEIPTS = "metrics"


def metric_task(job: MetricJob, task: ScoreTask) -> dict[str, Any]:
    """Write the scores of a task's sequences, one file per checkpoint; returns the receipt.

    Where an earlier run has left it, nothing is done again.
    """
    folder = job.work.folder.child(RECEIPTS)
    if folder.exists(receipt_name(task)):
        found: dict[str, Any] = json.loads(folder.read(receipt_name(task)))
        return found
    sizes = None
    if any("zlib_bytes" in METRICS[name].needs for name in job.metrics):
        rows = read_rows(task, job.columns)
        sizes = zlib_bytes(pa.concat_arrays(rows[job.columns.text].chunks))
    reference = read_token_scores(job.work, job.reference, task) if job.reference else None
    files = []
    for checkpoint in job.checkpoints:
        own, generated = read_token_scores(job.work, checkpoint, task), _generated(job, checkpoint, task)
        table = score_table(own, reference, sizes, generated, task.first, job.metrics)
        name = shard_name(checkpoint, task, "scores")
        with job.work.output.create(name, job.mode) as sink:
            write_table(sink, table)
        missing = {one: table[one].null_count for one in job.metrics}
        files.append(
            {"path": name, "rows": table.num_rows, "bytes": sink.size, "sha256": sink.sha256, "missing": missing}
        )
    receipt = {"task": task.number, "files": files}
    folder.write(receipt_name(task), pretty_json(receipt))
    return receipt


def _generated(job: MetricJob, checkpoint: str, task: ScoreTask) -> dict[str, Floats]:
    of_families = family_metrics(job.generated)
    found = {}
    if len(of_families) < len(job.generated):
        with job.work.folder.open(values_name(checkpoint, task)) as source:
            table = pq.read_table(source)
        found = {name: table[name] for name in job.generated if name not in of_families}
    if of_families:
        table = read_family(job.work, checkpoint, task)
        found |= {name: table[name] for name in of_families}
    return {name: np.asarray(one, np.float64) for name, one in found.items()}


def score_table(
    table: pa.Table,
    reference: pa.Table | None,
    sizes: Ints | None,
    generated: Mapping[str, Floats],
    first_row: int,
    metrics: Sequence[str],
) -> pa.Table:
    """Scores of one checkpoint.

    Args:
        table: token statistics (`TOKEN_SCORES`), n rows, the slots of a sequence one after the other.
        reference: the same rows by the reference checkpoint.
        sizes: int64, compressed size of each sequence's text, by row of the input less `first_row`.
        generated: float64[n] of metrics that are computed already.
        first_row: number of the first sequence.
        metrics: names.

    Returns: one row per sequence in the same order, with the columns of `schemas.public.scores`. A metric that is not
    defined or not finite at any of a sequence's slots is null.
    """
    computed = [name for name in metrics if name not in generated]
    values = {**_values(table, reference, sizes, first_row, computed), **generated}
    row = np.asarray(table["row"], np.int64)
    starts = np.flatnonzero(np.diff(row, prepend=-1)) if len(row) else np.empty(0, np.int64)
    counts = np.diff(np.append(starts, len(row)))
    lengths = pc.fill_null(pc.list_value_length(table["log_probs"]), 0)
    in_context = np.asarray(table["slot"].is_valid())
    at = pa.array(starts)
    columns = {
        "id": table["id"].take(at),
        "checkpoint": table["checkpoint"].take(at),
        "slots": pa.array(np.where(in_context[starts], counts, 0).astype(np.int32)),
        "tokens": lengths.take(at).cast(pa.int32()),
    }
    for name in metrics:
        one = values[name]
        means = np.add.reduceat(one, starts) / counts if len(starts) else np.empty(0)
        columns[name] = pa.array(means, mask=~np.isfinite(means))
    return pa.table(columns, schema=scores(list(metrics)))


def _values(
    table: pa.Table, reference: pa.Table | None, sizes: Ints | None, first_row: int, metrics: Sequence[str]
) -> dict[str, Floats]:
    """Each metric by row of `table`, float64[n]; NaN where nothing was scored."""
    referenced = [one for one in metrics if "reference" in METRICS[one].needs]
    answer: dict[str, Floats] = {name: np.full(table.num_rows, np.nan) for name in metrics}
    scored = np.asarray(table["reason"].is_null())
    both = scored if reference is None else scored & np.asarray(reference["reason"].is_null())
    alone = [name for name in metrics if name not in referenced]
    for names, held, other in ((alone, scored, None), (referenced, both, reference)):
        if names and held.any():
            own = table.filter(pa.array(held))
            inputs = _inputs(own, None if other is None else other.filter(pa.array(held)), sizes, first_row)
            for name, one in compute(names, inputs).items():
                answer[name][held] = one
    return answer


def _inputs(table: pa.Table, reference: pa.Table | None, sizes: Ints | None, first_row: int) -> ScoreInputs:
    tokens = statistics_of(table)
    return ScoreInputs(
        tokens,
        reference=None if reference is None else statistics_of(reference),
        text_bytes=_text_bytes(table),
        reference_text_bytes=None if reference is None else _text_bytes(reference),
        zlib_bytes=None if sizes is None else sizes[np.asarray(table["row"], np.int64) - first_row],
    )


def _text_bytes(table: pa.Table) -> Ints | None:
    return None if table["text_bytes"].null_count else np.asarray(table["text_bytes"], np.int64)


def fields_present(columns: Columns, *, reference: bool) -> set[str]:
    """Fields of `ScoreInputs` that a run has which does not generate."""
    texts = {"text_bytes", "zlib_bytes"} if columns.text else set()
    others = {"reference", *({"reference_text_bytes"} if columns.text else set())} if reference else set()
    return {"tokens"} | texts | others
