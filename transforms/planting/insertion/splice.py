"""Texts with pieces inserted, and without them again."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.planting.insertion.splice_kernel import count_characters, cut_spans, insert_pieces


@dataclass(frozen=True)
class Texts:
    """The buffers of a string array: uint8 `data`, int64[n + 1] `offsets` into it, and which type it had."""

    data: npt.NDArray[np.uint8]
    offsets: npt.NDArray[np.int64]
    large: bool

    @classmethod
    def of(cls, array: pa.Array) -> "Texts":
        """The buffers of a `string` or `large_string` array without nulls; offsets are copied where they are 32 bit."""
        large = pa.types.is_large_string(array.type)
        _, offsets, data = array.buffers()
        width = np.int64 if large else np.int32
        stretch = slice(array.offset, array.offset + len(array) + 1)
        found = np.frombuffer(offsets, width)[stretch] if offsets is not None and len(array) else np.zeros(1, width)
        body = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        return cls(body, found.astype(np.int64), large)

    def array(self) -> pa.Array:
        """The texts as an Arrow array of the type they came in, or `large_string` if they outgrew it."""
        large = self.large or int(self.offsets[-1]) > np.iinfo(np.int32).max
        offsets = self.offsets if large else self.offsets.astype(np.int32)
        kind = pa.LargeStringArray if large else pa.StringArray
        return kind.from_buffers(len(self.offsets) - 1, pa.py_buffer(offsets), pa.py_buffer(self.data))

    def one(self, row: int) -> bytes:
        """The bytes of one text."""
        return self.data[self.offsets[row] : self.offsets[row + 1]].tobytes()


def insert(
    texts: Texts, rows: npt.NDArray[np.int64], positions: npt.NDArray[np.int64], pieces: list[bytes]
) -> tuple[Texts, npt.NDArray[np.int64]]:
    """Insert `pieces[k]` into text `rows[k]` before its byte `positions[k]`.

    Args:
        texts: n texts.
        rows: int64[k], ascending.
        positions: int64[k], ascending within a row, in bytes of the text as it was.
        pieces: k byte strings.

    Returns:
        The new texts, and int64[k]: the byte offset of each piece in its new text.
    """
    lengths = np.array([len(piece) for piece in pieces], np.int64)
    piece_offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    body = int(texts.offsets[-1] - texts.offsets[0])
    out = np.empty(body + int(piece_offsets[-1]), np.uint8)
    out_offsets = np.empty_like(texts.offsets)
    landed = np.empty(len(rows), np.int64)
    joined = np.frombuffer(b"".join(pieces), np.uint8)
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
