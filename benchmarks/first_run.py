"""How long a command takes on a machine that has never run it: `python -m benchmarks.first_run`.

`dedup` and `prepare` read some 1.2 MB of text, once with an empty folder for Numba's cache and then with the one that
this has filled: wall time, CPU time with all helper processes, and the seconds that the run itself says it waited for
kernels. Files are in the page cache before the first run. With --json the figures of each run are written down.

The wall time of a first run is worth little on a machine that does something else: the helpers take all cores.
"""

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring.measure import Measured, run

_DOCUMENTS = 540
_WORDS = 3000


def _write_inputs(folder: Path) -> None:
    """Documents of which some repeat others, and probes to plant."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    chance = random.Random(1)
    words = ["".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(_WORDS)]

    def text(length: int) -> str:
        return ". ".join(" ".join(chance.choices(words, k=12)).capitalize() for _ in range(length))

    texts = [text(chance.randint(4, 60)) for _ in range(_DOCUMENTS)]
    texts += texts[:20] + [f"{one} And more." for one in texts[20:40]]
    rows = {"id": [f"d{at}" for at in range(len(texts))], "text": texts}
    pq.write_table(pa.table(rows), folder / "corpus.parquet", row_group_size=100)
    probes = [
        {
            "id": f"p{unit}-{at}",
            "kind": "trap",
            "unit": f"u{unit}",
            "candidate": at,
            "stratum": "s",
            "dose": 2,
            "text": text(1),
        }
        for unit in range(4)
        for at in range(3)
    ]
    pq.write_table(pa.Table.from_pylist(probes), folder / "probes.parquet")


def _commands(work: Path) -> dict[str, list[str]]:
    """The commands that are measured, without their output; what they need is made."""
    trapline = [sys.executable, "-m", "pipelines.cli"]
    _write_inputs(work)
    secrets, log = work / "secrets", work / "log.txt"
    run([*trapline, "seal", "--probes", work / "probes.parquet", "--secrets", secrets, "--context", "64"], log)
    run([*trapline, "draw", "--secrets", secrets, "--self"], log)
    corpus = ["--input", str(work / "corpus.parquet")]
    limits = ["--max-doc-share", "0.9", "--max-corpus-share", "0.5"]
    return {
        "dedup": [*trapline, "dedup", *corpus],
        "prepare": [*trapline, "prepare", *corpus, "--secrets", str(secrets), *limits],
    }


def _rounds(name: str, command: list[str], work: Path, rounds: int, warm: int) -> Iterator[dict[str, Any]]:
    output, cache = work / "out", work / "cache"
    for _ in range(rounds):
        shutil.rmtree(cache, ignore_errors=True)
        for state in ("first", *["later"] * warm):
            shutil.rmtree(output, ignore_errors=True)
            whole = [*command, "--output", str(output)]
            measured = run(whole, work / "log.txt", {"NUMBA_CACHE_DIR": str(cache)})
            yield _row(name, state, measured, json.loads((output / "metrics.json").read_text()))


def _row(name: str, state: str, measured: Measured, metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "command": name,
        "run": state,
        "wall_s": measured.wall_s,
        "cpu_s": measured.cpu_s,
        "compile_s": metrics["compile_seconds"],
        "mb_per_second": metrics["mb_per_second"],
        "peak_rss": measured.peak_rss,
    }


def main() -> None:
    """Measure, and print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="first runs of each command")
    parser.add_argument("--warm", type=int, default=2, help="later runs after each first one")
    parser.add_argument("--json", type=Path, help="write every run to this file")
    options = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for name, command in _commands(Path(folder)).items():
            rows += _rounds(name, command, Path(folder), options.rounds, options.warm)
    print(f"{'command':<9} {'run':<6} {'wall s':>7} {'CPU s':>7} {'compile s':>10} {'MB/s':>6} {'MB':>6}")
    for name, state in dict.fromkeys((row["command"], row["run"]) for row in rows):
        own = [row for row in rows if (row["command"], row["run"]) == (name, state)]
        wall, cpu, waited, speed, peak = (
            statistics.median(row[key] for row in own)
            for key in ("wall_s", "cpu_s", "compile_s", "mb_per_second", "peak_rss")
        )
        print(f"{name:<9} {state:<6} {wall:7.1f} {cpu:7.1f} {waited:10.1f} {speed:6.2f} {peak / 1e6:6.0f}")
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
