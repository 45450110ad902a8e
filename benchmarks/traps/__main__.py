"""`trapline traps` on a real corpus, as a user runs it: time, memory, what was rejected and why.

    python -m benchmarks.traps --corpus GLOB... --output DIR [flags of trapline traps]

Without further flags: 6,000 candidates by ngram, 2,000 of each of the lengths 25, 50 and 100, and nothing else. The
whole command is measured: start, fit, sampling, rejection with its scan of the corpus, report.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from benchmarks.measuring.measure import run

DEFAULT = ("--units", "50", "--perplexity-buckets", "1")


def measured(corpus: list[str], output: Path, flags: list[str]) -> dict[str, object]:
    """Run the command once into a new folder; what it took and what its report says."""
    shutil.rmtree(output / "probes", ignore_errors=True)
    command = [sys.executable, "-m", "pipelines.cli", "traps", "--output", output / "probes", "--corpus", *corpus]
    took = run([*command, *(flags or DEFAULT)], output / "log.txt")
    report = json.loads((output / "probes/report.json").read_text())
    return {
        "wall_seconds": round(took.wall_s, 1),
        "cpu_seconds": round(took.cpu_s, 1),
        "peak_rss_mb": round(took.peak_rss / 1e6),
        "threads": report["threads"],
        "candidates": report["candidates"],
        "cells": len(report["cells"]),
        "filled": sum(cell["candidates"] >= cell["needed"] for cell in report["cells"]),
        "scans": report["scans"],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", required=True)
    parser.add_argument("--output", type=Path, required=True)
    given, rest = parser.parse_known_args()
    given.output.mkdir(parents=True, exist_ok=True)
    print(json.dumps(measured(given.corpus, given.output, rest), indent=2))
