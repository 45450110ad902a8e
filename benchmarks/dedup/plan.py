"""The plan alone, on numbers that no text was read for: time, memory and disk against the number of documents.

    python -m benchmarks.dedup.plan --documents 5000000 50000000 --output DIR

For each size the scan's files are made (not timed; 520 bytes a document), then a process of its own plans, with
`--plan partitioned` or, for comparison, `one`. Its memory is the largest sum over all of its processes, looked at four
times a second. Everything is removed afterwards, save `plan-DOCUMENTS-KIND.json`: the figures, and for each stage its
time and the bytes that it left for later ones.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.dedup.synthetic_scan import BANDS, ROWS, WIDTH, write_scan
from benchmarks.measuring.measure import run as measured
from transforms.base.folders import Folder, sha256
from transforms.base.runs import Work, pretty_json
from transforms.dedup.minhash import MinHashConfig
from transforms.dedup.plan import PlanConfig

RUN = "0" * 32


def _work(output: Path) -> Work:
    return Work(Folder.of(str(output)), RUN)


def _config() -> PlanConfig:
    return PlanConfig(MinHashConfig(num_perm=WIDTH, bands=BANDS, rows=ROWS), 0.8, "survivors", 512, 0, "train")


def plan(output: Path, kind: str, threads: int) -> None:
    """Plan a scan that was made, as `trapline dedup` does; writes `stages.json`."""
    from apache_beam.options.pipeline_options import PipelineOptions

    from pipelines.jobs.launch import launch
    from transforms.dedup.partitioned.layout import FOLDER
    from transforms.dedup.partitioned.plan import PartitionedPlan
    from transforms.dedup.plan import PlanDeduplication

    work, stages = _work(output), {}
    scan = json.loads(work.folder.read("scan.json"))
    options = PipelineOptions([])
    if kind == "one":
        launch(lambda root: root | PlanDeduplication(scan, _config(), work, (), threads), options)
        return

    def run(build: Any) -> None:
        began = time.perf_counter()
        launch(build, options)
        name = list(stages)[-1]
        folder = work.folder.local_path(f"{FOLDER}/{name}")
        left = sum(path.stat().st_size for path in folder.rglob("*")) if folder.exists() else 0
        stages[name] = {"seconds": round(time.perf_counter() - began, 2), "bytes": left}
        print(name, stages[name], flush=True)

    def begin(name: str) -> None:
        stages[name] = {}

    PartitionedPlan.of(scan, _config(), work, (), threads, run, begin).run()
    (output / "stages.json").write_text(json.dumps(stages))


def measure(output: Path, documents: int, kind: str, threads: int) -> dict[str, Any]:
    """Make a scan, plan it and remove everything; the figures."""
    folder = output / f"plan-{documents}-{kind}"
    shutil.rmtree(folder, ignore_errors=True)
    began = time.perf_counter()
    write_scan(_work(folder), documents, threads)
    made = time.perf_counter() - began
    command = [sys.executable, "-m", "benchmarks.dedup.plan", "--run", kind, "--output", folder, "--threads", threads]
    found = measured([str(word) for word in command], output / f"plan-{documents}-{kind}.log")
    committed = json.loads(_work(folder).folder.read("plan.json"))
    stages = json.loads((folder / "stages.json").read_text()) if kind == "partitioned" else {}
    figures = {
        "documents": documents,
        "kind": kind,
        "threads": threads,
        "made_s": round(made, 1),
        "wall_s": round(found.wall_s, 1),
        "cpu_s": round(found.cpu_s, 1),
        "microseconds_per_document": round(found.wall_s / documents * 1e6, 3),
        "peak_rss": found.peak_rss,
        "scan_bytes": sum(path.stat().st_size for path in _work(folder).folder.local_path("scan").iterdir()),
        "shuffled_bytes": sum(stage["bytes"] for stage in stages.values()),
        "removed": committed["counts"]["removed"],
        "comparisons": committed["comparisons"],
        "edits_and_duplicates": _digest(folder),
        "stages": stages,
    }
    shutil.rmtree(folder)
    (output / f"plan-{documents}-{kind}.json").write_bytes(pretty_json(figures))
    return figures


def _digest(folder: Path) -> str:
    """One hash of what was decided: the same for both kinds of plan."""
    files = [*sorted(folder.glob("duplicates/*")), *sorted(_work(folder).folder.local_path("edits").iterdir())]
    return sha256(b"".join(sha256(path.read_bytes()).encode() for path in files))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", nargs="+", type=int, default=[5_000_000, 50_000_000])
    parser.add_argument("--kind", nargs="+", choices=("partitioned", "one"), default=["partitioned"])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--run", choices=("partitioned", "one"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.run:
        plan(given.output, given.run, given.threads)
    else:
        for size in given.documents:
            for how in given.kind:
                print(json.dumps(measure(given.output, size, how, given.threads)), flush=True)
