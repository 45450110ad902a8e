"""Addresses: one uint64 that says where a document stands in the input and orders all documents."""

import numpy as np
import numpy.typing as npt

POSITION_BITS = 40
MAX_FILES = 1 << (64 - POSITION_BITS)
MAX_POSITION = (1 << POSITION_BITS) - 1


def address(file: int, position: int) -> int:
    """Pack a file ordinal (< 2**24) and a position in that file (< 2**40) into one integer.

    Raises:
        ValueError: if either part does not fit.
    """
    if not 0 <= file < MAX_FILES:
        raise ValueError(f"file ordinal {file} is outside 0..{MAX_FILES - 1}: split the input into several runs")
    if not 0 <= position <= MAX_POSITION:
        raise ValueError(f"position {position} is outside 0..{MAX_POSITION}: split the file")
    return file << POSITION_BITS | position


def addresses(file: int, positions: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """`address` for many positions of one file: uint64[n] in, uint64[n] out."""
    if len(positions):
        address(file, int(positions.max()))
    return np.uint64(address(file, 0)) | positions.astype(np.uint64, copy=False)


def file_of(value: int) -> int:
    """The file ordinal of an address."""
    return int(value) >> POSITION_BITS


def position_of(value: int) -> int:
    """The position of an address: a row in Parquet and Arrow, a byte offset in decompressed JSONL."""
    return int(value) & MAX_POSITION
