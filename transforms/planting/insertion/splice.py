"""Texts with pieces inserted, and without them again."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import Texts, buffers_of
from transforms.planting.insertion.splice_kernel import count_characters, cut_spans, insert_pieces


def insert(
    texts: Texts, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], pieces: pa.Array
) -> tuple[Texts, npt.NDArray[np.int64]]:
    """Insert `pieces[k]` into text `rows[k]` before its byte `positions[k]`.

    Args:
        texts: n texts.
        rows: int64[k], ascending.
        positions: int64[k], ascending within a row, in bytes of the text as it was.
        pieces: large_string[k].

    Returns:
        The new texts, and int64[k]: the byte offset of each piece in its new text.
    """
    joined, piece_offsets = buffers_of(pieces)
    total = int(texts.offsets[-1] - texts.offsets[0] + piece_offsets[-1] - piece_offsets[0])
    # Of Arrow's pool, which hands the pages of the batch before out again: fresh ones take longer than the copying.
    out = np.frombuffer(pa.allocate_buffer(total), np.uint8)
    out_offsets = np.empty_like(texts.offsets)
    landed = np.empty(len(rows), np.int64)
    insert_pieces(texts.data, texts.offsets, rows, positions, joined, piece_offsets, out, out_offsets, landed)
    return Texts(out, out_offsets, texts.large), landed


def cut(
    texts: Texts, rows: npt.NDArray[np.int64], begins: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]
) -> Texts:
    """Take spans out of texts: `lengths[k]` bytes from byte `begins[k]` of text `rows[k]`, ascending, disjoint."""
    out = np.empty(int(texts.offsets[-1] - texts.offsets[0] - lengths.sum()), np.uint8)
    out_offsets = np.empty_like(texts.offsets)
    cut_spans(texts.data, texts.offsets, rows, begins, lengths, out, out_offsets)
    return Texts(out, out_offsets, texts.large)


def characters_before(
    texts: Texts, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Code points of text `rows[k]` before its byte `positions[k]`: int64[k]."""
    begins = texts.offsets[rows]
    return count_characters(texts.data, begins, begins + positions)
