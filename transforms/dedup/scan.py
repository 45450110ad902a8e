"""SCAN: read the text once and keep numbers."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import tokenizers

from schemas.working.quarantined import QUARANTINED
from schemas.working.summaries import summaries
from transforms.base.errors import CorpusError
from transforms.base.runs import Work, canonical_json
from transforms.base.stores.copies import fetched
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.base.texts import offsets_of
from transforms.base.words import code_of
from transforms.corpus.input.addresses import addresses, position_of
from transforms.corpus.input.columns import as_strings, check_number_column, check_text_column
from transforms.corpus.input.condition import condition_columns, condition_holds
from transforms.corpus.input.format import Path
from transforms.corpus.input.formats import format_for, schema_of
from transforms.corpus.input.merged_schema import merge_schemas
from transforms.corpus.input.pieces import Piece, Records, read_piece
from transforms.corpus.output.sink import write_table
from transforms.corpus.scan_numbers import SUMMARY_KEY, commit_scan, quarantine_name, read_summary, scan_name
from transforms.corpus.types.written import stored
from transforms.dedup.minhash import MinHashConfig, Sketches, sketch_texts, sketch_tokens
from transforms.dedup.nfc import may_change, nfc

GROUP_ROWS = 32_768

Watch = Callable[[pa.Array, npt.NDArray[np.bool_]], npt.NDArray[np.int64]]
"""Texts (string or large_string[n]) and which are valid (bool[n]) -> rows to report, for example that hold a phrase."""


@dataclass(frozen=True)
class ScanConfig:
    """What a scan reads and keeps.

    Attributes:
        text_column: the text.
        id_column: ids to carry along; empty for none.
        priority: which of two near-duplicates is kept: "first", "longest" or "max:COLUMN".
        minhash: shingles, permutations and bands.
        tokenizer: path of a `tokenizers` file whose tokens take the place of words; empty for words.
        words: what a word is: "text", as `transforms.base.words` says, or "code", as `code_of` there says.
        strict: a bad record is an error.
        where: SQL condition on the columns that makes a document eligible for planting; empty for all.
    """

    text_column: str
    id_column: str
    priority: str
    minhash: MinHashConfig
    tokenizer: str = ""
    strict: bool = False
    where: str = ""
    words: str = "text"

    @property
    def columns(self) -> list[str]:
        """The columns that a scan reads."""
        by = self.priority.removeprefix("max:") if self.priority.startswith("max:") else ""
        asked = condition_columns(self.where) if self.where else []
        return list(dict.fromkeys(name for name in (self.text_column, self.id_column, by, *asked) if name))


@dataclass(frozen=True)
class ScanTask:
    """One piece of the input and its place in the list of tasks."""

    number: int
    piece: Piece


class ScanCorpus(beam.PTransform):
    """Pieces of the input -> one committed summary, by way of one file of numbers a piece."""

    def __init__(
        self, pieces: Sequence[Piece], config: ScanConfig, work: Work, threads: int, watch: Watch | None = None
    ) -> None:
        super().__init__("Scan the corpus")
        self._tasks = [ScanTask(number, piece) for number, piece in enumerate(pieces)]
        self._scan = _Scan(config, work, watch)
        self._work = work
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Scan the pieces; commit what they hold together."""
        return (
            pbegin
            | RunTasks(self._tasks, self._scan, self._threads, "Scan pieces")
            | CommitOnce(_Commit(self._work, self._scan.config.text_column), "Commit the scan")
        )


@dataclass(frozen=True)
class _Commit:
    work: Work
    text_column: str

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        refuse_files_without_text(results, self.text_column)
        return commit_scan(self.work, results)


def refuse_files_without_text(results: Sequence[dict[str, Any]], text_column: str) -> None:
    """Raise `CorpusError` for a file without a schema of its own none of whose records has the text field.

    One piece of a file may lack it by chance; where all do, the field has another name.
    """
    fields: dict[str, dict[str, None]] = {}
    for result in results:
        if result["schema"]:
            schema = pa.ipc.read_schema(pa.py_buffer(bytes.fromhex(result["schema"])))
            fields.setdefault(result["source"], {}).update(dict.fromkeys(schema.names))
    for source, names in fields.items():
        if names and text_column not in names:
            raise CorpusError(
                f"{source}: no record has a field {text_column!r}; fields are {', '.join(map(repr, names))}: "
                "name one with --text-column, or leave the file out"
            )


@dataclass(frozen=True)
class _Scan:
    """Sketch the texts of one piece and commit the numbers as one file, unless that was done already."""

    config: ScanConfig
    work: Work
    watch: Watch | None

    def __call__(self, task: ScanTask) -> dict[str, Any]:
        done = read_summary(self.work, task.number)
        if done is not None:
            return done
        totals = _Totals(task.number, task.piece.source.uri)
        minhash = self.config.minhash
        with self.work.folder.create(scan_name(task.number)) as sink:
            writer = pq.ParquetWriter(
                sink,
                summaries(minhash.bands, minhash.num_perm),
                compression="lz4",
                use_dictionary=False,
                write_statistics=False,
            )
            for table in self._grouped(task.piece, totals):
                writer.write_table(table)
            self._commit_quarantine(task.number, totals)
            summary = totals.summary()
            writer.add_key_value_metadata({SUMMARY_KEY: canonical_json(summary).decode()})
            writer.close()
        return summary

    def _grouped(self, piece: Piece, totals: "_Totals") -> Iterator[pa.Table]:
        waiting: list[pa.RecordBatch] = []
        for batch in self._batches(piece, totals):
            waiting.append(batch)
            if sum(len(other) for other in waiting) >= GROUP_ROWS:
                yield pa.Table.from_batches(waiting)
                waiting = []
        if waiting:
            yield pa.Table.from_batches(waiting)

    def _batches(self, piece: Piece, totals: "_Totals") -> Iterator[pa.RecordBatch]:
        for records in read_piece(piece, columns=self._columns(piece)):
            totals.take_bad_lines(piece, records, strict=self.config.strict)
            if not format_for(piece.source).knows_schema:
                totals.schemas.append(records.table.schema)
                totals.inexact.update({one.path: one.value for one in records.inexact})
            if not records.table.num_rows:
                continue
            yield self._summarise(piece, records, totals)

    def _columns(self, piece: Piece) -> list[str] | None:
        if not format_for(piece.source).knows_schema:
            return None
        names = set(schema_of(piece.source).names)
        return [name for name in self.config.columns if name in names]

    def _summarise(self, piece: Piece, records: Records, totals: "_Totals") -> pa.RecordBatch:
        table, where = records.table, piece.source.uri
        name = self.config.text_column
        if name in table.column_names:
            check_text_column(table.schema, name, where)
            text = as_strings(table[name])
        else:
            text = pa.nulls(table.num_rows, pa.large_string())
        sketches = self._sketch(text)
        where_at = addresses(piece.source.ordinal, records.positions)
        if not sketches.valid.all():
            totals.take_bad_texts(piece, where_at, sketches.valid, text, strict=self.config.strict)
        totals.documents_in += table.num_rows
        totals.rows += int(sketches.valid.sum())
        totals.bytes += int(sketches.num_bytes[sketches.valid].sum(dtype=np.int64))
        if self.watch is not None:
            totals.watched += where_at[self.watch(text, sketches.valid)].tolist()
        priority = self._priority(piece, table, sketches)
        return _batch(where_at, sketches, priority, self._eligible(table), self._ids(table), self.config.minhash)

    def _eligible(self, table: pa.Table) -> pa.Array:
        if not self.config.where:
            return pa.array(np.ones(table.num_rows, np.bool_))
        return condition_holds(table, self.config.where)

    def _sketch(self, text: pa.Array) -> Sketches:
        """Sketch the texts as they are in NFC, so that two ways to write a character are one; lengths are their own."""
        sketches = self._sketch_as_it_is(text)
        rows = np.flatnonzero(sketches.may_change)
        if len(rows):
            asked = text.take(pa.array(rows))
            changed = np.flatnonzero(may_change(asked))
            rows, asked = rows[changed], asked.take(pa.array(changed))
        if len(rows):
            normal = self._sketch_as_it_is(nfc(asked))
            for name in ("num_words", "text_hash", "bands", "sketch"):
                getattr(sketches, name)[rows] = getattr(normal, name)
        return sketches

    def _sketch_as_it_is(self, text: pa.Array) -> Sketches:
        if self.config.tokenizer:
            ids, offsets = _token_ids(self.config.tokenizer, text)
        elif self.config.words == "code":
            ids, offsets = code_of(text)
        else:
            return sketch_texts(text, self.config.minhash)
        return sketch_tokens(ids, offsets, text, self.config.minhash)

    def _priority(self, piece: Piece, table: pa.Table, sketches: Sketches) -> npt.NDArray[np.float64]:
        kind, _, column = self.config.priority.partition(":")
        if kind == "first":
            return np.zeros(table.num_rows, np.float64)
        if kind == "longest":
            return sketches.num_bytes.astype(np.float64)
        if column not in table.column_names and not format_for(piece.source).knows_schema:
            return np.full(table.num_rows, -np.inf)
        check_number_column(table.schema, column, piece.source.uri)
        values = pc.fill_null(table[column].cast(pa.float64(), safe=False), -np.inf)
        return np.asarray(values.to_numpy(), np.float64)

    def _ids(self, table: pa.Table) -> pa.Array:
        if self.config.id_column not in table.column_names:
            return pa.nulls(table.num_rows, pa.string())
        return as_ids(table[self.config.id_column])

    def _commit_quarantine(self, number: int, totals: "_Totals") -> None:
        if totals.quarantine:
            table = pa.concat_tables(totals.quarantine).sort_by("address")
            with self.work.folder.create(quarantine_name(number)) as sink:
                write_table(sink, table)


class _Totals:
    """What one task has met so far."""

    def __init__(self, number: int, source: str) -> None:
        self.number = number
        self.source = source
        self.documents_in = 0
        self.rows = 0
        self.bytes = 0
        self.quarantine: list[pa.Table] = []
        self.schemas: list[pa.Schema] = []
        self.reasons: dict[str, int] = {}
        self.watched: list[int] = []
        self.inexact: dict[Path, int] = {}

    def take_bad_lines(self, piece: Piece, records: Records, *, strict: bool) -> None:
        if not records.bad:
            return
        self.documents_in += len(records.bad)
        positions = np.array([line.position for line in records.bad], np.uint64)
        self._quarantine(
            piece,
            addresses(piece.source.ordinal, positions),
            pa.array([line.reason for line in records.bad]),
            pa.array([line.detail for line in records.bad]),
            pa.array([line.raw for line in records.bad], pa.binary()),
            strict=strict,
        )

    def take_bad_texts(
        self,
        piece: Piece,
        where_at: npt.NDArray[np.uint64],
        valid: npt.NDArray[np.bool_],
        text: pa.Array,
        *,
        strict: bool,
    ) -> None:
        bad = np.flatnonzero(~valid)
        is_null = text.is_null().take(pa.array(bad))
        self._quarantine(
            piece,
            where_at[bad],
            pc.if_else(is_null, "null_text", "invalid_utf8"),
            pc.if_else(is_null, "the text is null or missing", "the text is not valid UTF-8"),
            pa.nulls(len(bad), pa.binary()),
            strict=strict,
        )

    def _quarantine(
        self,
        piece: Piece,
        where_at: npt.NDArray[np.uint64],
        reasons: pa.Array,
        details: pa.Array,
        raw: pa.Array,
        *,
        strict: bool,
    ) -> None:
        if strict:
            unit = format_for(piece.source).unit
            raise CorpusError(
                f"{piece.source.uri}: {unit} {position_of(int(where_at[0]))}: {reasons[0]}: {details[0]}; "
                "mend the record, or run without --strict to quarantine it"
            )
        for counted in pc.value_counts(reasons).to_pylist():
            self.reasons[counted["values"]] = self.reasons.get(counted["values"], 0) + counted["counts"]
        self.quarantine.append(pa.table([pa.array(where_at), reasons, details, raw], schema=QUARANTINED))

    def summary(self) -> dict[str, Any]:
        merged = merge_schemas([(self.source, schema) for schema in self.schemas]) if self.schemas else None
        return {
            "task": self.number,
            "source": self.source,
            "documents_in": self.documents_in,
            "rows": self.rows,
            "bytes": self.bytes,
            "quarantined": self.reasons,
            "watched": self.watched,
            "inexact": [[list(path), value] for path, value in self.inexact.items()],
            "schema": None if merged is None else merged.serialize().to_pybytes().hex(),
        }


def _batch(
    where_at: npt.NDArray[np.uint64],
    sketches: Sketches,
    priority: npt.NDArray[np.float64],
    eligible: pa.Array,
    ids: pa.Array,
    minhash: MinHashConfig,
) -> pa.RecordBatch:
    rows = len(where_at)
    bands = np.ascontiguousarray(sketches.bands.T)
    batch = pa.record_batch(
        [
            pa.array(where_at),
            pa.array(sketches.num_bytes.astype(np.uint32, copy=False)),
            _fixed(sketches.text_hash, 16, rows),
            pa.array(priority),
            eligible,
            ids,
            *(pa.array(bands[band]) for band in range(minhash.bands)),
            _fixed(sketches.sketch, minhash.num_perm, rows),
        ],
        schema=summaries(minhash.bands, minhash.num_perm),
    )
    return batch if sketches.valid.all() else batch.filter(pa.array(sketches.valid))


def _fixed(values: npt.NDArray[Any], width: int, rows: int) -> pa.Array:
    buffer = pa.py_buffer(np.ascontiguousarray(values))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), rows, [None, buffer])


def as_ids(column: pa.ChunkedArray) -> pa.Array:
    """Ids of any type as strings: null where a type has no such form, U+FFFD where bytes are not UTF-8.

    UUIDs have their usual form of 32 hexadecimal digits with four hyphens.
    """
    if isinstance(column.type, pa.UuidType):
        return _uuids(column)
    column = stored(column)
    try:
        ids = column.cast(pa.string()).combine_chunks()
    except pa.ArrowException:
        return pa.nulls(len(column), pa.string())
    try:
        ids.validate(full=True)
    except pa.ArrowInvalid:
        raw = ids.cast(pa.binary()).to_pylist()
        return pa.array([None if one is None else one.decode(errors="replace") for one in raw], pa.string())
    return ids


def _uuids(column: pa.ChunkedArray) -> pa.Array:
    digits = pl.Series(stored(column).cast(pa.binary()).to_pylist(), dtype=pl.Binary).bin.encode("hex").to_arrow()
    borders = (0, 8, 12, 16, 20, 32)
    parts = [pc.utf8_slice_codeunits(digits, lo, hi) for lo, hi in pairwise(borders)]
    return pc.binary_join_element_wise(*parts, "-").cast(pa.string())


@lru_cache(maxsize=4)
def _load_tokenizer(path: str) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_file(str(fetched(path)))
    except Exception as error:
        raise CorpusError(f"{path}: cannot be read as a tokenizers file ({error}); give a tokenizer.json") from error


def _token_ids(path: str, text: pa.Array) -> tuple[npt.NDArray[np.uint32], npt.NDArray[np.int64]]:
    texts = [value or "" for value in text.to_pylist()]
    encoded = _load_tokenizer(path).encode_batch_fast(texts, add_special_tokens=False)
    lengths = np.array([len(one) for one in encoded], np.int64)
    offsets = offsets_of(lengths)
    ids = np.fromiter((token for one in encoded for token in one.ids), np.uint32, int(offsets[-1]))
    return ids, offsets
