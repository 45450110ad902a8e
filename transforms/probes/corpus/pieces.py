"""The pieces of a corpus that candidates are held against, and the texts of a piece."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.corpus.input.addresses import addresses
from transforms.corpus.input.columns import as_strings, check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import list_sources


def corpus_pieces(corpus: Sequence[str], text_column: str) -> list[Piece]:
    """The pieces of a corpus, from its metadata; none for no corpus.

    Raises:
        CorpusError: naming the file that cannot be used.
    """
    if not corpus:
        return []
    try:
        sources = list_sources(corpus)
    except CorpusError as error:
        raise CorpusError(str(error).replace("--input", "--corpus")) from error
    for source in sources:
        if format_for(source).knows_schema:
            check_text_column(format_for(source).schema(source), text_column, source.uri)
    return divide(sources, text_column)


def texts_of(piece: Piece, text_column: str) -> Iterator[tuple[npt.NDArray[np.uint64], pa.Array]]:
    """Addresses (uint64[n]) and texts (string or large_string[n], null or not UTF-8 where they are bad) of a piece."""
    for records in read_piece(piece, columns=[text_column]):
        if text_column not in records.table.column_names or not records.table.num_rows:
            continue
        check_text_column(records.table.schema, text_column, piece.source.uri)
        yield addresses(piece.source.ordinal, records.positions), as_strings(records.table[text_column])
