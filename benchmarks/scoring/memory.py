"""Resident memory of `trapline score` over very many short sequences: flat, whatever their number.

    python -m benchmarks.scoring.memory --sequences 1000000 --folder /tmp/scoring-memory

Makes a tiny Llama-shaped checkpoint and a Parquet file of token ids, runs the command as a user does and samples the
resident memory of its process.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def make(folder: Path, sequences: int) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=256, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    generator = np.random.default_rng(0)
    schema = pa.schema([("id", pa.int64()), ("token_ids", pa.list_(pa.int32()))])
    with pq.ParquetWriter(folder / "sequences.parquet", schema) as writer:
        for first in range(0, sequences, 100_000):
            lengths = generator.integers(6, 15, min(100_000, sequences - first))
            offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
            ids = pa.array(generator.integers(0, 256, offsets[-1]).astype(np.int32))
            rows = pa.ListArray.from_arrays(pa.array(offsets), ids)
            writer.write_table(pa.table([pa.array(range(first, first + len(lengths))), rows], schema=schema))


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split(maxsplit=1)[0]) * 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--output", type=Path)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True)
    make(asked.folder, asked.sequences)
    command = [
        sys.executable, "-m", "pipelines.cli", "score", "--checkpoint", str(asked.folder / "model"), "--sequences",
        str(asked.folder / "sequences.parquet"), "--output", str(asked.folder / "out"),
    ]  # fmt: skip
    began, samples = time.perf_counter(), []
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            done = len(list((asked.folder / "out/token_scores").glob("*.parquet")))
            try:
                samples.append((time.perf_counter() - began, done, resident(process.pid)))
            except (OSError, IndexError):
                break
            time.sleep(0.5)
    total = len(list((asked.folder / "out/token_scores").glob("*.parquet")))
    at_work = [(done, memory) for _, done, memory in samples if done]
    for tenth in range(1, 11):
        near = [memory for done, memory in at_work if done <= total * tenth / 10]
        print(
            f"{tenth * 10:3d} % of {total} tasks: {near[-1] / 1e6:7.0f} MB resident" if near else f"{tenth * 10} %: -"
        )
    metrics = json.loads((asked.folder / "out/metrics.json").read_text())
    totals = metrics["checkpoints"]["model"]
    print(f"{totals['sequences']:,} sequences, {totals['tokens']:,} tokens, {metrics['seconds']:.0f} s")
    print(f"peak {metrics['peak_rss_bytes'] / 1e6:.0f} MB, sampled {max(m for _, m in at_work) / 1e6:.0f} MB")
    if asked.output:
        asked.output.write_text(json.dumps({"samples": samples, "metrics": metrics}))


if __name__ == "__main__":
    main()
