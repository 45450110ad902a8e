"""What a plan leaves for the rewrite and for the output, apart from its summary."""

from typing import Any

import numpy as np
import numpy.typing as npt
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


def publish_quarantine(work: Work, scan: dict[str, Any]) -> tuple[dict[str, Any], npt.NDArray[np.uint64]]:
    """Put what the scan's tasks could not use together in one file of the output.

    Returns:
        The file's path, rows, bytes and sha256, and the addresses, uint64[k] ascending.
    """
    found = [np.empty(0, np.uint64)]
    present = set(work.folder.names("scan")) if scan["quarantined"] else set()
    with (
        work.output.create(QUARANTINE_FILE) as sink,
        pq.ParquetWriter(sink, QUARANTINE, compression="zstd") as writer,
    ):
        for task in scan["tasks"]:
            name = quarantine_name(task["task"])
            if name.rpartition("/")[2] not in present:
                continue
            with work.folder.open(name) as stream:
                table = pq.read_table(stream, partitioning=None)
            writer.write_table(table)
            found.append(table["address"].to_numpy())
        writer.close()
        addresses = np.concatenate(found)
        entry = {"path": QUARANTINE_FILE, "rows": len(addresses), "bytes": sink.size, "sha256": sink.sha256}
    return entry, addresses
