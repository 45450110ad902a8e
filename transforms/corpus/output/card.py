"""The dataset card (README.md) of an output folder, from its manifest alone: no times, no places, no host."""

from collections.abc import Mapping
from typing import Any

from transforms.base import toml
from transforms.base.readable import count, counted, reason, share, significant, size
from transforms.corpus.output.card_parts import block, code_span, columns, escape, fence, grid, header, loading
from transforms.corpus.output.manifest import Counts, Manifest

MOST_FILES = 100
_TITLES = {"dedup": "Deduplicated corpus"}


def dataset_card(manifest: Manifest) -> str:
    """The card as Markdown with a YAML header, ready to be encoded as UTF-8.

    The header makes `datasets.load_dataset(FOLDER)` read the shards in `data/` and nothing else.
    """
    sections = [
        header(manifest.counts.kept, _split(manifest), manifest.shards, ("deduplicated", "trapline")),
        _summary(manifest),
        _counts(manifest.counts),
        _settings(manifest.config),
        columns(manifest.schema),
        loading(_split(manifest)),
        _tracing(manifest.counts),
        _inputs(manifest),
        _reproducing(manifest),
    ]
    return "\n".join(section for section in sections if section)


def _split(manifest: Manifest) -> str:
    return str(manifest.config["split"])


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
    return block(f"# {_TITLES.get(manifest.command, 'Corpus')}", "", said)


def _counts(counts: Counts) -> str:
    def row(label: str, found: int, found_bytes: int | None) -> list[str]:
        text = "" if found_bytes is None else size(found_bytes)
        return [label, count(found), share(found, counts.documents_in), text]

    rows = [row("In", counts.documents_in, counts.bytes_in)]
    for code, found in counts.removed.items():
        rows.append(row(f"Removed: {escape(reason(code))}", found, counts.removed_bytes[code]))
    for code, found in counts.quarantined.items():
        rows.append(row(f"Quarantined: {escape(reason(code))}", found, None))
    rows.append(row("**Kept**", counts.kept, counts.bytes_kept))
    notes = ["Text is counted in bytes of UTF-8 (1 MB is 1,000,000 bytes)."]
    if counts.quarantined:
        notes.append(
            "Quarantined records could not be used; `quarantine/` has each of them with its address and the reason."
        )
    return block(
        "## What happened",
        "",
        *grid(["", "Documents", "Share", "Text"], rows, "lrrr"),
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
        f"Documents are compared by their column {code_span(config['text_column'])}.",
        near,
        _banding(config["num_perm"], config["bands"], config["rows"], threshold),
        f"Of similar documents {_keep_rule(config['keep'])} is kept. {chains}",
    ]
    return block("## How duplicates were found", "", *(f"- {item}" for item in said))


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
        return f"the one with the largest {code_span(keep.removeprefix('max:'))} (of equals the first in the input)"
    rules = {
        "first": "the one that comes first in the input",
        "longest": "the longest one (of equals the first in the input)",
    }
    return rules[keep]


def _tracing(counts: Counts) -> str:
    if not counts.all_removed:
        return ""
    return block(
        "## Trace a removed document",
        "",
        "Each row of `duplicates/` is a removed document: its `address`, the `kept_address` of the kept document that "
        "covers it, the `reason` (`exact` or `near`), the estimated `similarity`, and both ids where the corpus has "
        "them. An address is one number, `file << 40 | row`, both from 0. For a removed document it is its place in "
        "the input: a file of `content.input` in `manifest.json`, and a record in it (of JSONL, a line that is not "
        "blank). For a kept one it is its place in the output: a file of `content.shards`, and a row in it.",
        "",
        *fence(
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
    rows = [[count(ordinal), escape(file.path)] for ordinal, file in enumerate(files[:MOST_FILES])]
    lines = ["## Input", "", *grid(["Ordinal", "File"], rows, "rl")]
    if len(files) > MOST_FILES:
        lines += ["", f"And {counted(len(files) - MOST_FILES, 'more file')}: `manifest.json` lists them all."]
    return block(*lines)


def _reproducing(manifest: Manifest) -> str:
    versions = ", ".join(f"{escape(name)} {escape(version)}" for name, version in manifest.versions.items())
    return block(
        "## Make it again",
        "",
        "The same input with this configuration "
        f"(`trapline {manifest.command} --config FILE.toml --input ... --output ...`) and the same versions gives "
        "the same files, byte for byte, on any machine and with any number of threads.",
        "",
        *fence(toml.table(manifest.command, manifest.config).rstrip("\n"), "toml"),
        "",
        f"Versions: {versions}.",
    )
