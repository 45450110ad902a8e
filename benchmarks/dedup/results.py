"""What a benchmark run has found, and the machine it ran on."""

from __future__ import annotations

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from benchmarks.dedup.corpus import Size
from benchmarks.dedup.judge import Verdict
from benchmarks.measuring.measure import Measured


@dataclass
class Row:
    """One tool on one corpus.

    Attributes:
        part: "size" (whole corpora and their copies), "sample" or "quality".
        corpus: how the report calls it.
        factor: size in whole corpora; 0 outside the part "size".
        size: of the corpus.
        tool: its name.
        runs: in the order in which they were made.
        to_copy: for each run, its wall time over that of the Parquet copy just before it.
        verdict: by exact similarities; None where nothing was judged.
    """

    part: str
    corpus: str
    factor: int
    size: Size
    tool: str
    runs: list[Measured] = field(default_factory=list)
    to_copy: list[float] = field(default_factory=list)
    verdict: Verdict | None = None

    @property
    def wall(self) -> float:
        """Median wall time, seconds."""
        return statistics.median(run.wall_s for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median CPU time of all processes, seconds."""
        return statistics.median(run.cpu_s for run in self.runs)

    @property
    def peak(self) -> int:
        """Largest peak memory of any run, bytes."""
        return max(run.peak_rss for run in self.runs)

    @property
    def rate(self) -> float:
        """Text per second at the median wall time, MB/s (10**6)."""
        return self.size.text_bytes / 1e6 / self.wall

    @property
    def ratio(self) -> float | None:
        """Median, pair by pair, of the wall time over the Parquet copy's."""
        return statistics.median(self.to_copy) if self.to_copy else None


@dataclass
class Results:
    """A whole benchmark run."""

    command: str
    machine: dict[str, Any]
    tools: list[dict[str, str]]
    absent: dict[str, str]
    rows: list[Row] = field(default_factory=list)

    def find(self, part: str, tool: str) -> list[Row]:
        """Rows of one tool in one part, smallest corpus first."""
        rows = [row for row in self.rows if row.part == part and row.tool == tool and row.runs]
        return sorted(rows, key=lambda row: row.size.text_bytes)

    def save(self, path: Path) -> None:
        """Write everything as JSON, the derived figures included."""
        rows = []
        for row in self.rows:
            derived = {"wall_s": row.wall, "cpu_s": row.cpu, "peak_rss": row.peak, "mb_per_s": row.rate}
            shares = {}
            if row.verdict:
                shares = {"residual_share": row.verdict.residual_share, "false_share": row.verdict.false_share}
            rows.append(asdict(row) | {"median": derived | {"ratio_to_copy": row.ratio}} | shares)
        content = {"command": self.command, "machine": self.machine, "tools": self.tools, "absent": self.absent}
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content | {"rows": rows}, indent=2) + "\n", encoding="utf8")


def machine(threads: int) -> dict[str, Any]:
    """What the figures depend on; no names and no paths."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() if named else model
    return {
        "cpu": model,
        "cores_used": threads,
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
