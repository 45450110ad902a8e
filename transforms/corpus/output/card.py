"""The dataset card (README.md) of an output folder, from its manifest alone: no times, no places, no host."""

import hashlib
import json
import re
from collections.abc import Sequence

from transforms.base import toml
from transforms.base.readable import (
    Tree,
    branch,
    branches,
    count,
    counted,
    number,
    numbers,
    reason,
    share,
    significant,
    size,
    text,
    whole,
)

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


def dataset_card(manifest: Tree) -> str:
    """The card as Markdown with a YAML header, ready to be encoded as UTF-8.

    The header makes `datasets.load_dataset(FOLDER)` read the shards in `data/` and nothing else.

    Args:
        manifest: of a corpus command: `command`, and under `content` the `config`, `versions`, `input`, `schema`,
            `counts` and `shards`. What is missing is left out.
    """
    content = branch(manifest, "content")
    command = text(manifest, "command") or "dedup"
    sections = [
        _header(content),
        _summary(command, content),
        _counts(branch(content, "counts")),
        _settings(branch(content, "config")),
        _columns(content),
        _loading(_split(content)),
        _tracing(content),
        _inputs(content),
        _reproducing(command, content),
    ]
    return "\n".join(section for section in sections if section)


def _split(content: Tree) -> str:
    return text(branch(content, "config"), "split") or "train"


def _kept(content: Tree) -> int:
    rows = [whole(shard, "rows") or 0 for shard in branches(content, "shards")]
    kept = whole(branch(content, "counts"), "kept")
    return sum(rows) if kept is None else kept


def _header(content: Tree) -> str:
    kept = _kept(content)
    category = next((name for limit, name in _CATEGORIES if kept < limit), "n>1T")
    return _lines(
        "---",
        "configs:",
        "- config_name: default",
        f"  description: {_yaml(_fingerprint(content))}",
        "  data_files:",
        f"  - split: {_yaml(_split(content))}",
        f"    path: {_yaml(f'data/{_split(content)}-*')}",
        "size_categories:",
        f"- {category}",
        "tags:",
        "- deduplicated",
        "- trapline",
        "---",
    )


def _fingerprint(content: Tree) -> str:
    """What tells this output from others.

    `datasets` takes folders of one name and one header for the same, and answers with what it has cached of another.
    """
    shards = "".join(text(shard, "sha256") or "" for shard in branches(content, "shards"))
    return f"shards {hashlib.sha256(shards.encode()).hexdigest()}"


def _summary(command: str, content: Tree) -> str:
    counts = branch(content, "counts")
    documents, removed = whole(counts, "documents_in"), sum(numbers(branch(counts, "removed")).values())
    shards = branches(content, "shards")
    said = []
    if documents is not None:
        said.append(
            f"{counted(documents, 'document')} in, {count(_kept(content))} kept, "
            f"{count(removed)} removed as duplicates of a kept one."
        )
    if shards:
        total = sum(whole(shard, "bytes") or 0 for shard in shards)
        said.append(
            f"The kept documents are in {counted(len(shards), 'Parquet file')} in `data/` ({size(total)}), in the "
            "order of the input and with all of their columns; `manifest.json` has the SHA-256 of each file."
        )
    return _lines(f"# {_TITLES.get(command, 'Corpus')}", "", " ".join(said))


def _counts(counts: Tree) -> str:
    documents, volume = whole(counts, "documents_in"), whole(counts, "bytes_in")
    if documents is None:
        return ""

    def row(label: str, found: int | None, found_bytes: int | None) -> list[str]:
        return [
            label,
            "" if found is None else count(found),
            "" if found is None else share(found, documents),
            "" if found_bytes is None else size(found_bytes),
        ]

    rows = [row("In", documents, volume)]
    for code in branch(counts, "removed"):
        label = f"Removed: {_escape(reason(code))}"
        rows.append(row(label, whole(branch(counts, "removed"), code), whole(branch(counts, "removed_bytes"), code)))
    for code, found in numbers(branch(counts, "quarantined")).items():
        rows.append(row(f"Quarantined: {_escape(reason(code))}", int(found), None))
    rows.append(row("**Kept**", whole(counts, "kept"), whole(counts, "bytes_kept")))
    notes = ["Text is counted in bytes of UTF-8 (1 MB is 1,000,000 bytes)."]
    if branch(counts, "quarantined"):
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


def _settings(config: Tree) -> str:
    """The settings of a deduplication in plain words."""
    threshold, ngram = number(config, "threshold"), whole(config, "ngram")
    said: list[str] = []
    if text(config, "text_column"):
        said.append(f"Documents are compared by their column {_code(str(config['text_column']))}.")
    if threshold is not None:
        unit = "tokens" if text(config, "tokenizer") else "words"
        shingles = f"runs of {ngram} consecutive {unit} (shingles)" if ngram else "shingles"
        said.append(
            f"Two documents are near-duplicates if the estimated Jaccard similarity of their sets of {shingles} is at "
            f"least {threshold:.6g}. They are exact duplicates if their {unit} are the same, one by one."
        )
    said += _banding(config, threshold)
    if rule := _keep_rule(text(config, "keep")):
        chains = (
            "Similarity is passed on along chains: a removed document need not be similar to the kept one itself."
            if "components" in config.values()
            else "A document is removed only if a kept document is similar to it itself, not along a chain of others."
        )
        said.append(f"Of similar documents {rule} is kept. {chains}")
    return _lines("## How duplicates were found", "", *(f"- {item}" for item in said)) if said else ""


def _banding(config: Tree, threshold: float | None) -> list[str]:
    """How candidate pairs were found, and how many are missed: (1 - s**rows)**bands at similarity s (LSH banding)."""
    permutations, bands, rows = (whole(config, key) for key in ("num_perm", "bands", "rows"))
    if permutations is None:
        return []
    said = f"Similarity is estimated from MinHash signatures of {counted(permutations, 'permutation')}"
    if not bands or not rows:
        return [said + "."]
    said += f"; pairs are compared if they agree in one of {count(bands)} bands of {counted(rows, 'row')}."
    if threshold is not None and threshold + 0.05 <= 1:
        missed = (1 - (threshold + 0.05) ** rows) ** bands
        said += (
            f" A pair at similarity {threshold + 0.05:.6g} agrees in none of them "
            f"with a probability of {significant(100 * missed, 2)} %."
        )
    return [said]


def _keep_rule(keep: str | None) -> str:
    if keep is None:
        return ""
    if keep.startswith("max:"):
        return f"the one with the largest {_code(keep.removeprefix('max:'))} (of equals the first in the input)"
    rules = {
        "first": "the one that comes first in the input",
        "longest": "the longest one (of equals the first in the input)",
    }
    return rules.get(keep, f"the one that the rule {_code(keep)} chooses")


def _columns(content: Tree) -> str:
    rows = [
        [_escape(text(column, "name") or ""), _escape(text(column, "type") or "")]
        for column in branches(content, "schema")
    ]
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


def _tracing(content: Tree) -> str:
    if not any(numbers(branch(content, "counts", "removed")).values()):
        return ""
    return _lines(
        "## Trace a removed document",
        "",
        "Each row of `duplicates/` is a removed document: its `address`, the `kept_address` of the kept document that "
        "covers it, the `reason` (`exact` or `near`), the estimated `similarity`, and both ids where the corpus has "
        "them. An address is one number, `file ordinal << 40 | position`: the ordinal counts the files of "
        "`content.input` in `manifest.json` from 0, the position is the row in a Parquet file and the byte offset of "
        "the line in a (decompressed) JSONL file.",
        "",
        *_fence(
            "import json\n"
            "from pathlib import Path\n\n"
            "import polars as pl\n\n"
            'files = json.loads(Path("manifest.json").read_text(encoding="utf-8"))["content"]["input"]\n'
            'paths = pl.Series([file["path"] for file in files], dtype=pl.String)\n'
            'removed = pl.read_parquet("duplicates/*.parquet").with_columns(\n'
            '    file=pl.lit(paths).gather(pl.col("address") // 2**40),\n'
            '    position=pl.col("address") % 2**40,\n'
            ")",
            "python",
        ),
    )


def _inputs(content: Tree) -> str:
    files = branches(content, "input")
    if not files:
        return ""
    rows = [
        [count(ordinal), _escape(text(file, "path") or ""), size(number(file, "bytes") or 0)]
        for ordinal, file in enumerate(files[:MOST_FILES])
    ]
    lines = ["## Input", "", *_table(["Ordinal", "File", "Size"], rows, "rlr")]
    if len(files) > MOST_FILES:
        lines += ["", f"And {counted(len(files) - MOST_FILES, 'more file')}: `manifest.json` lists them all."]
    return _lines(*lines)


def _reproducing(command: str, content: Tree) -> str:
    config, versions = branch(content, "config"), branch(content, "versions")
    if not config and not versions:
        return ""
    lines = ["## Make it again", ""]
    if config:
        said = (
            "The same input with this configuration "
            f"(`trapline {command} --config FILE.toml --input ... --output ...`) and the same versions gives "
            "the same files, byte for byte, on any machine and with any number of threads."
        )
        lines += [
            said,
            "",
            *_fence(toml.table(command, config).rstrip("\n"), "toml"),
        ]
    if versions:
        named = ", ".join(f"{_escape(str(name))} {_escape(str(version))}" for name, version in versions.items())
        lines += ["", f"Versions: {named}."]
    return _lines(*lines)


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
