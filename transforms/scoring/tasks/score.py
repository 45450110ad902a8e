"""What is scored: rows of Parquet files, divided into tasks; a task leaves one file of token statistics."""

import itertools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.public.token_scores import TOKEN_SCORES
from transforms.base.errors import CorpusError
from transforms.base.runs import Work, pretty_json
from transforms.corpus.input.columns import as_strings, is_text
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import Source
from transforms.corpus.output.sink import write_table
from transforms.scoring.contexts import Slots, read_slots
from transforms.scoring.cues import cues_of, read_cues, uneven
from transforms.scoring.model.checkpoint import Checkpoint
from transforms.scoring.model.configuration import first_line
from transforms.scoring.model.loading import load_model
from transforms.scoring.model.tokenizer import Tokenizer
from transforms.scoring.sequences import Prepared, Rule, prepare

IDS_COLUMN = "token_ids"
_ROWS, _ROWS_IN_CONTEXT, _ROWS_GENERATING, _BYTES = 16_384, 1_024, 256, 16 << 20


@dataclass(frozen=True)
class Columns:
    """The columns that are read, and no others: nothing that could tell what was drawn.

    Attributes:
        text: texts; empty where there are token ids.
        ids: token ids; empty where there are texts.
        name: ids of the sequences; empty: their numbers.
        unit: the units; empty where there are no slots.
        fresh: lists of further texts of each row, for metrics of families; empty where none is computed.
        candidate: numbers of the candidates in their units; empty where nothing is asked.
    """

    text: str
    ids: str
    name: str
    unit: str
    fresh: str = ""
    candidate: str = ""

    def all(self) -> list[str]:
        """Their names."""
        names = (self.name, self.unit, self.candidate, self.text, self.ids, self.fresh)
        return [one for one in dict.fromkeys(names) if one]


@dataclass(frozen=True)
class ScoreTask:
    """Rows `lo` <= r < `hi` of one file, about `bytes` of text; `first` is the number of row `lo` in all files."""

    number: int
    of: int
    source: Source
    lo: int
    hi: int
    first: int
    bytes: int = 0


@dataclass(frozen=True)
class ScoreJob:
    """One checkpoint over all tasks.

    Attributes:
        checkpoint: what is run.
        tokenizer: for texts; None for token ids.
        bos: the token that goes first; None for none.
        columns: what is read.
        slots: path of the slots file, or of the questions where something is asked; empty: no context.
        context: most tokens of context.
        dtype: "float32" or "bfloat16".
        device: "cpu", "cuda", or "auto": what the worker has.
        max_tokens: of a batch; 0: what suits the device.
        threads: of the CPU.
        compiled: whether to compile the layers if the device is a GPU.
        work: where what is done is remembered.
        mode: file mode of what is written.
        ask: kind of question whose answers are scored; empty: the sequences themselves.
        equal: whether all answers to a cue must have equally many tokens.
    """

    checkpoint: Checkpoint
    tokenizer: Tokenizer | None
    bos: int | None
    columns: Columns
    slots: str
    context: int
    dtype: str
    device: str
    max_tokens: int
    threads: int
    compiled: bool
    work: Work
    mode: int
    ask: str = ""
    equal: bool = False

    @property
    def rule(self) -> Rule:
        """How token sequences are made."""
        unlike = self.tokenizer.unlike if self.tokenizer else ()
        return Rule(self.bos, self.checkpoint.max_length, self.checkpoint.vocabulary, self.context, unlike)

    @property
    def receipts(self) -> str:
        """Folder of the receipts, within the work folder."""
        return f"score-{self.checkpoint.name}"

    def read_slots(self) -> Slots | None:
        """The contexts of the sequences, or the cues that are asked; None without either."""
        if self.ask:
            return read_cues(self.slots, self.ask)
        return read_slots(self.slots) if self.slots else None

    def load(self) -> Any:
        """The checkpoint as a `Scorer`."""
        import torch

        from transforms.scoring.model.device import chosen_device, matrix_rate
        from transforms.scoring.model.scorer import Scorer

        torch.set_num_threads(self.threads)
        where, device = f"--checkpoint {self.checkpoint.folder}", chosen_device(self.device)
        try:
            model = load_model(self.checkpoint, self.dtype, device)
        except RuntimeError as error:  # above all, a card without room for it
            raise CorpusError(f"{where}: cannot be loaded on {device} ({first_line(error)})") from error
        try:
            scorer = Scorer.of(model, self.max_tokens, compiled=self.compiled and device == "cuda")
        except CorpusError as error:
            raise CorpusError(f"{where}: {error}") from error
        except RuntimeError as error:
            raise CorpusError(f"{where}: cannot be made ready on {device} ({first_line(error)})") from error
        scorer.matrix_rate, scorer.device = matrix_rate(device, self.dtype), device
        return scorer

    def done_before(self, task: ScoreTask) -> bool:
        """Whether an earlier run finished this task."""
        there = self.work.folder.child(self.receipts).exists(receipt_name(task))
        return there and self.work.output.exists(shard_name(self.checkpoint.name, task))

    def run(self, tasks: Iterable[ScoreTask], scorer: Any) -> Iterator[dict[str, Any]]:
        """Score the tasks that are left; yields their receipts."""
        return run_tasks(self, tasks, scorer)


def shard_name(checkpoint: str, task: ScoreTask, folder: str = "token_scores") -> str:
    """The file of a task."""
    return f"{folder}/{checkpoint}-{task.number:05d}-of-{task.of:05d}.parquet"


def receipt_name(task: ScoreTask) -> str:
    """The receipt of a task."""
    return f"{task.number:06d}.json"


def divide_rows(
    sources: Sequence[Source],
    *,
    in_context: bool,
    generating: bool = False,
    units: Mapping[str, Sequence[str]] | None = None,
) -> list[ScoreTask]:
    """Tasks of about equal work that cover each row of each file once, in order.

    Args:
        sources: the files.
        in_context: whether there are slots.
        generating: whether the model continues the sequences.
        units: unit of each row by file, where units must not be divided.
    """
    most = _ROWS_GENERATING if generating else _ROWS_IN_CONTEXT if in_context else _ROWS
    spans: list[tuple[Source, int, int, int]] = []
    for source in sources:
        found = format_for(source).rows(source) or 0
        size = format_for(source).text_bytes(source)
        rows = min(most, max(1, _BYTES * max(1, found) // max(1, size)))
        each = size // max(1, found)
        cuts = range(0, found, rows) if units is None else _cuts(_begins(units[source.uri]), rows)
        spans += [(source, lo, hi, each * (hi - lo)) for lo, hi in itertools.pairwise([*cuts, found])]
    tasks, first = [], 0
    for number, (source, lo, hi, text) in enumerate(spans):
        tasks.append(ScoreTask(number, len(spans), source, lo, hi, first, text))
        first += hi - lo
    return tasks


def _begins(units: Sequence[str]) -> list[int]:
    """Rows at which another unit begins."""
    return [row for row in range(len(units)) if row == 0 or units[row] != units[row - 1]]


def _cuts(begins: Iterable[int], rows: int) -> list[int]:
    """The first row of each task: of those that may be one, each at least `rows` after the one before."""
    cuts: list[int] = []
    for row in begins:
        if not cuts or row - cuts[-1] >= rows:
            cuts.append(row)
    return cuts


def choose_columns(
    sources: Sequence[Source], text: str, name: str, *, in_context: bool, asking: bool = False
) -> Columns:
    """The columns to read, the same for all files.

    Raises:
        CorpusError: naming file and column, for what is missing or has the wrong type.
    """
    chosen: Columns | None = None
    for source in sources:
        if not format_for(source).knows_schema:
            raise CorpusError(f"--sequences {source.uri}: Parquet and Arrow files are scored; convert it")
        schema = format_for(source).schema(source)
        found = _columns(schema, text, name, source.uri, in_context=in_context, asking=asking)
        if chosen is not None and found != chosen:
            raise CorpusError(f"{source.uri}: its columns are {found.all()}, those of the files before {chosen.all()}")
        chosen = found
    if chosen is None:
        raise CorpusError("--sequences: there is no file")
    return chosen


def _columns(schema: pa.Schema, text: str, name: str, where: str, *, in_context: bool, asking: bool) -> Columns:
    listed = ", ".join(map(repr, schema.names))
    has_text = text in schema.names
    if not has_text and IDS_COLUMN not in schema.names:
        raise CorpusError(
            f"{where}: no column {text!r} and no {IDS_COLUMN!r}; it has {listed}: name one with --text-column"
        )
    if has_text and not (is_text(schema.field(text).type) or pa.types.is_null(schema.field(text).type)):
        raise CorpusError(f"{where}: column {text!r} has type {schema.field(text).type}, text (string) is needed")
    if not has_text:
        dtype = schema.field(IDS_COLUMN).type
        if not (hasattr(dtype, "value_type") and pa.types.is_integer(dtype.value_type)):
            raise CorpusError(f"{where}: column {IDS_COLUMN!r} has type {dtype}, lists of integers are needed")
    if name not in schema.names:
        if name != "id":
            raise CorpusError(f"{where}: no column {name!r}; it has {listed}: name one with --id-column")
        name = ""
    if in_context and ("unit" not in schema.names or not has_text):
        raise CorpusError(f"{where}: --slots needs the columns 'unit' and {text!r}; it has {listed}")
    if asking and (not {"unit", "candidate"} <= set(schema.names) or not has_text):
        raise CorpusError(f"{where}: --ask needs the columns 'unit', 'candidate' and {text!r}; it has {listed}")
    return Columns(
        text if has_text else "",
        "" if has_text else IDS_COLUMN,
        name,
        "unit" if in_context or asking else "",
        candidate="candidate" if asking else "",
    )


def read_rows(task: ScoreTask, columns: Columns) -> pa.Table:
    """The rows of a task; texts, units and names as strings."""
    wanted = columns.all()
    pieces = [one.table for one in read_piece(Piece(task.source, task.lo, task.hi, 0), columns=wanted or None)]
    table = pa.concat_tables(pieces)
    for name in dict.fromkeys((columns.text, columns.unit)):
        if name:
            table = table.set_column(table.column_names.index(name), name, [as_strings(table[name])])
    return table


def names_of_rows(task: ScoreTask, rows: pa.Table, columns: Columns) -> pa.Array:
    """The id of each row as a string: the user's, or the row's number where there is none."""
    numbers = pa.array(range(task.first, task.first + rows.num_rows)).cast(pa.string())
    if not columns.name:
        return numbers
    found = rows[columns.name].combine_chunks()
    array = pa.concat_arrays(found.chunks) if isinstance(found, pa.ChunkedArray) else found
    try:
        return array.cast(pa.string()).fill_null("")
    except pa.ArrowInvalid as error:
        raise CorpusError(
            f"{task.source.uri}: column {columns.name!r} ({array.type}) cannot be ids ({error})"
        ) from error


def read_token_scores(work: Work, checkpoint: str, task: ScoreTask) -> pa.Table:
    """The token statistics that a task left."""
    name = shard_name(checkpoint, task)
    with work.output.open(name) as source:
        table = pq.read_table(source)
    check(table.schema, TOKEN_SCORES, name)
    return table


def preparing(job: ScoreJob, fast: Any) -> Callable[[ScoreTask], tuple[Prepared, pa.Array]]:
    """What reads a task's rows and makes token sequences of them by `fast`, with the id of each row."""
    slots = job.read_slots()

    def ready(task: ScoreTask) -> tuple[Prepared, pa.Array]:
        rows = read_rows(task, job.columns)
        made = prepare(rows, job.columns.text, job.columns.ids, fast, slots, job.rule, task.source.uri)
        if slots is not None and job.equal:
            _refuse_unequal(made, rows[job.columns.unit].to_pylist(), slots, task)
        return made, names_of_rows(task, rows, job.columns)

    return ready


def _refuse_unequal(made: Prepared, units: Sequence[str], cues: Slots, task: ScoreTask) -> None:
    """Raise if answers to one cue have different numbers of tokens: a mean over tokens would compare them."""
    asked, _ = cues_of(cues, units, made.place, made.slot)
    lengths = np.where([one is None for one in made.reason], made.sequences.scored, 0)
    found = uneven(asked.groups, lengths)
    if len(found):
        one, other = found[0]
        rows = [task.lo + int(made.place[at]) for at in (one, other)]
        raise CorpusError(
            f"{task.source.uri}: the answers to cue {made.slot[one]} in rows {rows[0]} and {rows[1]}, which are of one "
            f"unit, have {lengths[one]} and {lengths[other]} tokens: a mean over tokens does not compare them; take "
            "answers of equally many tokens, or the metrics answer_*, which compare totals"
        )


def run_tasks(job: ScoreJob, tasks: Iterable[ScoreTask], scorer: Any) -> Iterator[dict[str, Any]]:
    """Score tasks one after the other; while the model works on one, the next is read and tokenised."""
    ready = preparing(job, job.tokenizer.make() if job.tokenizer else None)
    left = [task for task in tasks if not job.done_before(task)]
    with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as pool:
        waiting = pool.submit(ready, left[0]) if left else None
        for at, task in enumerate(left):
            assert waiting is not None  # noqa: S101 - there is one for each task
            prepared, ids = waiting.result()
            waiting = pool.submit(ready, left[at + 1]) if at + 1 < len(left) else None
            yield _score_task(job, task, prepared, ids, scorer)


def _score_task(job: ScoreJob, task: ScoreTask, prepared: Prepared, ids: pa.Array, scorer: Any) -> dict[str, Any]:
    began = time.perf_counter()
    before = vars(scorer.spent).copy()
    try:
        statistics = scorer.score(prepared.sequences)
    except CorpusError as error:
        raise CorpusError(f"--checkpoint {job.checkpoint.folder}: {error}") from error
    spent = {name: value - before[name] for name, value in vars(scorer.spent).items()}
    table = token_rows(prepared, statistics, ids, task, job)
    name = shard_name(job.checkpoint.name, task)
    with job.work.output.create(name, job.mode) as sink:
        write_table(sink, table, group_rows=_ROWS)
    receipt = {
        "task": task.number,
        "path": name,
        "rows": table.num_rows,
        "bytes": sink.size,
        "sha256": sink.sha256,
        "sequences": task.hi - task.lo,
        "reasons": {one: prepared.reason.count(one) for one in sorted({r for r in prepared.reason if r})},
        "max_tokens": scorer.max_tokens,
        "packed": scorer.forward.packed,
        "alone": scorer.forward.alone,
        "matrix_rate": scorer.matrix_rate,
        "device": scorer.device,
        "task_seconds": time.perf_counter() - began,
        **spent,
    }
    job.work.folder.child(job.receipts).write(receipt_name(task), pretty_json(receipt))
    return receipt


def token_rows(prepared: Prepared, statistics: Any, ids: pa.Array, task: ScoreTask, job: ScoreJob) -> pa.Table:
    """The table of a task's token statistics."""
    from transforms.scoring.tasks.table import token_table

    return token_table(prepared, statistics, ids, task.first, job.checkpoint.name)


def receipts(work: Work, folder: str, tasks: Sequence[ScoreTask]) -> list[dict[str, Any]]:
    """What each task left in this folder of the work folder, in order."""
    held = work.folder.child(folder)
    return [json.loads(held.read(receipt_name(task))) for task in tasks]
