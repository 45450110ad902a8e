"""What a plan leaves for the rewrite and for the output, apart from its summary."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from schemas.public.quarantine import QUARANTINE
from transforms.base.runs import Work
from transforms.corpus.scan_numbers import quarantine_name

QUARANTINE_FILE = "quarantine/quarantine-00000-of-00001.parquet"


def edits_name(shard: int) -> str:
    """The edits of shard number `shard` in the work folder."""
    return f"edits/{shard:06d}.parquet"


def shard_name(split: str, shard: int, shards: int) -> str:
    """The file of a shard in the output folder."""
    return f"data/{split}-{shard:05d}-of-{shards:05d}.parquet"


def quarantined_addresses(work: Work, scan: dict[str, Any]) -> npt.NDArray[np.uint64]:
    """Addresses of the records that the scan's tasks could not use, uint64[k] ascending."""
    found = [table["address"].to_numpy() for table in _quarantined(work, scan, ["address"])]
    return np.concatenate([np.empty(0, np.uint64), *found])


def publish_quarantine(work: Work, scan: dict[str, Any], rows: npt.NDArray[np.uint64]) -> dict[str, Any]:
    """Put what the scan's tasks could not use together in one file of the output.

    Args:
        work: of the run.
        scan: the committed summary.
        rows: row numbers of the records at `quarantined_addresses`.

    Returns:
        The file's path, rows, bytes and sha256.
    """
    begin = 0
    with (
        work.output.create(QUARANTINE_FILE) as sink,
        pq.ParquetWriter(sink, QUARANTINE, compression="zstd") as writer,
    ):
        for table in _quarantined(work, scan):
            own = pa.array(rows[begin : begin + table.num_rows])
            begin += table.num_rows
            others = [table[name] for name in QUARANTINE.names[1:]]
            writer.write_table(pa.table([own, *others], schema=QUARANTINE))
        writer.close()
        return {"path": QUARANTINE_FILE, "rows": begin, "bytes": sink.size, "sha256": sink.sha256}


def _quarantined(work: Work, scan: dict[str, Any], columns: list[str] | None = None) -> Iterator[pa.Table]:
    """What each task of the scan could not use, in address order."""
    present = set(work.folder.names("scan")) if scan["quarantined"] else set()
    for task in scan["tasks"]:
        name = quarantine_name(task["task"])
        if name.rpartition("/")[2] in present:
            with work.folder.open(name) as stream:
                yield pq.read_table(stream, columns=columns, partitioning=None)
