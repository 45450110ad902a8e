"""What formats have in common whose files say their columns and count their rows before any of them is read."""

import abc
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.corpus.input.format import Format, Piece, Records, Source
from transforms.corpus.types.conform import conform


class RowFormat(Format):
    """Rows of files with a schema of their own; pieces are whole groups of rows as they lie in the file.

    A class that derives from this one needs `name`, `suffixes`, `schema`, `rows`, `groups` and `tables`.
    """

    knows_schema = True

    @abc.abstractmethod
    def groups(self, source: Source, column: str, target: int) -> Iterable[tuple[int, int]]:
        """(rows, bytes) of what is best read as a whole, in order; `column` and `target` as for `divide`."""

    @abc.abstractmethod
    def tables(self, piece: Piece, hi: int, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """The rows `piece.lo` <= r < `hi` in order, in batches of some megabytes, in the file's own types."""

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        """Neighbouring groups, up to `target` bytes together."""
        pieces: list[Piece] = []
        lo = hi = size = 0
        for rows, in_group in self.groups(source, column, target):
            if hi > lo and size + in_group > target:
                pieces.append(Piece(source, lo, hi, size))
                lo, size = hi, 0
            hi, size = hi + rows, size + in_group
        if hi > lo:
            pieces.append(Piece(source, lo, hi, size))
        return pieces

    def read(
        self,
        piece: Piece,
        *,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        skip: npt.NDArray[np.uint64] | None = None,
    ) -> Iterator[Records]:
        """Batches of about 4 MB in the types of `schema(source)`; rows are not skipped."""
        del schema, skip
        own = self.schema(piece.source)
        wanted = own if columns is None else pa.schema([field for field in own if field.name in columns])
        hi = self.rows(piece.source) or 0
        at = piece.lo
        names = None if columns is None else wanted.names
        for table in self.tables(piece, hi if piece.hi is None else min(piece.hi, hi), names):
            yield Records(np.arange(at, at + table.num_rows, dtype=np.uint64), conform(table, wanted, piece.source.uri))
            at += table.num_rows


def refuse_unwritable(schema: pa.Schema, where: str) -> None:
    """Raise `CorpusError`, naming the column, unless Parquet, the output, can hold every column."""
    for field in schema:
        reason = _why_unwritable(field)
        if reason is not None:
            raise CorpusError(
                f"{where}: column {field.name!r} has type {field.type}, which Parquet, the output, cannot hold"
                f"{reason}: convert it or leave it out"
            )


@lru_cache(maxsize=4096)
def _why_unwritable(field: pa.Field) -> str | None:
    schema = pa.schema([field.with_name("x")])
    sink = pa.BufferOutputStream()
    try:
        with pq.ParquetWriter(sink, schema) as writer:
            writer.write_table(pa.table([pa.nulls(1, field.type)], schema=schema) if field.nullable else _none(schema))
        found = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema_arrow.field(0).type
    except (pa.ArrowException, OSError):
        return ""
    return None if found.equals(field.type) else f" (it would come back as {found})"


def _none(schema: pa.Schema) -> pa.Table:
    return pa.Table.from_batches([], schema)
