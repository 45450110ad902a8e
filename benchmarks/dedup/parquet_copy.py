"""Read Parquet and write it again, with nothing in between: the bound that the disk, zstd and SHA-256 set.

The same work as the last step of a deduplication: all columns, the same codec and row groups, no dictionary and no
statistics for the text, a SHA-256 of every file written. One file a thread at a time.
"""

import argparse
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def copy_file(source: Path, target: Path, codec: str, level: int | None, group_bytes: int, text: str) -> str:
    """Copy one file in row groups of about `group_bytes` of text; returns the SHA-256 of what was written."""
    reader = pq.ParquetFile(source)
    schema = reader.schema_arrow
    others = [name for name in schema.names if name != text]
    with pq.ParquetWriter(
        target, schema, compression=codec, compression_level=level, use_dictionary=others, write_statistics=others
    ) as writer:
        waiting: list[pa.Table] = []
        size = 0
        for group in range(reader.metadata.num_row_groups):
            table = reader.read_row_group(group, use_threads=False)
            waiting.append(table)
            size += pc.sum(pc.binary_length(table.column(text))).as_py() or 0
            if size >= group_bytes or group + 1 == reader.metadata.num_row_groups:
                whole = pa.concat_tables(waiting)
                writer.write_table(whole, row_group_size=max(1, len(whole)))
                waiting, size = [], 0
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", nargs="+", type=Path, required=True, help="Parquet files")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--codec", default="zstd")
    parser.add_argument("--level", type=int)
    parser.add_argument("--row-group-bytes", type=int, required=True)
    parser.add_argument("--text-column", default="text")
    given = parser.parse_args()
    given.output.mkdir(parents=True)

    def one(job: tuple[int, Path]) -> str:
        target = given.output / f"{job[0]:05d}.parquet"
        return copy_file(job[1], target, given.codec, given.level, given.row_group_bytes, given.text_column)

    with ThreadPoolExecutor(given.threads) as pool:
        for digest in pool.map(one, enumerate(given.input)):
            print(digest)
