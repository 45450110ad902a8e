"""Puzzles: complete items a second on one core, a large mixed set, and the independent checker on many puzzles.

python -m benchmarks.puzzles items --output DIR        # n = 8, one language, Parquet on disk, one thread
python -m benchmarks.puzzles set --output DIR          # 1,000,000 items of 2 to 8 people by the command
python -m benchmarks.puzzles check                     # 100,000 puzzles and their edits by the tests' checker
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa

from benchmarks.measuring.measure import run
from tests.probes.puzzles.puzzle_checker import faults_of_edit, faults_of_puzzle
from transforms.base.folders import Folder
from transforms.probes.puzzles.dataset import ITEMS_AT_ONCE, items_writer
from transforms.probes.puzzles.items import ItemConfig, complete_items, edit_all
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.stream import PuzzleStream
from transforms.probes.puzzles.splits import Splits

SEED = b"benchmark"
REFERENCE_ITEMS_A_SECOND = 12
"""Complete n = 8 items of the reference, one core of the same kind: reference/puzzles.md."""


def one_core(output: Path, items: int, people: int, compression: str) -> None:
    """Drawing, edits, twelve texts and Parquet, all on one thread; the file is synced."""
    pa.set_cpu_count(1)
    config = ItemConfig(SEED, Splits(SEED).bounds("perturbation"))
    stream = PuzzleStream(people, SEED)
    complete_items(stream.puzzles(np.arange(16)), config)  # compiled, or loaded
    for _ in range(3):
        wall, cpu = time.perf_counter(), time.process_time()
        drawing = rendering = 0.0
        with Folder(str(output)).create("items.parquet") as sink, items_writer(sink, compression) as writer:
            for lo in range(0, items, ITEMS_AT_ONCE):
                began = time.process_time()
                puzzles = stream.puzzles(np.arange(lo, min(items, lo + ITEMS_AT_ONCE)))
                drawn = time.process_time()
                table = complete_items(puzzles, config)
                rendered = time.process_time()
                drawing, rendering = drawing + drawn - began, rendering + rendered - drawn
                writer.write_table(table, row_group_size=table.num_rows)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(
            json.dumps(
                {
                    "people": people,
                    "items": items,
                    "compression": compression,
                    "items_per_cpu_second": round(items / cpu),
                    "items_per_wall_second": round(items / wall),
                    "times_the_reference": round(items / cpu / REFERENCE_ITEMS_A_SECOND),
                    "microseconds": {
                        "drawing": round(1e6 * drawing / items, 1),
                        "edits_and_texts": round(1e6 * rendering / items, 1),
                        "parquet": round(1e6 * (cpu - drawing - rendering) / items, 1),
                    },
                    "bytes_on_disk": sink.size,
                }
            ),
            flush=True,
        )


def large_set(output: Path, items: int, compression: str) -> None:
    """The command as a user runs it: mixed sizes, distinct classes, splits; n = 2 and 3 give what there is of them."""
    small = {"2": 20, "3": 3000}
    each = (items - sum(small.values())) // 5
    command = [sys.executable, "-m", "pipelines.cli", "puzzles", "--as", "dataset", "--test", "0"]
    total_wall = 0.0
    for people, count in (*small.items(), ("4..8", each)):
        where = output / people.replace("..", "-")
        flags = ["--people", people, "--count", str(count), "--output", str(where), "--compression", compression]
        found = run([*command, *flags], output / f"{people.replace(chr(46), chr(45))}.log")
        total_wall += found.wall_s
        size = sum(path.stat().st_size for path in where.rglob("*.parquet"))
        print(
            json.dumps(
                {
                    "people": people,
                    "count_a_size": count,
                    "wall_s": round(found.wall_s, 1),
                    "cpu_s": round(found.cpu_s, 1),
                    "peak_rss_mb": round(found.peak_rss / 1e6),
                    "bytes": size,
                }
            ),
            flush=True,
        )
    print(json.dumps({"items": sum(small.values()) + 5 * each, "wall_s": round(total_wall, 1)}))


def check(puzzles: int) -> None:
    """The checker that knows only the rules, on puzzles of 2 to 8 people with all their edits."""
    began, wrong, edits, none = time.perf_counter(), 0, 0, 0
    config = ItemConfig(SEED, Splits(SEED).bounds("perturbation"))
    for people in range(2, 9):  # what the small sizes lack, the larger ones make up for
        stream = PuzzleStream(people, SEED)
        share = -(-puzzles // (9 - people))
        wanted = share if stream.size is None else min(share, stream.size)
        puzzles -= wanted
        batch = stream.puzzles(np.arange(wanted))
        edited = edit_all(batch, classes(batch), config).edits
        claims = [batch.claims(row) for row in range(len(batch))]
        for row in range(len(batch)):
            wrong += bool(faults_of_puzzle(claims[row], batch.solution[row].tolist()))
        for kind, found in edited.items():
            none += int((found.status == 0).sum())
            for at, row in enumerate(found.rows.tolist()):
                edits += 1
                wrong += bool(
                    faults_of_edit(
                        kind,
                        claims[row],
                        batch.solution[row].tolist(),
                        found.puzzles.claims(at),
                        found.puzzles.solution[at].tolist(),
                        int(found.hamming[row]),
                    )
                )
        print(
            json.dumps({"people": people, "puzzles": wanted, "edits": edits, "none": none, "wrong": wrong}), flush=True
        )
    print(json.dumps({"seconds": round(time.perf_counter() - began, 1), "wrong": wrong}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("items", "set", "check"))
    parser.add_argument("--output", type=Path, default=Path("bench-work/puzzles"))
    parser.add_argument("--count", type=int, help="items; 50,000, 1,000,000 and 100,000 by default")
    parser.add_argument("--people", type=int, default=8)
    parser.add_argument("--compression", default="zstd")
    arguments = parser.parse_args()
    if arguments.what == "items":
        one_core(arguments.output, arguments.count or 50_000, arguments.people, arguments.compression)
    elif arguments.what == "set":
        large_set(arguments.output, arguments.count or 1_000_000, arguments.compression)
    else:
        check(arguments.count or 100_000)


if __name__ == "__main__":
    main()
