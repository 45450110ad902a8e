"""`make demo`: deduplicate the text that this installation holds and show what was found."""

import json
import shutil
import sys
from pathlib import Path

from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from examples.installed_text import write_jsonl
from pipelines.cli import main as trapline

FOLDER = Path("demo-out")
LINES = 12


def main() -> int:
    """Run the demo; returns the exit code."""
    console = Console()
    shutil.rmtree(FOLDER, ignore_errors=True)
    (FOLDER / "input").mkdir(parents=True)
    source = FOLDER / "input" / "installed.jsonl"
    with console.status("Collecting licences, descriptions and documentation strings of what is installed here"):
        documents, size = write_jsonl(source)
    console.print(f"Collected {documents:,} documents, {size / 1e6:.1f} MB, into {source}")
    command = ["dedup", "--input", str(source), "--output", str(FOLDER / "output")]
    console.print(f"\n$ trapline {' '.join(command)}", style="bold", highlight=False)
    code = trapline(command)
    if code == 0:
        _show(console, FOLDER / "output", source)
    return code


def _show(console: Console, output: Path, source: Path) -> None:
    """One pair side by side: of the similar but not equal ones, the middling one."""
    import pyarrow.parquet as pq

    near = [row for row in pq.read_table(output / "duplicates").to_pylist() if 0.8 <= row["similarity"] < 0.98]
    texts = {record["id"]: record["text"] for record in map(json.loads, source.open(encoding="utf-8"))}
    if near:
        near.sort(key=lambda row: (row["similarity"], row["address"]))
        pair = near[len(near) // 2]
        console.print(f"\nA pair that was found, similarity about {pair['similarity']:.2f}:")
        removed, kept = (_panel(name, pair[key], texts) for name, key in (("removed", "id"), ("kept", "kept_id")))
        side_by_side = Table.grid(expand=True)
        for _ in range(2):
            side_by_side.add_column(ratio=1)
        side_by_side.add_row(kept, removed)
        console.print(side_by_side)
    counts = json.loads((output / "metrics.json").read_text(encoding="utf-8"))["counts"]
    gone = sum(counts["removed"].values())
    console.print(f"\n{gone:,} of {counts['documents_in']:,} documents were near-duplicates of others.")
    console.print(f"Report:     {output / 'report.html'}")
    console.print(f"Shards:     {output / 'data'}")
    console.print(f"Duplicates: {output / 'duplicates'}")


def _panel(name: str, identity: str, texts: dict[str, str]) -> Panel:
    lines = texts[identity].splitlines()[:LINES]
    text = Text("\n".join(lines), overflow="ellipsis", no_wrap=True)
    return Panel(text, title=f"{name}: {identity}"[:70])


if __name__ == "__main__":
    sys.exit(main())
