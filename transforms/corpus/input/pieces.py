"""Records of a piece of the input, whatever its format, in bounded batches and with their positions."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Piece, Records
from transforms.corpus.input.formats import format_for

__all__ = ["BATCH_BYTES", "BATCH_ROWS", "Piece", "Records", "read_piece"]


def read_piece(
    piece: Piece,
    *,
    columns: Sequence[str] | None = None,
    schema: pa.Schema | None = None,
    skip: npt.NDArray[np.uint64] | None = None,
) -> Iterator[Records]:
    """Read `piece` in file order, in batches of some megabytes; see `Format.read` for the arguments.

    Raises:
        CorpusError: if the file cannot be read.
    """
    return format_for(piece.source).read(piece, columns=columns, schema=schema, skip=skip)
