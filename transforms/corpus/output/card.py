"""The dataset card (README.md) of an output folder, from its manifest alone: no times, no places, no host."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from transforms.base import toml
from transforms.base.folders import sha256
from transforms.base.readable import count, counted, reason, share, significant, size
from transforms.corpus.output.manifest import Counts, Manifest

MOST_FILES = 100
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
_TITLES = {"dedup": "Deduplicated corpus"}
_MARKDOWN = re.compile(r"[\\`*_\[\]!|~$]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Characters that end a line or a cell, cannot be encoded, or turn the reading direction of what follows.
_UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def dataset_card(manifest: Manifest) -> str:
    """The card as Markdown with a YAML header, ready to be encoded as UTF-8.

    The header makes `datasets.load_dataset(FOLDER)` read the shards in `data/` and nothing else.
    """
    sections = [
        _header(manifest),
        _summary(manifest),
        _counts(manifest.counts),
        _settings(manifest.config),
        _columns(manifest),
        _loading(_split(manifest)),
        _tracing(manifest.counts),
        _inputs(manifest),
        _reproducing(manifest),
    ]
    return "\n".join(section for section in sections if section)


def _split(manifest: Manifest) -> str:
    return str(manifest.config["split"])


def _header(manifest: Manifest) -> str:
    kept, split = manifest.counts.kept, _split(manifest)
    category = next((name for limit, name in _CATEGORIES if kept < limit), "n>1T")
    return _lines(
        "---",
        "configs:",
        "- config_name: default",
        f"  description: {_yaml(_fingerprint(manifest))}",
        "  data_files:",
        f"  - split: {_yaml(split)}",
        f"    path: {_yaml(f'data/{split}-*')}",
        "size_categories:",
        f"- {category}",
        "tags:",
        "- deduplicated",
        "- trapline",
        "---",
    )


def _fingerprint(manifest: Manifest) -> str:
    """Tells this output from others.

    `datasets` treats folders with the same name and the same header as one data set, and would answer with what it
    has cached of another.
    """
    return f"shards {sha256(''.join(shard.sha256 for shard in manifest.shards).encode())}"


def _summary(manifest: Manifest) -> str:
    counts, shards = manifest.counts, manifest.shards
    said = (
        f"{counted(counts.documents_in, 'document')} in, {count(counts.kept)} kept, "
        f"{count(counts.all_removed)} removed as duplicates of a kept one."
    )
    if shards:
        total = sum(shard.bytes for shard in shards)
        said += (
            f" The kept documents are in {counted(len(shards), 'Parquet file')} in `data/` ({size(total)}), in the "
            "order of the input and with all of their columns; `manifest.json` has the SHA-256 of each file."
        )
    return _lines(f"# {_TITLES.get(manifest.command, 'Corpus')}", "", said)


def _counts(counts: Counts) -> str:
    def row(label: str, found: int, found_bytes: int | None) -> list[str]:
        text = "" if found_bytes is None else size(found_bytes)
        return [label, count(found), share(found, counts.documents_in), text]

    rows = [row("In", counts.documents_in, counts.bytes_in)]
    for code, found in counts.removed.items():
        rows.append(row(f"Removed: {_escape(reason(code))}", found, counts.removed_bytes[code]))
    for code, found in counts.quarantined.items():
        rows.append(row(f"Quarantined: {_escape(reason(code))}", found, None))
    rows.append(row("**Kept**", counts.kept, counts.bytes_kept))
    notes = ["Text is counted in bytes of UTF-8 (1 MB is 1,000,000 bytes)."]
    if counts.quarantined:
        notes.append(
            "Quarantined records could not be used; `quarantine/` has each of them with its address and the reason."
        )
    return _lines(
        "## What happened",
        "",
        *_table(["", "Documents", "Share", "Text"], rows, "lrrr"),
        "",
        " ".join(notes),
    )


def _settings(config: Mapping[str, Any]) -> str:
    """The settings of a deduplication in plain words."""
    words = "words and signs" if config.get("words") == "code" else "words"
    threshold, unit = config["threshold"], "tokens" if config.get("tokenizer") else words
    chains = (
        "Similarity is passed on along chains: a removed document need not be similar to the kept one itself."
        if config["method"] == "components"
        else "A document is removed only if a kept document is similar to it itself, not along a chain of others."
    )
    near = (
        "Two documents are near-duplicates if the estimated Jaccard similarity of their sets of runs of "
        f"{config['ngram']} consecutive {unit} (shingles) is at least {threshold:.6g}. They are exact duplicates if "
        "their texts are the same, byte for byte, after Unicode normalisation (NFC)."
    )
    said = [
        f"Documents are compared by their column {_code(config['text_column'])}.",
        near,
        _banding(config["num_perm"], config["bands"], config["rows"], threshold),
        f"Of similar documents {_keep_rule(config['keep'])} is kept. {chains}",
    ]
    return _lines("## How duplicates were found", "", *(f"- {item}" for item in said))


def _banding(permutations: int, bands: int, rows: int, threshold: float) -> str:
    """How candidate pairs were found, and how many are missed: (1 - s**rows)**bands at similarity s (LSH banding)."""
    said = (
        f"Similarity is estimated from MinHash signatures of {counted(permutations, 'permutation')}; pairs are "
        f"compared if they agree in one of {count(bands)} bands of {counted(rows, 'row')}."
    )
    if threshold + 0.05 <= 1:
        missed = (1 - (threshold + 0.05) ** rows) ** bands
        said += (
            f" A pair at similarity {threshold + 0.05:.6g} agrees in none of them "
            f"with a probability of {significant(100 * missed, 2)} %."
        )
    return said


def _keep_rule(keep: str) -> str:
    if keep.startswith("max:"):
        return f"the one with the largest {_code(keep.removeprefix('max:'))} (of equals the first in the input)"
    rules = {
        "first": "the one that comes first in the input",
        "longest": "the longest one (of equals the first in the input)",
    }
    return rules[keep]


def _columns(manifest: Manifest) -> str:
    rows = [[_escape(column.name), _escape(column.type)] for column in manifest.schema]
    return _lines("## Columns", "", *_table(["Column", "Type"], rows, "ll")) if rows else ""


def _loading(split: str) -> str:
    pattern = f"data/{split}-*.parquet"
    return _lines(
        "## Load it",
        "",
        "From within this folder, with `datasets`, Polars or DuckDB:",
        "",
        *_fence(
            "from pathlib import Path\n\n"
            "from datasets import load_dataset\n\n"
            f"documents = load_dataset(str(Path.cwd()), split={json.dumps(split, ensure_ascii=False)})",
            "python",
        ),
        "",
        *_fence(
            f"import polars as pl\n\ndocuments = pl.scan_parquet({json.dumps(pattern, ensure_ascii=False)}).collect()",
            "python",
        ),
        "",
        *_fence(f"SELECT count(*) FROM '{pattern.replace(chr(39), chr(39) * 2)}';", "sql"),  # noqa: S608 - shown, not run
    )


def _tracing(counts: Counts) -> str:
    if not counts.all_removed:
        return ""
    return _lines(
        "## Trace a removed document",
        "",
        "Each row of `duplicates/` is a removed document: its `address`, the `kept_address` of the kept document that "
        "covers it, the `reason` (`exact` or `near`), the estimated `similarity`, and both ids where the corpus has "
        "them. An address is one number, `file << 40 | row`, both from 0. For a removed document it is its place in "
        "the input: a file of `content.input` in `manifest.json`, and a record in it (of JSONL, a line that is not "
        "blank). For a kept one it is its place in the output: a file of `content.shards`, and a row in it.",
        "",
        *_fence(
            "import json\n"
            "from pathlib import Path\n\n"
            "import polars as pl\n\n"
            'files = json.loads(Path("manifest.json").read_text(encoding="utf-8"))["content"]["input"]\n'
            'paths = pl.Series([file["path"] for file in files], dtype=pl.String)\n'
            'removed = pl.read_parquet("duplicates/*.parquet").with_columns(\n'
            '    file=pl.lit(paths).gather(pl.col("address") // 2**40),\n'
            '    row=pl.col("address") % 2**40,\n'
            ")",
            "python",
        ),
    )


def _inputs(manifest: Manifest) -> str:
    files = manifest.input
    rows = [[count(ordinal), _escape(file.path)] for ordinal, file in enumerate(files[:MOST_FILES])]
    lines = ["## Input", "", *_table(["Ordinal", "File"], rows, "rl")]
    if len(files) > MOST_FILES:
        lines += ["", f"And {counted(len(files) - MOST_FILES, 'more file')}: `manifest.json` lists them all."]
    return _lines(*lines)


def _reproducing(manifest: Manifest) -> str:
    versions = ", ".join(f"{_escape(name)} {_escape(version)}" for name, version in manifest.versions.items())
    return _lines(
        "## Make it again",
        "",
        "The same input with this configuration "
        f"(`trapline {manifest.command} --config FILE.toml --input ... --output ...`) and the same versions gives "
        "the same files, byte for byte, on any machine and with any number of threads.",
        "",
        *_fence(toml.table(manifest.command, manifest.config).rstrip("\n"), "toml"),
        "",
        f"Versions: {versions}.",
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> list[str]:
    """A Markdown table; cells are Markdown already. `align` has an 'l' or 'r' for each column."""
    rule = ["---:" if side == "r" else "---" for side in align]
    return ["| " + " | ".join(row) + " |" for row in (columns, rule, *rows)]


def _fence(code: str, language: str) -> list[str]:
    """A fenced block; no line of the code may begin with a backtick."""
    return [f"```{language}", *(_seen(line) for line in code.split("\n")), "```"]


def _seen(text: str) -> str:
    """Text without characters that a line of a card cannot show."""
    return _UNSEEN.sub("\ufffd", text)


def _escape(value: str) -> str:
    """Text that Markdown shows as it stands, in a table's cell too, and that never becomes HTML."""
    shown = re.sub("[&<>]", lambda found: _ENTITIES[found[0]], _seen(value))
    return _MARKDOWN.sub(lambda found: "\\" + found[0], shown)


def _code(value: str) -> str:
    """An inline code span, for text of any content; not for table cells."""
    value = _seen(value)
    longest = max((len(run) for run in re.findall("`+", value)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if value[:1] in ("`", " ") or value[-1:] in ("`", " ") else ""
    return f"{fence}{pad}{value}{pad}{fence}"


def _yaml(value: str) -> str:
    """A YAML scalar in double quotes: JSON strings are such, but for characters that YAML does not allow unescaped."""
    return json.dumps(_seen(value), ensure_ascii=False)
