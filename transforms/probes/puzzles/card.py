"""The dataset card (README.md) of a set of puzzles, from its manifest alone."""

import json
from typing import Any

from schemas.described import DESCRIPTION_KEY
from schemas.public.puzzles import PUZZLES
from transforms.base import toml
from transforms.base.readable import count

_EDITS = ("statement", "leaf", "control")


def puzzles_card(manifest: dict[str, Any]) -> str:
    """The card as Markdown with a YAML header, which makes `datasets.load_dataset(FOLDER)` read both splits."""
    content = manifest["content"]
    splits = sorted(
        {shard["path"].removeprefix("data/").partition("-")[0] for shard in content["shards"]}, reverse=True
    )
    header = ["---", "configs:", "- config_name: default", "  data_files:"]
    for split in splits:
        header += [f"  - split: {split}", f"    path: {json.dumps(f'data/{split}-*')}"]
    header += ["tags:", "- reasoning", "- knights-and-knaves", "- trapline", "---", ""]
    lines = [
        *header,
        "# Knights and Knaves",
        "",
        (
            f"{count(content['counts']['rows'])} rows, one per puzzle and language. Every puzzle has exactly one "
            "solution. No class of puzzles (the same up to the names of people, the order of claims and of commuting "
            "operands) is in two splits, and none of the edited puzzles is of a class that either split may hold."
        ),
        "",
        "## Edits",
        "",
        (
            "Each edit replaces one claim. `found` rows have one; for `none` it is certain that there is none within "
            "the classes set aside for edits; `unknown` rows are beyond 12 people, where not everything could be "
            "looked at."
        ),
        "",
        "| People | Rows | " + " | ".join(f"{kind}: found | none | unknown" for kind in _EDITS) + " |",
        "|" + " ---: |" * (2 + 3 * len(_EDITS)),
    ]
    for people, counts in content["counts"]["people"].items():
        cells = [counts[f"{kind}_{state}"] for kind in _EDITS for state in ("found", "none", "unknown")]
        lines.append(f"| {people} | {count(counts['rows'])} | " + " | ".join(map(count, cells)) + " |")
    lines += ["", "## Columns", "", "| Column | Type | Meaning |", "| --- | --- | --- |"]
    for one in PUZZLES:
        meaning = one.metadata[DESCRIPTION_KEY].decode()
        lines.append(f"| {one.name} | {str(one.type).replace('<', '&lt;').replace('>', '&gt;')} | {meaning} |")
    lines += [
        "",
        "## Make it again",
        "",
        (
            "`trapline puzzles --config FILE.toml --output ...` with this configuration and the same versions gives "
            "the same files, byte for byte, on any machine and with any number of threads:"
        ),
        "",
        "```toml",
        toml.table("puzzles", content["config"]).rstrip("\n"),
        "```",
        "",
        "Versions: " + ", ".join(f"{name} {version}" for name, version in content["versions"].items()) + ".",
        "",
    ]
    return "\n".join(lines)
