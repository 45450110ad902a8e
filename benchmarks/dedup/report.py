"""The benchmark's tables, page and plot."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from rich.table import Table

from benchmarks.dedup.results import Results, Row

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


QUALITY = ("duplicates", "removed", "residual duplicates", "false removals")
COLUMNS: dict[str, Callable[[Row], str]] = {
    "tool": lambda row: row.tool,
    "wall, s": _seconds,
    "MB/s": lambda row: f"{row.rate:.3g}",
    "CPU, s": lambda row: f"{row.cpu:.1f}",
    "peak RSS, GB": lambda row: f"{row.peak / 1e9:.2f}",
    "time / copy": lambda row: _range(row.to_copy) if row.to_copy else "",
    "duplicates": lambda row: f"{row.verdict.duplicates:,}" if row.verdict else "",
    "removed": lambda row: f"{row.verdict.removed:,}" if row.verdict else "",
    "residual duplicates": lambda row: _share(row.verdict.residual, row.verdict.kept) if row.verdict else "",
    "false removals": lambda row: _share(row.verdict.false_removals, row.verdict.removed) if row.verdict else "",
}


def columns(rows: Iterable[Row]) -> list[str]:
    """Columns that say something about these rows; a run for quality alone is no measurement of time."""
    chosen = list(rows)
    wanted = ("tool", *QUALITY) if chosen[0].part == "quality" else tuple(COLUMNS)
    return [name for name in wanted if any(COLUMNS[name](row) for row in chosen)]


def by_corpus(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows under a heading that names their corpus and its size, in the order in which they were made."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        size = f"{row.size.documents:,} documents, {row.size.text_bytes / 1e6:,.0f} MB of text"
        found.setdefault(f"{row.corpus}: {size}", []).append(row)
    return found


def terminal_tables(results: Results) -> list[Table]:
    """One table a corpus, for a terminal."""
    tables = []
    for heading, rows in by_corpus(results.rows).items():
        table = Table(title=heading, title_justify="left")
        names = columns(rows)
        for name in names:
            table.add_column(name, justify="left" if name == "tool" else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(COLUMNS[name](row) for name in names), style="bold" if row.tool == "trapline" else "")
        tables.append(table)
    return tables


def _markdown_table(names: list[str], rows: Iterable[Iterable[str]]) -> str:
    align = ["---" if name in ("tool", "version", "what it does") else "---:" for name in names]
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
        groups = by_corpus(row for row in results.rows if row.part == part)
        parts += [f"## {title}"] if groups else []
        for heading, rows in groups.items():
            names = columns(rows)
            table = _markdown_table(names, ([COLUMNS[name](row) for name in names] for row in rows))
            parts += [f"**{heading}**", table]
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
- **duplicates**: documents of the corpus with an earlier neighbour whose exact Jaccard similarity, over lower-cased
  5-word shingles, is .8 or more.
- **residual duplicates**: kept documents with an earlier kept neighbour at .87 or more; share of the kept documents.
- **false removals**: removed documents without a kept neighbour at .73 or more; share of the removed documents. What a
  tool drops without a word (datatrove: documents without text) counts as removed.

## What is not the same

- All tools use the **bands** that trapline chooses at a threshold of .8. It chooses them for recall, since it verifies
  each pair afterwards. Tools that trust their buckets then remove documents from a similarity of about .65 on: with
  fewer or longer bands they would remove less that they should not, and miss more.
- **datatrove** writes every number as 0 and removes accents before it compares, so documents that differ in their
  numbers alone are equal to it. Its clusters are transitive. Documents of fewer than 5 words are always kept.
- **text-dedup** cuts words at each single character that is no letter or digit, so that `, ` leaves an empty word in
  the shingles, and trusts its buckets: no pair is verified. It writes Arrow files, not compressed.
- **daft** computes signatures only. Words are cut at single spaces, as its `minhash` does, without lower-casing or
  removing punctuation: less work than the shingles of the other tools need.
- The **sample** holds whole blocks of 64 neighbouring rows, with the columns `id` and `text` only.
- The **copies** of a corpus have a fifth of their words replaced (`benchmarks/dedup/scale.py`), so that they are no
  near-duplicates of it or of each other. With `--kin` each has as many near-duplicates inside as the original; without,
  it has none, and nearly all of it is kept."""


def _series(axes: Any, results: Results, value: Callable[[Row], float]) -> None:
    sizes: list[float] = []
    for tool in results.tools:
        rows = results.find("size", tool["name"])
        if rows:
            x = [row.size.text_bytes / 1e9 for row in rows]
            color = COLORS[tool["name"]]
            axes.plot(x, [value(row) for row in rows], "o-", color=color, label=tool["name"], lw=1.6, ms=4)
            sizes = max(sizes, x, key=len)
    axes.set(xlabel="text, GB", xscale="log")
    if sizes:
        axes.set_xticks(sizes, [f"{size:.2g}" for size in sizes])
        axes.set_xticks([], minor=True)
    axes.grid(alpha=0.25)


def draw(results: Results, path: Path) -> None:
    """Time against size, memory against size, and speed on the sample; an SVG without a date."""
    with mpl.rc_context({"svg.hashsalt": "trapline", "font.size": 9, "svg.fonttype": "none"}):
        figure = Figure(figsize=(11, 3.4), layout="constrained")
        time, memory, speed = figure.subplots(1, 3)
        _series(time, results, lambda row: row.wall)
        time.set(yscale="log", ylabel="wall time, s", title="time")
        time.yaxis.set_major_formatter("{x:g}")
        if time.lines:
            time.legend(frameon=False)
        _series(memory, results, lambda row: row.peak / 1e9)
        ours = results.find("size", "trapline")
        if ours:
            x = [row.size.text_bytes / 1e9 for row in ours]
            budget = [(MEMORY_BASE + MEMORY_PER_DOCUMENT * row.size.documents) / 1e9 for row in ours]
            memory.plot(x, budget, ":", color="#444444", lw=1, label="1.5 GB + 400 B a document")
            memory.legend(frameon=False)
        memory.set(ylabel="peak RSS, GB", title="memory")
        memory.set_ylim(bottom=0)
        names = [tool["name"] for tool in results.tools if results.find("sample", tool["name"])]
        rates = [results.find("sample", name)[-1].rate for name in names]
        bars = speed.barh(names, rates, color=[COLORS[name] for name in names])
        speed.bar_label(bars, [f"{rate:.3g}" for rate in rates], padding=3)
        speed.invert_yaxis()
        speed.set(xlabel="MB/s", title="speed on the sample")
        if rates:
            speed.set(xscale="log", xlim=(min(rates) / 3, max(rates) * 4))
            speed.xaxis.set_major_formatter("{x:g}")
        for axes in (time, memory, speed):
            axes.spines[["top", "right"]].set_visible(False)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="svg", metadata={"Date": None})


def write(results: Results, folder: Path) -> list[Path]:
    """Write `dedup.json`, `dedup.svg` and `dedup.md` into `folder`."""
    results.save(folder / "dedup.json")
    draw(results, folder / "dedup.svg")
    (folder / "dedup.md").write_text(page(results, "dedup.svg"), encoding="utf8")
    return [folder / name for name in ("dedup.md", "dedup.svg", "dedup.json")]
