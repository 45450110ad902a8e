"""The edits of a shard: read once, applied to its records as they stream by."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.described import check
from schemas.working.edits import EDITS
from transforms.base.folders import Folder
from transforms.corpus.input.addresses import POSITION_BITS


@dataclass(frozen=True)
class Edits:
    """What to do to the documents of a shard.

    Attributes:
        removed: uint64[k], ascending: addresses of documents that do not reach the output.
    """

    removed: npt.NDArray[np.uint64]

    def kept(self, addresses: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """bool[n]: which of the documents at `addresses` (ascending) stay."""
        keep = np.ones(len(addresses), np.bool_)
        if len(addresses):
            lo = np.searchsorted(self.removed, addresses[0], side="left")
            hi = np.searchsorted(self.removed, addresses[-1], side="right")
            inside = self.removed[lo:hi]
            at = np.searchsorted(addresses, inside)
            keep[at[addresses[at] == inside]] = False
        return keep

    def positions(self, file: int) -> npt.NDArray[np.uint64]:
        """uint64[k]: positions within `file` of the documents to remove."""
        borders = np.array([file << POSITION_BITS, (file + 1) << POSITION_BITS], np.uint64)
        lo, hi = np.searchsorted(self.removed, borders)
        return self.removed[lo:hi] & np.uint64((1 << POSITION_BITS) - 1)


def removals(addresses: npt.NDArray[np.uint64]) -> pa.Table:
    """The edit table that removes the documents at `addresses` (ascending)."""
    return pa.table([pa.array(addresses, pa.uint64())], schema=EDITS)


def read_edits(folder: Folder, name: str) -> Edits:
    """Read an edit file of this version's schema."""
    with folder.open(name) as stream:
        table = pq.read_table(stream, partitioning=None)
    check(table.schema, EDITS, folder.at(name))
    return Edits(np.sort(table["address"].to_numpy()))
