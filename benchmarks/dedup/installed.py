"""The corpus that anyone has: the text of this environment's distributions, for a benchmark without a corpus."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq

from examples.installed_text import write_jsonl

SHARDS = 8


def installed_corpus(folder: Path) -> Path:
    """Write licences, descriptions and documentation strings as Parquet into `folder`; a finished one is reused."""
    done = folder / "_DONE"
    if not done.exists():
        folder.mkdir(parents=True, exist_ok=True)
        lines = folder / "_installed.jsonl"
        write_jsonl(lines, 1 << 62)
        table = pl.read_ndjson(lines, infer_schema_length=None).to_arrow()
        for shard in range(SHARDS):
            part = table.take(list(range(shard, len(table), SHARDS)))
            name = f"train-{shard:05d}-of-{SHARDS:05d}.parquet"
            pq.write_table(part, folder / name, compression="zstd", row_group_size=2000)
        lines.unlink()
        done.touch()
    return folder
