"""The input of an order: what is known of it before its text is read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from pipelines.corpus.input import metadata_of
from pipelines.running import output as outputs
from transforms.base.errors import CorpusError
from transforms.corpus.input.columns import check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for, schema_of, schemas_known
from transforms.corpus.input.merged_schema import together
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import Source, list_sources
from transforms.corpus.output.features import as_written
from transforms.corpus.types.metadata import with_single_field_ids
from transforms.ordering.planning.shuffle import Rows

if TYPE_CHECKING:
    from pipelines.order import OrderConfig

_TASKS = 64
"""Pieces of the input: each writes a block for every bin, and few large blocks cost less than many small ones."""


@dataclass(frozen=True)
class OrderInput:
    """Files with rows that are counted before they are read.

    Attributes:
        patterns: what names them.
        sources: the files.
        pieces: of them, one per task of the first pass.
        starts: int64[files + 1], rows before each file, and of all.
        schema: columns of the output, with metadata.
        text_bytes: an estimate of the text.
    """

    patterns: tuple[str, ...]
    sources: tuple[Source, ...]
    pieces: tuple[Piece, ...]
    starts: Rows
    schema: pa.Schema
    text_bytes: int

    @property
    def rows(self) -> int:
        """Of all files."""
        return int(self.starts[-1])

    def piece_starts(self) -> Rows:
        """The first row of each piece among all rows, int64[pieces]."""
        return np.array([self.starts[piece.source.ordinal] + piece.lo for piece in self.pieces], np.int64)

    def refuse_changed(self) -> None:
        """Refuse to finish when a file is not what it was at the beginning.

        Raises:
            CorpusError: saying that the run must be repeated.
        """
        if tuple(list_sources(self.patterns)) != self.sources:
            raise CorpusError(
                "the input files changed during the run: run the same command again, it starts from the beginning"
            )


def look_at(config: "OrderConfig") -> OrderInput:
    """List the input and read its metadata.

    Raises:
        CorpusError: for a file that cannot be read or used.
    """
    patterns = tuple(outputs.shards_of(pattern) for pattern in config.input)
    sources = list_sources(patterns)
    starts = [0]
    for source in sources:
        rows = format_for(source).rows(source)
        if rows is None:
            raise CorpusError(
                f"{source.uri}: rows are copied by their number, which needs Parquet or Arrow: trapline dedup writes "
                "Parquet of any input"
            )
        check_text_column(schema_of(source), config.text_column, source.uri)
        starts.append(starts[-1] + rows)
    pieces = divide(sources, config.text_column, tasks=_TASKS)
    return OrderInput(
        patterns,
        tuple(sources),
        tuple(pieces),
        np.array(starts, np.int64),
        _schema(config.text_column, sources),
        sum(piece.size for piece in pieces),
    )


def _schema(text_column: str, sources: Sequence[Source]) -> pa.Schema:
    named = schemas_known(sources)
    merged = together(named)
    at = merged.get_field_index(text_column)
    if pa.types.is_null(merged.field(at).type):
        merged = merged.set(at, pa.field(text_column, pa.string()))
    merged = with_single_field_ids(merged)
    return as_written(merged.with_metadata(metadata_of([schema for _, schema in named], merged)))
