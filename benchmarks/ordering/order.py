"""What `trapline order` costs beside a plain copy of the same Parquet, and whether its memory grows with the corpus.

    python -m benchmarks.ordering.order --corpus DIR... --size 2 8.5 [--repeat 1] [--work DIR]

For each size the documents of the corpus are written again and again, under other ids, until there is so much text.
Then the copy (`benchmarks.dedup.parquet_copy`: read, write with the same codec and row groups, SHA-256) and
`trapline order` run in turn. The order is a keyed global shuffle: the most that any schedule moves.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.dedup.corpus import parquet_files
from benchmarks.measuring import measure
from pipelines.running.machine import cores

GROUP_BYTES = 32_000_000
FILE_BYTES = 128_000_000


def documents(corpus: Sequence[Path]) -> Iterator[pa.Table]:
    """Id and text of some thousand documents at a time, without end: each round under other ids."""
    number = 0
    while True:
        for file in parquet_files(corpus):
            for batch in pq.ParquetFile(file).iter_batches(4096, columns=["text"]):
                text = batch.column("text").cast(pa.string())
                yield pa.table({"id": pa.array(range(number, number + len(text))), "text": text})
                number += len(text)


def write_corpus(corpus: Sequence[Path], folder: Path, size: int) -> None:
    """Files of about 128 MB of text in row groups of about 32 MB until there are `size` bytes."""
    source, left, at = documents(corpus), size, 0
    while left > 0:
        path = folder / f"{at:05d}.parquet"
        at += 1
        with pq.ParquetWriter(path, pa.schema({"id": pa.int64(), "text": pa.string()}), compression="zstd") as writer:
            in_file = 0
            while in_file < min(FILE_BYTES, left):
                waiting, in_group = [], 0
                while in_group < GROUP_BYTES:
                    waiting.append(next(source))
                    in_group += pc.sum(pc.binary_length(waiting[-1]["text"])).as_py()
                group = pa.concat_tables(waiting)
                writer.write_table(group, row_group_size=len(group))
                in_file += in_group
        left -= in_file


def one_size(given: argparse.Namespace, folder: Path, size: int) -> None:
    """Measure one size and print a line for each command."""
    source = (given.keep or folder) / f"text-{size}"
    if not source.exists():
        draft = source.with_suffix(".tmp")
        draft.mkdir(parents=True)
        write_corpus(given.corpus, draft, size)
        draft.rename(source)
    files = sorted(source.iterdir())
    rows = sum(pq.read_metadata(file).num_rows for file in files)
    if given.only_write:
        return
    packed = sum(file.stat().st_size for file in files)
    print(f"{size / 1e9:g} GB of text, {rows:,} documents, {packed / 1e9:.2f} GB in {len(files)} files", flush=True)
    commands: dict[str, list[object]] = {
        "copy": [
            *(sys.executable, "-m", "benchmarks.dedup.parquet_copy", "--threads", cores()),
            *("--row-group-bytes", GROUP_BYTES, "--input", *files),
        ],
        "order": [sys.executable, "-m", "pipelines.cli", "order", "--input", source],
    }
    runs: dict[str, list[measure.Measured]] = {name: [] for name in commands}
    for _ in range(given.repeat):
        for name, command in commands.items():
            output = folder / "out"
            words = [str(word) for word in (*command, "--output", output)]
            runs[name].append(measure.run(words, folder / "log"))
            shutil.rmtree(output)
    for name, found in runs.items():
        walls = [one.wall_s for one in found]
        print(
            f"{name:6} {statistics.median(walls):6.1f} s ({min(walls):.1f} to {max(walls):.1f}), "
            f"CPU {statistics.median(one.cpu_s for one in found):.1f} s, "
            f"peak {max(one.peak_rss for one in found) / 1e9:.2f} GB"
        )
    pairs = zip(runs["order"], runs["copy"], strict=True)
    print(f"ratio  {statistics.median(order.wall_s / copy.wall_s for order, copy in pairs):.2f}", flush=True)


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True, help="folders of Parquet files with `text`")
    parser.add_argument("--size", nargs="+", type=float, default=[2.0], help="GB of text")
    parser.add_argument("--repeat", type=int, default=1, help="pairs of runs")
    parser.add_argument("--keep", type=Path, help="keep the written corpora here, and use those that are here")
    parser.add_argument("--only-write", action="store_true", help="write the corpora and measure nothing")
    parser.add_argument("--work", type=Path, help="where to work; a temporary folder by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        for size in given.size:
            one_size(given, Path(folder), int(size * 1e9))


if __name__ == "__main__":
    main()
