"""What both passes of an order need to know."""

from dataclasses import dataclass

import pyarrow as pa

from transforms.base.runs import Work
from transforms.corpus.input.pieces import Piece
from transforms.corpus.output.sink import ParquetFormat
from transforms.ordering.copying.layout import Layout


@dataclass(frozen=True)
class Tokenizing:
    """How texts become tokens.

    Attributes:
        serialised: a `tokenizers` file as text.
        end: id of the token that ends each document; None for none.
        dtype: 'uint16' or 'uint32'.
    """

    serialised: str
    end: int | None
    dtype: str


@dataclass(frozen=True)
class OrderJob:
    """An order that is being made; it holds no secret.

    Attributes:
        work: of the run.
        pieces: of the input, by the number of the task that reads each.
        schema: the output's columns, serialised.
        parquet: how shards are written.
        split: name of the split, in the files' names.
        layout: shards and bins.
        tokens: how texts become tokens; None: they are not.
    """

    work: Work
    pieces: tuple[Piece, ...]
    schema: bytes
    parquet: ParquetFormat
    split: str
    layout: Layout
    tokens: Tokenizing | None = None

    def arrow_schema(self) -> pa.Schema:
        """The output's columns."""
        return pa.ipc.read_schema(pa.py_buffer(self.schema))


def placed_name(task: int) -> str:
    """Where the rows of a task go, in the work folder."""
    return f"placed/{task:06d}.parquet"
