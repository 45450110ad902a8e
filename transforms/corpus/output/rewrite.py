"""REWRITE: stream the text a second time, apply the plan, write shards."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.folders import HashingFile
from transforms.base.runs import Work, pretty_json
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.base.texts import text_sizes
from transforms.corpus.input.addresses import POSITION_BITS, addresses, file_of, position_of
from transforms.corpus.input.columns import as_strings
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece, Records, read_piece
from transforms.corpus.input.sources import Source
from transforms.corpus.output.edits import Edits, read_edits
from transforms.corpus.output.names import edits_name, shard_name
from transforms.corpus.output.shards import END, Shard, group_for_tasks
from transforms.corpus.output.sink import ParquetFormat, ShardWriter
from transforms.corpus.output.utf8 import rows_not_utf8
from transforms.corpus.types.conform import conform

_POSITION = (1 << POSITION_BITS) - 1


@dataclass(frozen=True)
class RewriteConfig:
    """What a rewrite needs to know.

    Attributes:
        sources: all input files, by ordinal.
        schema: the output's columns, serialised: schemas do not pickle with their metadata everywhere.
        layout: how shards are written.
        split: name of the split, in the files' names.
        shards: number of shards of the whole output.
        strict: text that is not UTF-8, in whatever column, is an error.
    """

    sources: tuple[Source, ...]
    schema: bytes
    layout: ParquetFormat
    split: str
    shards: int
    strict: bool = False

    def arrow_schema(self) -> pa.Schema:
        """The output's columns."""
        return pa.ipc.read_schema(pa.py_buffer(self.schema))


class ShardEditor(Protocol):
    """Changes the kept documents of one shard as they stream by."""

    def edit(self, where: npt.NDArray[np.uint64], table: pa.Table) -> pa.Table:
        """What takes the place of `table`, whose documents have the addresses `where` (ascending).

        The same object if nothing changes; columns and types stay as they are.
        """

    def close(self) -> None:
        """Commit what is to be known of the changes, once the shard's last document was edited."""


class Editor(Protocol):
    """Makes the editor of each shard; it travels to the workers."""

    def open(self, shard: Shard) -> ShardEditor:
        """The editor of a shard that is about to be written."""


@dataclass(frozen=True)
class Expected:
    """What a rewrite must find: documents in the input, how many are kept, and how many are added to them."""

    documents_in: int
    kept: int
    added: int = 0


@dataclass(frozen=True)
class RewriteTask:
    """Neighbouring shards that one task writes."""

    number: int
    shards: tuple[Shard, ...]


class RewriteCorpus(beam.PTransform):
    """Shards of a plan -> one committed summary, by way of the written shards."""

    def __init__(
        self,
        shards: Sequence[Shard],
        config: RewriteConfig,
        work: Work,
        expected: Expected,
        threads: int,
        editor: Editor | None = None,
    ) -> None:
        super().__init__("Rewrite the corpus")
        compressed = [source.ordinal for source in config.sources if source.compression]
        groups = group_for_tasks(shards, compressed)
        self._tasks = [RewriteTask(number, tuple(group)) for number, group in enumerate(groups)]
        self._rewrite = _Rewrite(config, work, editor)
        self._commit = _Commit(work, expected)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Write the shards; check that no document was lost."""
        return (
            pbegin
            | RunTasks(self._tasks, self._rewrite, self._threads, "Rewrite shards")
            | CommitOnce(self._commit, "Check conservation")
        )


@dataclass(frozen=True)
class _Commit:
    work: Work
    expected: Expected

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        shards = [shard for result in results for shard in result["shards"]]
        written, kept, removed = (sum(shard[key] for shard in shards) for key in ("rows", "kept", "removed"))
        expected = self.expected
        if kept != expected.kept or kept + removed != expected.documents_in or written != kept + expected.added:
            raise CorpusError(
                f"{expected.documents_in:,} documents were read, but {kept:,} were written and {removed:,} taken out, "
                f"where the plan keeps {expected.kept:,}: the input changed meanwhile; run again"
            )
        return self.work.commit("rewrite", {"shards": shards, "rows": written, "removed": removed})


@dataclass(frozen=True)
class _Rewrite:
    """Write neighbouring shards in one pass over their part of the input, unless that was done already."""

    config: RewriteConfig
    work: Work
    editor: Editor | None

    def __call__(self, task: RewriteTask) -> dict[str, Any]:
        receipts = [self._receipt(shard) for shard in task.shards]
        if any(receipt is None for receipt in receipts):
            receipts = list(self._write(task))
        return {"task": task.number, "shards": receipts}

    def _receipt(self, shard: Shard) -> dict[str, Any] | None:
        name = _receipt_name(shard)
        if not self.work.folder.exists(name):
            return None
        receipt: dict[str, Any] = json.loads(self.work.folder.read(name))
        return receipt if self.work.output.size_of(receipt["path"]) == receipt["bytes"] else None

    def _write(self, task: RewriteTask) -> Iterator[dict[str, Any]]:
        schema = self.config.arrow_schema()
        edits = [read_edits(self.work.folder, edits_name(shard.ordinal)) for shard in task.shards]
        everything = Edits(np.concatenate([one.removed for one in edits]))
        stream = _Rerunnable(self._records(task, everything, schema))
        for shard, own in zip(task.shards, edits, strict=True):
            name = shard_name(self.config.split, shard.ordinal, self.config.shards)
            with self.work.output.create(name) as sink:
                rows, text_bytes, not_utf8 = self._write_shard(sink, shard, own, stream, schema)
            receipt = {
                "path": name,
                "rows": rows,
                "kept": shard.rows,
                "removed": len(own.removed),
                "bytes": sink.size,
                "text_bytes": text_bytes,
                "sha256": sink.sha256,
                "not_utf8": not_utf8,
            }
            self.work.folder.write(_receipt_name(shard), pretty_json(receipt))
            yield receipt

    def _write_shard(
        self, sink: HashingFile, shard: Shard, edits: Edits, stream: "_Rerunnable", schema: pa.Schema
    ) -> tuple[int, int, dict[str, list[int]]]:
        """Write one shard; returns its documents, their text in bytes, and by column what is not UTF-8.

        Of a column with text that is not UTF-8 these are the number of documents and the address of the first one.

        Raises:
            CorpusError: if what is kept of the input is not what the scan met.
        """
        writer = ShardWriter(sink, schema, self.config.layout)
        editor = None if self.editor is None else self.editor.open(shard)
        name = self.config.layout.text_column
        rows = text_bytes = 0
        not_utf8: dict[str, list[int]] = {}
        for where, table in stream.until(shard.hi):
            keep = edits.kept(where)
            kept = table if keep.all() else table.filter(pa.array(keep))
            if not kept.num_rows:
                continue
            sizes = text_sizes(as_strings(kept[name]))
            self._look_for_bad_text(where[keep], kept, not_utf8)
            rows, text_bytes = rows + kept.num_rows, text_bytes + int(sizes.sum(dtype=np.int64))
            if editor is not None:
                edited = editor.edit(where[keep], kept)
                kept, sizes = edited, sizes if edited is kept else text_sizes(as_strings(edited[name]))
            writer.write(kept, sizes)
        if (rows, text_bytes) != (shard.rows, shard.text_bytes):
            raise CorpusError(
                f"shard {shard.ordinal}: {rows:,} documents of {text_bytes:,} bytes were read where the scan "
                f"met {shard.rows:,} of {shard.text_bytes:,}: the input changed during the run; run again"
            )
        writer.close()
        if editor is not None:
            editor.close()
        return writer.rows, writer.text_bytes, not_utf8

    def _look_for_bad_text(
        self, where: npt.NDArray[np.uint64], table: pa.Table, not_utf8: dict[str, list[int]]
    ) -> None:
        """Count documents with text that is not UTF-8 in other columns than the text, whose own were quarantined.

        Raises:
            CorpusError: for the first of them, if `strict`.
        """
        for name in table.column_names:
            bad = np.empty(0, np.int64) if name == self.config.layout.text_column else rows_not_utf8(table[name])
            if not len(bad):
                continue
            first = int(where[bad[0]])
            if self.config.strict:
                source = self.config.sources[file_of(first)]
                raise CorpusError(
                    f"{source.uri}: {format_for(source).unit} {position_of(first)}: column {name!r} holds text that is "
                    "not valid UTF-8; mend it, or run without --strict to keep it as it is"
                )
            found = not_utf8.setdefault(name, [0, first])
            found[0] += len(bad)

    def _records(self, task: RewriteTask, edits: Edits, schema: pa.Schema) -> Iterator[tuple[Any, pa.Table]]:
        for piece in _pieces(self.config.sources, task.shards[0].lo, task.shards[-1].hi):
            skip = edits.positions(piece.source.ordinal)
            for records in read_piece(piece, schema=schema, skip=skip):
                self._refuse_new_faults(piece, records)
                yield (
                    addresses(piece.source.ordinal, records.positions),
                    conform(records.table, schema, piece.source.uri),
                )

    def _refuse_new_faults(self, piece: Piece, records: Records) -> None:
        if records.bad:
            line, unit = records.bad[0], format_for(piece.source).unit
            raise CorpusError(
                f"{piece.source.uri}: the {unit} {line.position} was sound in the scan and is not now "
                f"({line.detail}): the input changed during the run; run again"
            )


class _Rerunnable:
    """A stream of (addresses, table) that is handed out in stretches of addresses."""

    def __init__(self, records: Iterator[tuple[Any, pa.Table]]) -> None:
        self._records = records
        self._left: tuple[Any, pa.Table] | None = None

    def until(self, hi: int) -> Iterator[tuple[Any, pa.Table]]:
        """What remains below address `hi`."""
        while (found := self._left or next(self._records, None)) is not None:
            where, table = found
            self._left = None
            cut = len(where) if hi == END else int(np.searchsorted(where, np.uint64(hi)))
            if cut:
                yield where[:cut], table.slice(0, cut)
            if cut < len(where):
                self._left = (where[cut:], table.slice(cut))
                return


def _receipt_name(shard: Shard) -> str:
    return f"rewrite/{shard.ordinal:06d}.json"


def _pieces(sources: Sequence[Source], lo: int, hi: int) -> Iterator[Piece]:
    """The parts of the input with addresses from `lo` to below `hi`."""
    first, last = lo >> POSITION_BITS, hi >> POSITION_BITS
    for source in sources[first : last + 1]:
        begin = lo & _POSITION if source.ordinal == first else 0
        end = hi & _POSITION if source.ordinal == last and hi != END else None
        if end != 0:
            yield Piece(source, begin, None if source.compression else end, source.size)
