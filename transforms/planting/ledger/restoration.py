"""The corpus as it was before planting: shard by shard, checked document by document."""

import functools
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from transforms.base.errors import SealError
from transforms.base.folders import Folder
from transforms.base.runs import Work, pretty_json
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.base.texts import Texts, text_sizes
from transforms.corpus.input.columns import as_strings
from transforms.corpus.input.pieces import BATCH_ROWS
from transforms.corpus.output.sink import ParquetFormat, ShardWriter
from transforms.corpus.types.conform import conform
from transforms.corpus.types.footer import OPTIONS, stored_schema
from transforms.planting import folder as names
from transforms.planting.columns.followers import Follower
from transforms.planting.columns.recompute import recompute
from transforms.planting.insertion.editor import DOCUMENT
from transforms.planting.insertion.splice import cut
from transforms.planting.ledger.ledger import check_ledger
from transforms.planting.work import SecretWork, read_secret


@dataclass(frozen=True)
class PlantedShard:
    """One shard of a planted corpus, as its manifest lists it."""

    number: int
    path: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class RestoreConfig:
    """What workers need to restore; it holds no secret and no path of one.

    Attributes:
        source: the planted corpus.
        layout: how its shards were written, and so how the restored ones are.
        followers: columns that were made again where the text changed.
    """

    source: Folder
    layout: ParquetFormat
    followers: tuple[Follower, ...]


class RestoreCorpus(beam.PTransform):
    """Shards of a planted corpus -> one committed summary, by way of the restored shards."""

    def __init__(self, shards: Sequence[PlantedShard], config: RestoreConfig, work: Work, threads: int) -> None:
        super().__init__("Restore the corpus")
        self._shards = list(shards)
        self._restore = _Restore(config, work, SecretWork(work.run))
        self._commit = _Commit(work)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Restore the shards; commit what they hold together."""
        return (
            pbegin
            | RunTasks(self._shards, self._restore, self._threads, "Restore shards")
            | CommitOnce(self._commit, "Commit the restoration")
        )


@dataclass(frozen=True)
class _Commit:
    work: Work

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        return self.work.commit("restore", {"shards": [result["shard"] for result in results]})


@dataclass(frozen=True)
class _Restore:
    """Write one shard without what was planted into it, unless that was done already."""

    config: RestoreConfig
    work: Work
    secrets: SecretWork

    def __call__(self, shard: PlantedShard) -> dict[str, Any]:
        name = f"restore/{shard.number:06d}.json"
        if self.work.folder.exists(name):
            receipt = json.loads(self.work.folder.read(name))
            if self.work.output.size_of(receipt["path"]) == receipt["bytes"]:
                return {"task": shard.number, "shard": receipt}
        receipt = self._write(shard)
        self.work.folder.write(name, pretty_json(receipt))
        return {"task": shard.number, "shard": receipt}

    def _write(self, shard: PlantedShard) -> dict[str, Any]:
        """Write a shard.

        Raises:
            SealError: if it is not the shard that was planted, be it no Parquet file at all.
        """
        try:
            return self._restored(shard)
        except (pa.ArrowException, OSError):
            refuse_changed_file(self.config.source, shard.path, shard.sha256)
            raise

    def _restored(self, shard: PlantedShard) -> dict[str, Any]:
        planted = _Planted(_ledger_for(self.secrets, shard.number), shard, self.config)
        with self.config.source.open(shard.path) as stream, self.work.output.create(shard.path) as sink:
            file = pq.ParquetFile(stream, **OPTIONS)
            if file.metadata.num_rows != shard.rows:
                raise SealError(f"{shard.path}: has {file.metadata.num_rows:,} rows, its manifest says {shard.rows:,}")
            schema = stored_schema(file)
            writer = ShardWriter(sink, schema, self.config.layout)
            row = 0
            for batch in file.iter_batches(BATCH_ROWS, use_threads=False):
                table = planted.without(row, conform(pa.Table.from_batches([batch]), schema, shard.path))
                row += batch.num_rows
                if table.num_rows:
                    writer.write(table, text_sizes(as_strings(table[self.config.layout.text_column])))
            writer.close()
        receipt = {"path": shard.path, "rows": writer.rows, "text_bytes": writer.text_bytes}
        refuse_changed_file(self.config.source, shard.path, shard.sha256)
        return {**receipt, "bytes": sink.size, "sha256": sink.sha256}


def refuse_changed_file(source: Folder, name: str, sha256: object) -> None:
    """Check that a file of a planted corpus is the one that its manifest lists.

    Raises:
        SealError: if it is missing, cannot be read, or has another sha256.
    """
    advice = "give the output of trapline prepare, whole and unchanged"
    try:
        if not source.exists(name):
            raise SealError(f"{source.at(name)}: is missing, though the manifest lists it: {advice}")
        found = source.sha256_of(name)
    except OSError as error:
        raise SealError(f"{source.at(name)}: cannot be read ({error}): {advice}") from error
    if found != sha256:
        raise SealError(f"{name}: is not the file that was planted: its sha256 is not the manifest's; {advice}")


@functools.lru_cache(maxsize=1)
def read_ledger(secrets: str) -> pa.Table:
    """The ledger in a folder of secrets.

    Raises:
        SealError, SchemaMismatchError: if it cannot be read, or is none.
    """
    table = read_secret(Path(secrets) / names.LEDGER, names.LEDGER).combine_chunks()
    check_ledger(table.schema)
    return table


def write_ledger_parts(secrets: SecretWork, ledger: pa.Table, shards: Sequence[PlantedShard]) -> None:
    """Write the rows of each shard for the worker that restores it, where workers do not share the secrets."""
    for shard in shards:
        own = ledger.filter(pc.equal(ledger["shard"], shard.number))
        secrets.write(_part(shard.number), names.parquet(own))


def _part(shard: int) -> str:
    return f"restore/{shard:06d}.parquet"


def _ledger_for(secrets: SecretWork, shard: int) -> pa.Table:
    """A ledger with at least the rows of one shard."""
    if secrets.local:
        return read_ledger(str(secrets.secrets))
    table = secrets.read(_part(shard)).combine_chunks()
    check_ledger(table.schema)
    return table


class _Planted:
    """What was planted into one shard."""

    def __init__(self, ledger: pa.Table, shard: PlantedShard, config: RestoreConfig) -> None:
        own = ledger.filter(pc.equal(ledger["shard"], shard.number)).sort_by(
            [("row", "ascending"), ("byte_offset", "ascending")]
        )
        self._path, self._config = shard.path, config
        self._own = own.combine_chunks()
        self._rows = own["row"].to_numpy()
        self._added = pc.equal(own["boundary"], DOCUMENT).to_numpy()
        if len(self._rows) and (self._rows[0] < 0 or self._rows[-1] >= shard.rows):
            raise SealError(f"{shard.path}: the ledger names row {int(self._rows[-1]):,}, there are {shard.rows:,}")

    def without(self, first: int, table: pa.Table) -> pa.Table:
        """The documents of rows `first` ... as they were before.

        Raises:
            SealError: naming shard and row of the first document that is not the one of the ledger.
        """
        lo, hi = np.searchsorted(self._rows, [first, first + table.num_rows])
        if lo == hi:
            return table
        column = table.column_names.index(self._config.layout.text_column)
        texts = Texts.of(as_strings(table.column(column)))
        rows = self._rows[lo:hi] - first
        self._compare("sha256_after", texts, rows, lo, first)
        inside = np.flatnonzero(~self._added[lo:hi])
        if len(inside):
            table = self._cut(table, column, texts, rows[inside], lo + inside, first)
        keep = np.ones(table.num_rows, np.bool_)
        keep[rows[self._added[lo:hi]]] = False
        return table if keep.all() else table.filter(pa.array(keep))

    def _cut(
        self,
        table: pa.Table,
        column: int,
        texts: Texts,
        rows: npt.NDArray[np.int64],
        own: npt.NDArray[np.int64],
        first: int,
    ) -> pa.Table:
        lead, tail = (
            np.array([len(one.encode()) for one in self._own[name].take(pa.array(own)).to_pylist()], np.int64)
            for name in ("lead", "tail")
        )
        begins = self._own["byte_offset"].to_numpy()[own] - lead
        lengths = lead + self._own["bytes"].to_numpy()[own] + tail
        restored = cut(texts, rows, begins, lengths)
        documents, at = np.unique(rows, return_index=True)
        self._compare("sha256_before", restored, documents, own[at], first)
        field = table.schema.field(column)
        array = restored.array()
        table = table.set_column(column, field, array if array.type == field.type else array.cast(field.type))
        before, after = ([side.one(row) for row in documents.tolist()] for side in (texts, restored))
        bits = self._own["recomputed"].to_numpy()[own[at]]
        for bit, follower in enumerate(self._config.followers):
            changed = np.flatnonzero(bits >> np.uint32(bit) & np.uint32(1)).tolist()
            table, _ = recompute(
                table,
                documents[changed].tolist(),
                [before[k] for k in changed],
                [after[k] for k in changed],
                (follower,),
            )
        return table

    def _compare(
        self,
        name: str,
        texts: Texts,
        rows: npt.NDArray[np.int64],
        own: npt.NDArray[np.int64] | np.int64,
        first: int,
    ) -> None:
        """Check the hash of each text in `rows` against the ledger's rows `own` (or from `own` on)."""
        where = np.arange(len(rows)) + own if np.ndim(own) == 0 else np.asarray(own)
        wanted = self._own[name].take(pa.array(where)).to_pylist()
        for row, sha256 in zip(rows.tolist(), wanted, strict=True):
            if hashlib.sha256(texts.one(row)).digest() != sha256:
                state = "is not the one that was planted" if name == "sha256_after" else "does not come out as it was"
                raise SealError(
                    f"{self._path}: row {first + row:,}: the document {state}: ledger and corpus do not go together"
                )
