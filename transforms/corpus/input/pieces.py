"""Records of a piece of the input, whatever its format, in bounded batches and with their positions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Piece, Records
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.partitions import add_partitions

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "Piece", "Records", "read_piece"]


def read_piece(
    piece: Piece,
    *,
    columns: Sequence[str] | None = None,
    schema: pa.Schema | None = None,
    skip: npt.NDArray[np.uint64] | None = None,
) -> Iterator[Records]:
    """Read `piece` in file order, in batches of some megabytes; see `Format.read` for the arguments.

    Columns that stand in the names of folders are among those that are read.

    Raises:
        CorpusError: if the file cannot be read.
    """
    own = format_for(piece.source)
    batches = own.read(piece, columns=columns, schema=schema, skip=skip)
    if not piece.source.partition:
        return batches
    return (
        replace(
            one, table=add_partitions(one.table, len(one.positions), piece.source, columns, fill=not own.knows_schema)
        )
        for one in batches
    )
