"""Small corpora to bring into order, and what an ordered one holds."""

import random
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.cli import main
from tests.pipelines.planting.planted import prose

SMALL = ("--shard-bytes", "60KB", "--row-group-bytes", "8KB")


def write_corpus(folder: Path, documents: int = 150, *, files: int = 3) -> Path:
    """Parquet files with columns of several types, and row groups of 20 rows."""
    chance = random.Random(5)
    folder.mkdir(parents=True)
    for file in range(files):
        own = range(file, documents, files)
        table = pa.table(
            {
                "id": [f"doc{at}" for at in own],
                "text": [prose(chance, chance.choice([20, 60, 200])) for _ in own],
                "lang": pa.array(["en" if at % 2 else "fr" for at in own]).dictionary_encode(),
                "tags": [[f"t{at % 3}"] * (at % 4) for at in own],
                "score": [None if at % 7 == 0 else at / 3 for at in own],
            }
        )
        pq.write_table(table, folder / f"part{file}.parquet", row_group_size=20)
    return folder


def order(source: Path, output: Path, *flags: str) -> int:
    """`trapline order` in this process."""
    return main(["order", "--input", str(source), "--output", str(output), *SMALL, *flags])


def rows(folder: Path) -> list[dict[str, Any]]:
    """All rows of a folder of Parquet files, in order."""
    return [row for path in sorted(folder.glob("*.parquet")) for row in pq.read_table(path).to_pylist()]


def multiset(found: list[dict[str, Any]]) -> Counter[str]:
    """Rows as a multiset."""
    return Counter(map(repr, found))


def held(output: Path) -> dict[str, bytes]:
    """The content of every file of an output that does not depend on how it was run."""
    return {
        path.relative_to(output).as_posix(): path.read_bytes()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != "metrics.json"
    }
