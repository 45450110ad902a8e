"""Parts of which dataset cards are made: Markdown that shows any text as it stands, and sections that several have."""

import json
import re
from collections.abc import Sequence

from transforms.base.folders import sha256
from transforms.corpus.output.manifest import Column, WrittenShard

_CATEGORIES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
    (1_000_000_000_000, "100B<n<1T"),
)
_MARKDOWN = re.compile(r"[\\`*_\[\]!|~$]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Characters that end a line or a cell, cannot be encoded, or turn the reading direction of what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def header(rows: int, split: str, shards: Sequence[WrittenShard], tags: Sequence[str]) -> str:
    """The YAML header: it makes `datasets.load_dataset(FOLDER)` read the shards in `data/` and nothing else."""
    category = next((name for limit, name in _CATEGORIES if rows < limit), "n>1T")
    return block(
        "---",
        "configs:",
        "- config_name: default",
        f"  description: {yaml_text(_fingerprint(shards))}",
        "  data_files:",
        f"  - split: {yaml_text(split)}",
        f"    path: {yaml_text(f'data/{split}-*')}",
        "size_categories:",
        f"- {category}",
        "tags:",
        *(f"- {tag}" for tag in tags),
        "---",
    )


def _fingerprint(shards: Sequence[WrittenShard]) -> str:
    """Tells this output from others.

    `datasets` treats folders with the same name and the same header as one data set, and would answer with what it
    has cached of another.
    """
    return f"shards {sha256(''.join(shard.sha256 for shard in shards).encode())}"


def columns(schema: Sequence[Column]) -> str:
    """The section of columns and their types; empty for none."""
    rows = [[escape(column.name), escape(column.type)] for column in schema]
    return block("## Columns", "", *grid(["Column", "Type"], rows, "ll")) if rows else ""


def loading(split: str) -> str:
    """The section that shows how the shards are read."""
    pattern = f"data/{split}-*.parquet"
    return block(
        "## Load it",
        "",
        "From within this folder, with `datasets`, Polars or DuckDB:",
        "",
        *fence(
            "from pathlib import Path\n\n"
            "from datasets import load_dataset\n\n"
            f"documents = load_dataset(str(Path.cwd()), split={json.dumps(split, ensure_ascii=False)})",
            "python",
        ),
        "",
        *fence(
            f"import polars as pl\n\ndocuments = pl.scan_parquet({json.dumps(pattern, ensure_ascii=False)}).collect()",
            "python",
        ),
        "",
        *fence(f"SELECT count(*) FROM '{pattern.replace(chr(39), chr(39) * 2)}';", "sql"),  # noqa: S608 - shown, not run
    )


def block(*lines: str) -> str:
    """Lines of Markdown."""
    return "\n".join(lines) + "\n"


def grid(columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """A Markdown table; cells are Markdown already. `align` has an 'l' or 'r' for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return ["| " + " | ".join(row) + " |" for row in (columns, rule, *rows)]


def fence(code: str, language: str) -> list[str]:
    """A fenced block; no line of the code may begin with a backtick."""
    return [f"```{language}", *(_seen(line) for line in code.split("\n")), "```"]


def _seen(text: str) -> str:
    """Text without characters that a line of a card cannot show."""
    return _UNSEEN.sub("\ufffd", text)


def escape(value: str) -> str:
    """Text that Markdown shows as it stands, in a table's cell too, and that never becomes HTML."""
    shown = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], _seen(value))
    return _MARKDOWN.sub(lambda found: "\\" + found[0], shown)


def code_span(value: str) -> str:
    """An inline code span, for text of any content; not for table cells."""
    value = _seen(value)
    longest = max((len(run) for run in re.findall("`+", value)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if value[:1] in ("`", " ") or value[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def yaml_text(value: str) -> str:
    """A YAML scalar in double quotes: JSON strings are such, but for characters that YAML does not allow unescaped."""
    return json.dumps(_seen(value), ensure_ascii=False)
