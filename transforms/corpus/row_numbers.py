"""Row numbers: where a record stands in its file, as it is published.

An address has a position that lets a file be read from there; in JSON lines that is a byte offset, and the distance of
two offsets is the length of the lines between them. What anyone may see has row numbers in place of positions: they
count the records of a file, and are the same whatever the texts hold. A row number and its file make one uint64 as
position and file do.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from transforms.corpus.input.addresses import POSITION_BITS

_BITS = np.uint64(POSITION_BITS)

Numbers = npt.NDArray[np.uint64]


def row_numbers(own: Numbers, others: Numbers) -> Numbers:
    """Number the records at `own` addresses among these and all `others`, from 0 in each file.

    Args:
        own: uint64[n], ascending.
        others: uint64[k], ascending: the other records of the same files.

    Returns:
        uint64[n]: file ordinal << 40 | row number.
    """
    return row_numbers_by_rank(own, lambda some: np.searchsorted(others, some))


def row_numbers_by_rank(own: Numbers, rank: Callable[[Numbers], npt.NDArray[np.int64]]) -> Numbers:
    """`row_numbers` where the others are not at hand: `rank` says how many of them come before each address."""
    if not len(own):
        return own
    place = np.arange(len(own), dtype=np.uint64) + rank(own).astype(np.uint64)
    file = own >> _BITS
    first = np.flatnonzero(np.append(True, file[1:] != file[:-1]))
    before = first + rank(file[first] << _BITS)
    lengths = np.diff(np.append(first, len(own)))
    return (file << _BITS) | (place - np.repeat(before.astype(np.uint64), lengths))


def with_added(rows: Numbers, added: Numbers) -> Numbers:
    """Row numbers once documents were added: each stands behind the record whose row number is in `added`.

    Args:
        rows: uint64[n], file or shard << 40 | row number, in any order.
        added: uint64[k], ascending.
    """
    return rows + _before(rows, added)


def rows_of_added(added: Numbers) -> Numbers:
    """The row numbers that the added documents themselves get, uint64[k] ascending; `added` as in `with_added`."""
    return added + _before(added, added) + _same_before(added) + np.uint64(1)


def without_added(rows: Numbers, own: Numbers) -> Numbers:
    """The inverse of `with_added`.

    Args:
        rows: uint64[n], as `with_added` gives them: none is that of an added document.
        own: uint64[k], ascending: the row numbers of the added documents.
    """
    return rows - _before(rows, own)


def _before(rows: Numbers, ascending: Numbers) -> Numbers:
    """Of each row, how many of the others stand before it in the same file."""
    begin = np.searchsorted(ascending, (rows >> _BITS) << _BITS)
    return (np.searchsorted(ascending, rows) - begin).astype(np.uint64)


def _same_before(ascending: Numbers) -> Numbers:
    """Of each entry, how many equal ones stand before it."""
    return (np.arange(len(ascending)) - np.searchsorted(ascending, ascending)).astype(np.uint64)
