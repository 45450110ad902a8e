"""The published table of removed documents, in files of a bounded number of rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.duplicates import DUPLICATES
from transforms.base.runs import Work
from transforms.corpus.output.sink import write_table

ROWS = 1 << 22
"""Most rows of one file."""


def duplicates_table(
    rows: npt.NDArray[np.uint64],
    kept_rows: npt.NDArray[np.uint64],
    exact: npt.NDArray[np.bool_],
    similarity: npt.NDArray[np.float32],
    ids: pa.Array,
    kept_ids: pa.Array,
) -> pa.Table:
    """The table of n removed documents, in the order of the input.

    Args:
        rows: file << 40 | row number of each in the input.
        kept_rows: shard << 40 | row of what covers it.
        exact: whether both have the same text.
        similarity: the estimate for the two.
        ids: of what goes.
        kept_ids: of what covers it.
    """
    reasons = pa.array(["near", "exact"]).take(pa.array(exact.astype(np.int8)))
    columns = [pa.array(rows), pa.array(kept_rows), reasons, pa.array(similarity), ids, kept_ids]
    return pa.table(columns, schema=DUPLICATES)


def in_files(table: pa.Table) -> Iterator[pa.Table]:
    """The rows of each file; at least one file."""
    for first in range(0, max(1, table.num_rows), ROWS):
        yield table.slice(first, ROWS)


def publish_duplicates(work: Work, table: pa.Table, number: int, files: int) -> dict[str, Any]:
    """Write one of `files` files of the output; returns its entry in the manifest."""
    name = f"duplicates/duplicates-{number:05d}-of-{files:05d}.parquet"
    with work.output.create(name) as sink:
        write_table(sink, table.combine_chunks())
    return {"path": name, "rows": table.num_rows, "bytes": sink.size, "sha256": sink.sha256}
