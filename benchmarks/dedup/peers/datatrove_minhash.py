"""datatrove's MinHash pipeline, as its own example wires it: signatures, buckets, clusters, filter.

Runs in an environment that holds datatrove and spaCy (its word tokenizer for English), not trapline.
"""

import argparse
import os
import sys
from pathlib import Path

os.environ.setdefault("LOGURU_LEVEL", "WARNING")

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.dedup import MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import (
    MinhashConfig,
    MinhashDedupBuckets,
    MinhashDedupCluster,
    MinhashDedupFilter,
)
from datatrove.pipeline.readers import ParquetReader
from datatrove.pipeline.writers import ParquetWriter


def run(source: Path, output: Path, workers: int, bands: int, rows: int, ngram: int) -> None:
    """Deduplicate the Parquet files of `source`, one task a file, into `output`/kept."""
    config = MinhashConfig(n_grams=ngram, num_buckets=bands, hashes_per_bucket=rows)
    tasks = sum(1 for _ in source.rglob("*.parquet"))
    folders = {name: str(output / name) for name in ("signatures", "pairs", "clusters", "kept", "logs")}

    def read() -> ParquetReader:
        return ParquetReader(str(source), glob_pattern="*.parquet", text_key="text", id_key="id")

    stages = [
        ([read(), MinhashDedupSignature(folders["signatures"], config=config)], tasks),
        ([MinhashDedupBuckets(folders["signatures"], folders["pairs"], config=config)], bands),
        ([MinhashDedupCluster(folders["pairs"], folders["clusters"], config=config)], 1),
        (
            [
                read(),
                MinhashDedupFilter(folders["clusters"]),
                ParquetWriter(folders["kept"], compression="zstd"),
            ],
            tasks,
        ),
    ]
    for number, (pipeline, count) in enumerate(stages):
        LocalPipelineExecutor(
            pipeline=pipeline,
            tasks=count,
            workers=min(workers, count),
            logging_dir=f"{folders['logs']}/{number}",
        ).run()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True, help="a folder of Parquet files with id and text")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, required=True, help="worker processes")
    parser.add_argument("--bands", type=int, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--ngram", type=int, required=True)
    given = parser.parse_args()
    run(given.input, given.output, given.threads, given.bands, given.rows, given.ngram)
    sys.exit(0)
