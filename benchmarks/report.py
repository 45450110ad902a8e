"""The benchmark's tables, page and plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from rich.table import Table

from benchmarks.results import Results, Row

mpl.use("svg")
from matplotlib import pyplot as plt

MEMORY_BASE, MEMORY_PER_DOCUMENT = 1.5e9, 400
COLORS = {
    "copy": "#8a8a8a",
    "trapline": "#c1440e",
    "daft": "#5b7db1",
    "datatrove": "#6a994e",
    "text-dedup": "#9a6fb0",
}
TITLES = {
    "size": "Whole corpora, and copies of them",
    "sample": "A sample, for the slower tools",
    "quality": "Quality, other corpora",
}


def _share(count: int, of: int) -> str:
    return f"{100 * count / max(1, of):.3f} % ({count:,})"


def _seconds(row: Row) -> str:
    walls = sorted(run.wall_s for run in row.runs)
    spread = f" ({walls[0]:.1f} to {walls[-1]:.1f})" if len(walls) > 1 else ""
    return f"{row.wall:.1f}{spread}"


def _range(values: list[float]) -> str:
    spread = f" ({min(values):.2f} to {max(values):.2f})" if len(values) > 1 else ""
    return f"{float(np.median(values)):.2f}{spread}"


COLUMNS: dict[str, Callable[[Row], str]] = {
    "corpus": lambda row: row.corpus,
    "documents": lambda row: f"{row.size.documents:,}",
    "text, MB": lambda row: f"{row.size.text_bytes / 1e6:,.0f}",
    "tool": lambda row: row.tool,
    "wall, s": _seconds,
    "MB/s": lambda row: f"{row.rate:.1f}",
    "CPU, s": lambda row: f"{row.cpu:.1f}",
    "peak RSS, GB": lambda row: f"{row.peak / 1e9:.2f}",
    "time / copy": lambda row: _range(row.to_copy) if row.to_copy else "",
    "removed": lambda row: f"{row.verdict.removed:,}" if row.verdict else "",
    "residual duplicates": lambda row: _share(row.verdict.residual, row.verdict.kept) if row.verdict else "",
    "false removals": lambda row: _share(row.verdict.false_removals, row.verdict.removed) if row.verdict else "",
}


def columns(rows: Iterable[Row]) -> list[str]:
    """Columns that say something about these rows."""
    chosen = list(rows)
    return [name for name, cell in COLUMNS.items() if any(cell(row) for row in chosen)]


def terminal_tables(results: Results) -> list[Table]:
    """One table a part, for a terminal."""
    tables = []
    for part, title in TITLES.items():
        rows = [row for row in results.rows if row.part == part]
        if not rows:
            continue
        table = Table(title=title, title_justify="left")
        names = columns(rows)
        for name in names:
            table.add_column(name, justify="left" if name in ("corpus", "tool") else "right")
        for row in rows:
            table.add_row(*(COLUMNS[name](row) for name in names), style="bold" if row.tool == "trapline" else "")
        tables.append(table)
    return tables


def _markdown_table(names: list[str], rows: Iterable[Iterable[str]]) -> str:
    align = ["---" if name in ("corpus", "tool", "version", "what it does") else "---:" for name in names]
    lines = [names, align, *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _comparisons(results: Results) -> list[str]:
    """Sentences that compare trapline with each peer and with itself at other sizes."""
    lines = []
    for tool in results.tools:
        name = tool["name"]
        if name in ("copy", "trapline"):
            continue
        for part in ("size", "sample"):
            ours = {row.corpus: row for row in results.find(part, "trapline")}
            for row in results.find(part, name):
                if row.corpus in ours:
                    times = row.wall / ours[row.corpus].wall
                    lines.append(f"{row.corpus}: {name} takes {times:.2f} times as long as trapline.")
    sizes = results.find("size", "trapline")
    if len(sizes) > 1:
        small, large = sizes[0], sizes[-1]
        linear = large.wall / small.wall * small.size.text_bytes / large.size.text_bytes
        lines.append(
            f"trapline at {large.factor} times the text of {small.corpus}: {linear:.2f} times what a linear growth"
            f" of its time there would give."
        )
    for row in sizes:
        budget = MEMORY_BASE + MEMORY_PER_DOCUMENT * row.size.documents
        lines.append(
            f"trapline on {row.corpus}: {row.peak / 1e9:.2f} GB at its peak;"
            f" 1.5 GB + 400 bytes a document would be {budget / 1e9:.2f} GB."
        )
    return lines


def page(results: Results, plot: str) -> str:
    """The report as Markdown."""
    machine = results.machine
    parts = [
        "# Deduplication, side by side",
        "Made by",
        f"```\n{results.command}\n```",
        (
            f"on {machine['cores_used']} of {machine['cores']} cores ({machine['cpu']}), {machine['memory_gb']} GB of "
            f"memory, {machine['system']}, Python {machine['python']}. All tools ran on the same cores and corpora, in "
            f"turns: copy, trapline, the others, and again. The figures are in [dedup.json](dedup.json)."
        ),
        f"![Time, memory and speed]({plot})",
    ]
    for part, title in TITLES.items():
        rows = [row for row in results.rows if row.part == part]
        if rows:
            names = columns(rows)
            parts += [f"## {title}", _markdown_table(names, ([COLUMNS[name](row) for name in names] for row in rows))]
    parts += ["## In words", "\n".join(f"- {line}" for line in _comparisons(results))]
    tools = ([tool["name"], tool["version"], tool["does"]] for tool in results.tools)
    parts += ["## The tools", _markdown_table(["tool", "version", "what it does"], tools)]
    parts += [f"Not run: {name} ({reason})." for name, reason in results.absent.items()]
    parts.append(NOTES)
    return "\n\n".join(parts) + "\n"


NOTES = """## What the columns say

- **wall**: from before the process starts until it has ended, start-up included; median, and the range of all runs.
  One run of each tool went before and is not counted: files are in the page cache, kernels compiled.
- **CPU**: user and system time of the process and of its children.
- **peak RSS**: the largest sum over the tool's processes, looked at four times a second, or the largest single process
  as the kernel saw it, whichever is more. Memory that processes share counts once in each.
- **time / copy**: a run's wall time over that of the Parquet copy of the same round; median and range of these pairs.
- **residual duplicates**: kept documents with an earlier kept neighbour whose exact Jaccard similarity, over
  lower-cased 5-word shingles, is .87 or more; share of the kept documents.
- **false removals**: removed documents without a kept neighbour at .73 or more; share of the removed documents. What a
  tool drops without a word (datatrove: documents without text) counts as removed.

## What is not the same

- **datatrove** writes every number as 0 and removes accents before it compares, so documents that differ in their
  numbers alone are equal to it. Its clusters are transitive. Documents of fewer than 5 words are always kept.
- **text-dedup** cuts words at each single character that is no letter or digit, so that `, ` leaves an empty word in
  the shingles, and trusts its buckets: no pair is verified. It writes Arrow files, not compressed.
- **daft** computes signatures only. Words are cut at single spaces, as its `minhash` does, without lower-casing or
  removing punctuation: less work than the shingles of the other tools need.
- The **sample** holds whole blocks of 64 neighbouring rows, with the columns `id` and `text` only.
- The **copies** of a corpus have a fifth of their words replaced (`benchmarks/scale.py`), so that they are no
  near-duplicates of it or of each other."""


def _series(axes: Any, results: Results, value: Callable[[Row], float]) -> None:
    for tool in results.tools:
        rows = results.find("size", tool["name"])
        if rows:
            x = [row.size.text_bytes / 1e9 for row in rows]
            color = COLORS[tool["name"]]
            axes.plot(x, [value(row) for row in rows], "o-", color=color, label=tool["name"], lw=1.6, ms=4)
    axes.set_xlabel("text, GB")
    axes.grid(alpha=0.25)


def draw(results: Results, path: Path) -> None:
    """Time against size, memory against size, and speed on the sample; an SVG without a date."""
    with mpl.rc_context({"svg.hashsalt": "trapline", "font.size": 9, "svg.fonttype": "none"}):
        figure, (time, memory, speed) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
        _series(time, results, lambda row: row.wall)
        time.set(xscale="log", yscale="log", ylabel="wall time, s", title="time")
        time.legend(frameon=False)
        _series(memory, results, lambda row: row.peak / 1e9)
        ours = results.find("size", "trapline")
        if ours:
            x = [row.size.text_bytes / 1e9 for row in ours]
            budget = [(MEMORY_BASE + MEMORY_PER_DOCUMENT * row.size.documents) / 1e9 for row in ours]
            memory.plot(x, budget, ":", color="#444444", lw=1, label="1.5 GB + 400 B a document")
            memory.legend(frameon=False)
        memory.set(xscale="log", ylabel="peak RSS, GB", title="memory")
        memory.set_ylim(bottom=0)
        names = [tool["name"] for tool in results.tools if results.find("sample", tool["name"])]
        rates = [results.find("sample", name)[-1].rate for name in names]
        bars = speed.barh(names, rates, color=[COLORS[name] for name in names])
        speed.bar_label(bars, [f"{rate:.1f}" for rate in rates], padding=3)
        speed.invert_yaxis()
        speed.set(xlabel="MB/s", title="speed on the sample")
        if rates:
            speed.set(xscale="log", xlim=(min(rates) / 3, max(rates) * 4))
        for axes in (time, memory, speed):
            axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, metadata={"Date": None})
        plt.close(figure)


def write(results: Results, folder: Path) -> list[Path]:
    """Write `dedup.json`, `dedup.svg` and `dedup.md` into `folder`."""
    results.save(folder / "dedup.json")
    draw(results, folder / "dedup.svg")
    (folder / "dedup.md").write_text(page(results, "dedup.svg"), encoding="utf8")
    return [folder / name for name in ("dedup.md", "dedup.svg", "dedup.json")]
