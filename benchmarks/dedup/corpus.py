"""Corpora of the benchmark: folders of Parquet files with a `text` column, and a fraction of one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

TEXT = "text"
BLOCK = 64
RECIPE = 1
"""Raise it when the sample's rows change."""


@dataclass(frozen=True)
class Size:
    """Size of a corpus: files, documents, bytes of text (UTF-8) and bytes on disk."""

    files: int
    documents: int
    text_bytes: int
    disk_bytes: int


def parquet_files(folders: Sequence[Path]) -> list[Path]:
    """All Parquet files below `folders`, sorted by absolute path as bytes: the order of trapline's addresses.

    Hidden files and those whose name begins with `_` are passed over, as trapline does.

    Raises:
        FileNotFoundError: if there is none.
    """
    found = {
        path.absolute()
        for folder in folders
        for path in folder.rglob("*.parquet")
        if not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    }
    if not found:
        raise FileNotFoundError(f"no .parquet file under {', '.join(map(str, folders))}: give folders of Parquet")
    return sorted(found, key=lambda path: str(path).encode())


def fingerprint(folders: Sequence[Path], *settings: object) -> str:
    """Names what is derived from a corpus: changes with its files, their sizes and times, and with `settings`."""
    listing = [f"{file} {file.stat().st_size} {file.stat().st_mtime_ns}" for file in parquet_files(folders)]
    return hashlib.blake2b("\n".join([*listing, *map(str, settings)]).encode(), digest_size=6).hexdigest()


def texts(file: Path) -> Iterator[pa.LargeStringArray]:
    """The text column of one file, a row group at a time; null becomes the empty text."""
    source = pq.ParquetFile(file, memory_map=False)
    for group in range(source.metadata.num_row_groups):
        column = source.read_row_group(group, columns=[TEXT], use_threads=False).column(TEXT)
        yield pc.fill_null(column.cast(pa.large_string()), "").combine_chunks()


def measure_size(folders: Sequence[Path]) -> Size:
    """Count what stands below `folders`; reads the text column once."""
    files = parquet_files(folders)
    documents = text_bytes = 0
    for file in files:
        for column in texts(file):
            documents += len(column)
            text_bytes += int(pc.sum(pc.binary_length(column)).as_py() or 0)
    return Size(len(files), documents, text_bytes, sum(file.stat().st_size for file in files))


def sampled_rows(rows: int, fraction: float) -> np.ndarray:
    """Which rows of a file are in the sample: bool[rows].

    Whole blocks of 64 neighbouring rows, evenly spread: near-duplicates that stand side by side stay together.
    The first block is always in it.
    """
    block = np.arange(rows) // BLOCK
    return np.ceil((block + 1) * fraction) > np.ceil(block * fraction)


def write_sample(folders: Sequence[Path], fraction: float, samples: Path) -> Path:
    """Write a fraction of a corpus below `samples`: as many files, columns `id` (running number, text) and `text`.

    The running number replaces the ids, which need not be unique; tools that know no addresses are judged by it. A
    finished sample is reused. Returns its folder.
    """
    destination = samples / fingerprint(folders, fraction, RECIPE)
    done = destination / "_DONE"
    if done.exists():
        return destination
    destination.mkdir(parents=True, exist_ok=True)
    number = 0
    for ordinal, file in enumerate(parquet_files(folders)):
        table = pa.table({TEXT: pa.chunked_array(list(texts(file)), type=pa.large_string())})
        table = table.filter(pa.array(sampled_rows(len(table), fraction)))
        ids = pa.array(np.arange(number, number + len(table))).cast(pa.string())
        number += len(table)
        table = pa.table({"id": ids, TEXT: table.column(TEXT).cast(pa.string())})
        pq.write_table(table, destination / f"part-{ordinal:05d}.parquet", compression="zstd", row_group_size=2000)
    done.touch()
    return destination
