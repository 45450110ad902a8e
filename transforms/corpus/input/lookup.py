"""A few texts by address: for examples in a report and for following up a removed document."""

from collections.abc import Sequence

import numpy as np

from transforms.corpus.input.addresses import file_of, position_of
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import Source


def read_texts(sources: Sequence[Source], wanted: Sequence[int], column: str) -> dict[int, str]:
    """The texts at the addresses `wanted`; one that is not there is left out.

    Each costs a row group or, in a compressed file, all that stands before it: meant for a handful.
    """
    found: dict[int, str] = {}
    for one in sorted(wanted):
        source, position = sources[file_of(one)], position_of(one)
        piece = Piece(source, 0 if source.compression else position, None if source.compression else position + 1, 0)
        for records in read_piece(piece, columns=[column]):
            rows = np.flatnonzero(records.positions == position)
            if len(rows):
                text = records.table[column][int(rows[0])].as_py()
                if text is not None:
                    found[one] = str(text)
                break
    return found
