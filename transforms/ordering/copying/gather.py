"""GATHER, the second pass of an order: put the rows of each bin in their order and write the shards."""

import contextlib
import json
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.ordered import ORDERED
from transforms.base.errors import CorpusError
from transforms.base.folders import HashingFile
from transforms.base.runs import pretty_json
from transforms.base.tasks import CommitOnce, RunTasks
from transforms.base.texts import text_sizes
from transforms.corpus.input.columns import as_strings
from transforms.corpus.output.names import shard_name
from transforms.corpus.output.sink import ShardWriter, write_table
from transforms.corpus.types.conform import conform
from transforms.ordering.copying.blocks import BlockReader, blocks_of
from transforms.ordering.copying.job import OrderJob
from transforms.ordering.copying.rearrange import Arranged, Scratch, thread_scratch, together
from transforms.ordering.copying.row_hash import row_hashes
from transforms.ordering.copying.tokens import TokenWriter, tokens_name


class GatherShards(beam.PTransform):
    """Shards of an order -> one committed summary, by way of the written shards."""

    def __init__(self, job: OrderJob, spread: dict[str, Any], threads: int) -> None:
        super().__init__("Gather the shards")
        self._job = job
        self._commit = _Commit(job, spread)
        self._threads = threads

    def expand(self, pbegin: Any) -> beam.PCollection[dict[str, Any]]:
        """Write the shards; check that they hold the rows of the input."""
        shards = list(range(len(self._job.layout.shards) - 1))
        return (
            pbegin
            | RunTasks(shards, _Gather(self._job), self._threads, "Write shards")
            | CommitOnce(self._commit, "Check conservation")
        )


@dataclass(frozen=True)
class _Commit:
    job: OrderJob
    spread: dict[str, Any]

    def __call__(self, results: list[dict[str, Any]]) -> dict[str, Any]:
        shards = [result["shard"] for result in results]
        rows = sum(shard["rows"] for shard in shards)
        total = f"{sum(int(result['row_hash'], 16) for result in results) % 2**64:016x}"
        if (rows, total) != (self.spread["seen"], self.spread["row_hash"]):
            raise CorpusError(
                f"{rows:,} rows were written where {self.spread['seen']:,} were to be, or others than were read: the "
                "work folder was changed; run with --overwrite"
            )
        files = [file for result in results for file in result["files"]]
        return self.job.work.commit("gather", {"shards": shards, "files": files, "row_hash": total})


def documents_name(split: str, shard: int, shards: int) -> str:
    """The table of a shard's documents in the output folder."""
    return f"documents/{shard_name(split, shard, shards).partition('/')[2]}"


@dataclass(frozen=True)
class _Gather:
    """Write one shard with all that goes with it, unless that was done already."""

    job: OrderJob

    def __call__(self, shard: int) -> dict[str, Any]:
        receipt, folder = f"gather/{shard:06d}.json", self.job.work.folder
        if not folder.exists(receipt):
            folder.write(receipt, pretty_json(self._write(shard)))
        found: dict[str, Any] = json.loads(folder.read(receipt))
        return {"task": shard, **found}

    def _write(self, shard: int) -> dict[str, Any]:
        job = self.job
        shards = len(job.layout.shards) - 1
        name, split = shard_name(job.split, shard, shards), job.split
        with contextlib.ExitStack() as stack:
            sink = stack.enter_context(job.work.output.create(name))
            tokens = None
            if job.tokens is not None:
                bin_name = tokens_name(split, shard, shards, ".bin")
                tokens = TokenWriter(stack.enter_context(job.work.output.create(bin_name)), job.tokens)
            written, addresses, total = self._write_rows(shard, sink, tokens)
        files = [] if tokens is None else self._describe_tokens(shard, tokens)
        files.append(self._write_documents(documents_name(split, shard, shards), addresses, tokens))
        listed = {
            "path": name,
            "rows": written.rows,
            "bytes": sink.size,
            "text_bytes": written.text_bytes,
            "sha256": sink.sha256,
        }
        return {"shard": listed, "files": files, "row_hash": f"{total:016x}"}

    def _write_rows(
        self, shard: int, sink: HashingFile, tokens: TokenWriter | None
    ) -> tuple[ShardWriter, npt.NDArray[np.uint64], int]:
        """The finished writer of a shard, the addresses of its rows, and the sum of their hashes."""
        job, schema = self.job, self.job.arrow_schema()
        scratch = thread_scratch()
        writer = ShardWriter(sink, schema, job.parquet, lambda parts: together(parts, scratch))
        blocks, reader = blocks_of(job.work.folder, shard), BlockReader(job.work.folder)
        addresses, total = [np.empty(0, np.uint64)], 0
        for number in job.layout.bins_of(shard):
            lo, hi = job.layout.bins[number], job.layout.bins[number + 1]
            if lo == hi:
                continue
            found = reader.read(blocks.get(number, []), lo, hi, schema.names)
            rows = replace(found.rows, tables=tuple(self._conformed(table, schema) for table in found.rows.tables))
            whole = pa.concat_tables(rows.tables)
            total += int(row_hashes(whole).sum(dtype=np.uint64))
            texts = whole[job.parquet.text_column]
            sizes = [text_sizes(as_strings(pa.chunked_array([chunk]))) for chunk in texts.chunks]
            writer.append(rows, np.concatenate(sizes)[rows.order], writer.other_bytes(whole)[rows.order])
            if tokens is not None:
                ordered = Arranged(tuple(table.select([job.parquet.text_column]) for table in rows.tables), rows.order)
                tokens.write(as_strings(ordered.table(Scratch())[0]), found.addresses)
            addresses.append(found.addresses)
        writer.close()
        return writer, np.concatenate(addresses), total % 2**64

    def _conformed(self, table: pa.Table, schema: pa.Schema) -> pa.Table:
        return conform(table, schema, self.job.work.folder.uri)

    def _describe_tokens(self, shard: int, tokens: TokenWriter) -> list[dict[str, Any]]:
        job, shards = self.job, len(self.job.layout.shards) - 1
        names = [tokens_name(job.split, shard, shards, suffix) for suffix in (".bin", ".idx")]
        with job.work.output.create(names[1]) as index:
            index.write(tokens.index())
        sinks = (tokens.sink, index)
        return [_file(name, len(tokens.lengths), sink) for name, sink in zip(names, sinks, strict=True)]

    def _write_documents(
        self, name: str, addresses: npt.NDArray[np.uint64], tokens: TokenWriter | None
    ) -> dict[str, Any]:
        nothing = pa.nulls(len(addresses), pa.int64())
        columns = [nothing, nothing] if tokens is None else [pa.array(tokens.starts), pa.array(tokens.lengths)]
        with self.job.work.output.create(name) as sink:
            write_table(sink, pa.table([pa.array(addresses), *columns], schema=ORDERED))
        return _file(name, len(addresses), sink)


def _file(name: str, rows: int, sink: HashingFile) -> dict[str, Any]:
    return {"path": name, "rows": rows, "bytes": sink.size, "sha256": sink.sha256}
