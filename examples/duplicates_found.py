"""What deduplication found, for people: one pair side by side."""

import json
from pathlib import Path

import pyarrow.parquet as pq
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

LINES = 12


def show_a_pair(console: Console, output: Path, source: Path) -> None:
    """Print one pair: of the similar but not equal ones, the middling one; and how many documents were removed.

    Args:
        console: to print on.
        output: folder that `trapline dedup` or `prepare` wrote.
        source: the JSONL file that it read, with `id` and `text`.
    """
    near = [row for row in pq.read_table(output / "duplicates").to_pylist() if 0.8 <= row["similarity"] < 0.98]
    if near:
        wanted = sorted(near, key=lambda row: (row["similarity"], row["address"]))[len(near) // 2]
        with source.open(encoding="utf-8") as lines:
            texts = {record["id"]: record["text"] for record in map(json.loads, lines)}
        console.print(f"A pair that was found, similarity about {wanted['similarity']:.2f}:")
        side_by_side = Table.grid(expand=True)
        for _ in range(2):
            side_by_side.add_column(ratio=1)
        side_by_side.add_row(
            *(_panel(name, wanted[key], texts) for name, key in (("kept", "kept_id"), ("removed", "id")))
        )
        console.print(side_by_side, soft_wrap=False)
    counts = json.loads((output / "metrics.json").read_text(encoding="utf-8"))["counts"]
    gone, quarantined = (sum(counts[part].values()) for part in ("removed", "quarantined"))
    documents = counts["kept"] + gone + quarantined
    console.print(f"{gone:,} of {documents:,} documents were near-duplicates of others.")


def _panel(name: str, identity: str, texts: dict[str, str]) -> Panel:
    lines = texts[identity].splitlines()[:LINES]
    text = Text("\n".join(lines), overflow="ellipsis", no_wrap=True)
    return Panel(text, title=f"{name}: {identity}"[:70])
