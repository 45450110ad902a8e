"""Insertion into texts and its undoing, over the buffers of an Arrow string array."""

import numpy as np
from numpy.typing import NDArray

from transforms.base.kernels import kernel
from transforms.base.vectors import STEP, at_least, set_bits
from transforms.planting.copy_kernel import copy_bytes


@kernel
def insert_pieces(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    positions: NDArray[np.int64],
    pieces: NDArray[np.uint8],
    piece_offsets: NDArray[np.int64],
    out: NDArray[np.uint8],
    out_offsets: NDArray[np.int64],
    landed: NDArray[np.int64],
) -> None:
    """Copy texts with pieces inserted.

    Args:
        data: uint8, the texts' bytes.
        offsets: int64[n + 1], where each text begins in `data`.
        rows: int64[k], ascending: the text of each insertion.
        positions: int64[k], ascending within a row: byte offset in the text as it was.
        pieces: uint8, the inserted bytes.
        piece_offsets: int64[k + 1], where each piece begins.
        out: uint8, as long as the texts and the pieces together; filled.
        out_offsets: int64[n + 1], filled.
        landed: int64[k], filled with the byte offset of each piece in its new text.
    """
    written, insertion = 0, 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = written
        begin, at = offsets[row], offsets[row]
        while insertion < len(rows) and rows[insertion] == row:
            upto = begin + positions[insertion]
            written = copy_bytes(data, at, upto, out, written)
            at = upto
            landed[insertion] = written - out_offsets[row]
            lo, hi = piece_offsets[insertion], piece_offsets[insertion + 1]
            written = copy_bytes(pieces, lo, hi, out, written)
            insertion += 1
        written = copy_bytes(data, at, offsets[row + 1], out, written)
    out_offsets[len(offsets) - 1] = written


@kernel
def cut_spans(
    data: NDArray[np.uint8],
    offsets: NDArray[np.int64],
    rows: NDArray[np.int64],
    begins: NDArray[np.int64],
    lengths: NDArray[np.int64],
    out: NDArray[np.uint8],
    out_offsets: NDArray[np.int64],
) -> None:
    """Copy texts without some spans: `begins` and `lengths` int64[k] in bytes, ascending within ascending `rows`."""
    written, span = 0, 0
    for row in range(len(offsets) - 1):
        out_offsets[row] = written
        begin, at = offsets[row], offsets[row]
        while span < len(rows) and rows[span] == row:
            upto = begin + begins[span]
            written = copy_bytes(data, at, upto, out, written)
            at = upto + lengths[span]
            span += 1
        written = copy_bytes(data, at, offsets[row + 1], out, written)
    out_offsets[len(offsets) - 1] = written


@kernel
def count_characters(data: NDArray[np.uint8], begins: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Code points in each of some stretches of UTF-8: int64[k]."""
    found = np.empty(len(begins), np.int64)
    base: int = data.ctypes.data
    for stretch in range(len(begins)):
        at, end = begins[stretch], ends[stretch]
        count = end - at
        while at + STEP <= end:
            count -= set_bits(at_least(base + at, 0x80) & ~at_least(base + at, 0xC0))
            at += STEP
        for last in range(at, end):
            count -= int(data[last] & 0xC0 == 0x80)
        found[stretch] = count
    return found
