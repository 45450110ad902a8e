"""Deduplication side by side: a Parquet copy, trapline and its peers, on the same corpora and cores, in one run.

    python -m benchmarks.dedup [--corpus DIR...] [--quality] [--sample 0.1] [--scale 1 4 16]

Prints a table and writes it, with a plot and all figures, to docs/benchmarks/. Each peer gets an environment of its
own below the work folder, made once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.dedup import report, tools
from benchmarks.dedup.corpus import measure_size, write_sample
from benchmarks.dedup.environments import InstallationError
from benchmarks.dedup.installed import installed_corpus
from benchmarks.dedup.judge import corpus_neighbours, judge
from benchmarks.dedup.results import Results, Row, machine
from benchmarks.dedup.scale import make_copies
from benchmarks.measuring.measure import CommandFailedError, run

ROOT = Path(__file__).resolve().parents[2]
console = Console(stderr=True, highlight=False)


@dataclass(frozen=True)
class Bench:
    """The run's settings and what it has found so far."""

    given: argparse.Namespace
    found: dict[str, tools.Tool]
    results: Results

    @property
    def work(self) -> Path:
        """Where everything that is not a result goes."""
        return Path(self.given.work).absolute()

    def once(self, tool: tools.Tool, folders: Sequence[Path], row: Row | None) -> Path:
        """Run a tool on a corpus; without `row` it is a warm-up. Returns its output, to be removed by the caller."""
        output = self.work / "out" / tool.name
        shutil.rmtree(output, ignore_errors=True)
        output.parent.mkdir(parents=True, exist_ok=True)
        measured = run(tool.command(folders, output), self.work / "logs" / f"{tool.name}.txt", tool.environment)
        if row is not None:
            row.runs.append(measured)
            what = f"{row.corpus}, {tool.name}"
            console.print(f"{what:<40} {measured.wall_s:8.2f} s  {measured.peak_rss / 1e9:6.2f} GB")
        return output

    def compare(self, rows: dict[str, Row], folders: Sequence[Path], rounds: dict[str, int], judged: bool) -> None:
        """Run the tools of `rows` in turns, `rounds` times each, and judge what they kept in their last round."""
        for turn in range(max(rounds.values())):
            pace: float | None = None
            for name, row in rows.items():
                if turn >= rounds[name]:
                    continue
                tool = self.found[name]
                try:
                    output = self.once(tool, folders, row)
                except CommandFailedError as error:
                    self.fail(name, row.corpus, error)
                    rounds[name] = 0
                    continue
                if name == "copy":
                    pace = row.runs[-1].wall_s
                elif pace is not None:
                    row.to_copy.append(row.runs[-1].wall_s / pace)
                if judged and tool.flags and turn == rounds[name] - 1:
                    neighbours = corpus_neighbours(folders, self.work / "judge", self.given.threads)
                    row.verdict = judge(neighbours, *tool.flags(folders, output))
                shutil.rmtree(output, ignore_errors=True)
        self.results.rows += [row for row in rows.values() if row.runs]
        report.write(self.results, self.given.results)

    def warm_up(self, folders: Sequence[Path], names: Sequence[str], where: str) -> list[str]:
        """Fill the page cache, compile kernels, load libraries: not counted. Returns the tools that did not fail."""
        able = []
        for name in names:
            console.print(f"{name}, not counted", style="dim")
            try:
                shutil.rmtree(self.once(self.found[name], folders, None), ignore_errors=True)
                able.append(name)
            except CommandFailedError as error:
                self.fail(name, where, error)
        return able

    def fail(self, name: str, where: str, error: CommandFailedError) -> None:
        """Say that a tool has failed on a corpus, and go on without it."""
        self.results.absent[f"{name} on {where}"] = "failed"
        console.print(str(error), style="red", markup=False)


def by_size(bench: Bench, folders: Sequence[Path]) -> None:
    """Whole corpora and their copies."""
    given = bench.given
    label = " + ".join(folder.name for folder in folders)
    copies = make_copies(folders, bench.work / "scale", max(given.scale) - 1, kin=given.kin, threads=given.threads)
    for factor in sorted(given.scale):
        parts = [*folders, *copies[: factor - 1]]
        size = measure_size(parts)
        names = [name for name, tool in bench.found.items() if tool.whole and factor <= tool.up_to]
        title = label if factor == 1 else f"{label}, x {factor}"
        if factor == min(given.scale):
            names = bench.warm_up(parts, names, title)
        else:
            bench.warm_up(parts, names[:1], title)
        rows = {name: Row("size", title, factor, size, name) for name in names}
        bench.compare(rows, parts, dict.fromkeys(names, given.repeat), given.quality and factor == 1)


def by_sample(bench: Bench, folders: Sequence[Path]) -> None:
    """A fraction of the corpora, for tools that would take hours on all of it."""
    given = bench.given
    places = bench.work / "samples"
    label = " + ".join(folder.name for folder in folders)
    sample = write_sample(folders, given.sample, places)
    few = write_sample(folders, min(given.sample, 0.005), places)
    title = f"{given.sample:.3g} of {label}"
    names = bench.warm_up([few], list(bench.found), title)
    rows = {name: Row("sample", title, 0, measure_size([sample]), name) for name in names}
    rounds = {name: given.repeat if bench.found[name].whole else given.peer_repeat for name in names}
    bench.compare(rows, [sample], rounds, given.quality)


def by_quality(bench: Bench, folders: Sequence[Path]) -> None:
    """Judge trapline alone on further corpora, each judged for itself."""
    for folder in folders:
        rows = {"trapline": Row("quality", folder.name, 0, measure_size([folder]), "trapline")}
        bench.compare(rows, [folder], {"trapline": 1}, True)


def shown_command(given: argparse.Namespace) -> str:
    """The command of this run, folders by their last name."""
    words = ["python -m benchmarks.dedup"]
    words += ["--corpus", *(folder.name for folder in given.corpus)] if given.corpus else []
    words += ["--repeat", str(given.repeat), "--peer-repeat", str(given.peer_repeat), "--threads", str(given.threads)]
    words += ["--sample", f"{given.sample:g}", "--scale", *map(str, given.scale), "--only", *given.only]
    words += ["--kin"] if given.kin else []
    if given.quality:
        words += ["--quality", *(["--judge", *(folder.name for folder in given.judge)] if given.judge else [])]
    return " ".join(words)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--corpus", nargs="+", type=Path, help="folders of Parquet with a text column; none: what is installed here"
    )
    parser.add_argument("--work", type=Path, default=ROOT / "bench-work", help="environments, copies, outputs")
    parser.add_argument("--results", type=Path, default=ROOT / "docs" / "benchmarks", help="where the report goes")
    parser.add_argument("--repeat", type=int, default=3, help="rounds")
    parser.add_argument("--peer-repeat", type=int, default=1, help="rounds of the slower tools, on the sample")
    parser.add_argument("--threads", type=int, default=2, help="cores and threads for every tool")
    parser.add_argument("--sample", type=float, default=0.1, help="fraction for the slower tools; 0: leave out")
    parser.add_argument("--scale", nargs="*", type=int, default=[1, 4, 16], help="sizes, in corpora; none: leave out")
    parser.add_argument("--kin", action="store_true", help="copies keep the near-duplicates they have inside")
    parser.add_argument("--only", nargs="+", choices=tools.NAMES, default=list(tools.NAMES), metavar="NAME")
    parser.add_argument("--quality", action="store_true", help="judge by exact similarities what was kept")
    parser.add_argument("--judge", nargs="*", type=Path, default=[], help="further corpora on which to judge trapline")
    given = parser.parse_args()
    for name, least in (("repeat", 1), ("peer_repeat", 1), ("threads", 1)):
        if getattr(given, name) < least:
            parser.error(f"--{name.replace('_', '-')} {getattr(given, name)}: give {least} or more")
    if not 0 <= given.sample <= 1:
        parser.error(f"--sample {given.sample}: give a fraction from 0 to 1")
    if any(factor < 1 for factor in given.scale):
        parser.error(f"--scale {given.scale}: give whole numbers from 1")
    return given


def main() -> None:
    given = parse()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: given.threads])
    found: dict[str, tools.Tool] = {}
    absent: dict[str, str] = {}
    for name in [name for name in tools.NAMES if name in given.only]:
        try:
            found[name] = tools.make(name, given.threads, given.work.absolute())
        except InstallationError as error:
            console.print(f"{name} is left out: {error}", style="yellow", markup=False)
            absent[name] = "does not install here"
    listed = [{"name": tool.name, "version": tool.version, "does": tool.does} for tool in found.values()]
    bench = Bench(given, found, Results(shown_command(given), machine(given.threads), listed, absent))
    corpus = given.corpus or [installed_corpus(bench.work / "installed text")]
    if given.scale:
        by_size(bench, corpus)
    if given.sample:
        by_sample(bench, corpus)
    if given.quality and "trapline" in found:
        by_quality(bench, [*corpus, *given.judge] if len(corpus) > 1 else given.judge)
    output = Console(width=None if sys.stdout.isatty() else 160)
    for table in report.terminal_tables(bench.results):
        output.print(table)
    for path in report.write(bench.results, given.results):
        output.print(path)


if __name__ == "__main__":
    main()
