"""What a planted corpus says of its removed documents, so that its sums are those of a corpus that was never planted.

A removed document counts with the bytes that it would have if it held what the kept one that covers it holds. Without
that, exact duplicates would be shorter than the published documents that they are duplicates of.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import text_sizes
from transforms.corpus.input.addresses import POSITION_BITS
from transforms.planting.insertion.editor import DOCUMENT


def added_in_input(ledger: pa.Table) -> npt.NDArray[np.uint64]:
    """Row numbers in the input of the documents that those of their own follow, uint64[k] ascending."""
    return np.sort(ledger.filter(pc.equal(ledger["boundary"], DOCUMENT))["address"].to_numpy())


def added_in_output(ledger: pa.Table) -> npt.NDArray[np.uint64]:
    """Where the documents of their own stand: uint64[k] ascending, shard << 40 | row."""
    return np.sort(_places(ledger.filter(pc.equal(ledger["boundary"], DOCUMENT))))


def covered_bytes(ledger: pa.Table, duplicates: Iterable[pa.Table]) -> dict[str, int]:
    """Bytes that were inserted into the kept documents of removed ones, summed over these, by reason.

    Args:
        ledger: rows of `LEDGER`.
        duplicates: rows of `DUPLICATES`, as they are published with the planted corpus.
    """
    inserted = ledger.filter(pc.not_equal(ledger["boundary"], DOCUMENT))
    separators = sum(text_sizes(inserted[name].combine_chunks()).astype(np.int64) for name in ("lead", "tail"))
    grown, own = np.unique(_places(inserted), return_inverse=True)
    extra = np.zeros(len(grown) + 1, np.int64)
    np.add.at(extra, own, inserted["bytes"].to_numpy().astype(np.int64) + separators)
    found = {"exact": 0, "near": 0}
    for table in duplicates:
        kept = table["kept_address"].to_numpy()
        at = np.searchsorted(grown, kept)
        is_grown = at < len(grown)
        is_grown[is_grown] = grown[at[is_grown]] == kept[is_grown]
        for reason in found:
            chosen = is_grown & pc.equal(table["reason"], reason).to_numpy()
            found[reason] += int(extra[at[chosen]].sum())
    return found


def _places(ledger: pa.Table) -> npt.NDArray[np.uint64]:
    shard, row = (ledger[name].to_numpy().astype(np.uint64) for name in ("shard", "row"))
    return np.asarray((shard << np.uint64(POSITION_BITS)) | row)
