"""`trapline report`: what a campaign planted, what it can detect, and whether its tokens came out intact. Secret."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from transforms.base.flags import INPUT, Several
from transforms.base.stores.address import shown

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.running.context import Context
    from transforms.planting.ledger.check_secrets import Sealed
    from transforms.planting.tables.unit import Unit

FOLDER, TOKENS = "report", "tokens"
_MOST_BARS = 40


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ReportConfig:
    """Write a private report: what was planted, and the smallest detectable effect.

    With --tokenizer, also which trap tokens survive tokenisation.
    """

    secrets: Annotated[str, INPUT]
    """The folder of secrets whose campaign was planted; the secret report is written there."""
    input: Annotated[str, INPUT] = ""
    """The planted corpus, the output folder of trapline prepare; needed with --tokenizer."""
    made: Annotated[tuple[str, ...], INPUT, Parameter(name=("--made", "--traps"), consume_multiple=True)] = ()
    """Folders in which candidates were made (by trapline traps, puzzles, ...): also show what was rejected."""
    tokenizer: Annotated[Several, INPUT] = ()
    """tokenizer.json files: write the token positions of each copy in its document next to the ledger."""

    def __post_init__(self) -> None:
        """Check that there is a corpus for the tokenizers."""
        if self.tokenizer and not self.input:
            raise ValueError("--tokenizer needs --input, the planted corpus")


def run(config: ReportConfig, _: "Context") -> int:
    """Write the report; returns the exit code.

    Raises:
        SealError: if the secrets do not hold, or nothing was planted.
        RunError: if the corpus is not the one that was planted.
    """
    from pipelines.pages.campaign_page import report_html
    from transforms.base.errors import SealError
    from transforms.base.stores.copies import fetched
    from transforms.planting import folder as names
    from transforms.planting.ledger.check_secrets import open_secrets

    candidates = _candidates(config.made)
    path = names.secrets_path(config.secrets)
    with names.locked(path):
        sealed = open_secrets(path)
        if sealed.planting is None:
            raise SealError(f"--secrets {path}: nothing was planted yet: trapline prepare")
        ledger = names.read_parquet((path / names.LEDGER).read_bytes())
        if ledger is None:
            raise SealError(f"{names.LEDGER}: cannot be read as Parquet")
        tokens = [_tokens(config, path, sealed, ledger, fetched(file)) for file in config.tokenizer]
        facts = facts_of(sealed, ledger, tokens) | {"candidates": candidates}
        names.write(path, f"{FOLDER}/report.json", (json.dumps(facts, indent=2) + "\n").encode())
        names.write(path, f"{FOLDER}/report.html", report_html(facts).encode())
    print(shown(f"done: {path / FOLDER / 'report.html'}  (secret)"))
    return 0


def _candidates(folders: Sequence[str]) -> dict[str, Any]:
    """What each kind said of the candidates it made, by folder: command, candidates and cells, where it has them.

    Raises:
        UsageError: if there is no such report.
    """
    from transforms.base.stores.copies import fetched

    found: dict[str, Any] = {}
    for folder in folders:
        try:
            facts = json.loads((fetched(folder) / "report.json").read_text(encoding="utf-8"))
            made = facts.get("candidates", {})
            if isinstance(made, int):
                made = {"made": made, "kept": made, "spare": 0, "rejected": {}}
            cells = [
                {name: cell[name] for name in ("stratum", "candidates", "needed")} for cell in facts.get("cells", ())
            ]
            found[folder] = {"command": facts["command"], "made": made, "cells": cells}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise UsageError(
                f"--made {folder}: holds no report.json of a command that makes candidates, such as trapline traps "
                f"({type(error).__name__}: {error})"
            ) from error
    return found


def _tokens(config: ReportConfig, path: Path, sealed: "Sealed", ledger: "pa.Table", file: Path) -> dict[str, Any]:
    """Write the token offsets for one tokenizer; returns the share of copies whose tokens are intact."""
    from pipelines.running import output as outputs
    from transforms.base.folders import Folder
    from transforms.planting import folder as names
    from transforms.planting.ledger.token_offsets import load_tokenizer, tagged, token_offsets

    assert sealed.planting is not None  # noqa: S101 - for the type checker
    if not file.is_file():
        raise UsageError(f"--tokenizer {file}: is no file; give a tokenizer.json")
    corpus = Folder.of(config.input)
    manifest = outputs.finished(corpus)
    if manifest is None or outputs.sha256_of_manifest(corpus) != sealed.planting.manifest.hex():
        raise RunError(f"--input {config.input}: is not the corpus that these secrets were planted into")
    tokenizer, sha256 = load_tokenizer(file)
    texts = {one.id: one.copies for unit in sealed.units for one in unit.candidates}
    shards = [shard["path"] for shard in manifest["content"]["shards"]]
    table = token_offsets(corpus, shards, sealed.planting.text_column, ledger, texts, tokenizer)
    names.write(path, f"{TOKENS}/{sha256[:16]}.parquet", names.parquet(tagged(table, sha256)))
    intact: dict[str, list[bool]] = defaultdict(list)
    for boundary, one in zip(ledger["boundary"].to_pylist(), table["intact"].to_pylist(), strict=True):
        intact[boundary].append(one)
    return {
        "tokenizer": file.name,
        "sha256": sha256,
        "copies": table.num_rows,
        "intact": sum(map(sum, intact.values())),
        "by_boundary": {name: [sum(found), len(found)] for name, found in sorted(intact.items())},
    }


def facts_of(sealed: "Sealed", ledger: "pa.Table", tokens: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All that the report shows, as numbers."""
    from collections import Counter

    import numpy as np
    import pyarrow as pa

    from transforms.verification.bag_of_words import bag_of_words
    from transforms.verification.power import detectable_auc

    assert sealed.planting is not None  # noqa: S101 - for the type checker
    units, plan = sealed.units, sealed.plan
    cells: dict[tuple[str, str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for unit, arm in zip(units, sealed.arms, strict=True):
        cell = cells[unit.kind, unit.stratum, unit.dose]
        cell[0] += 1
        cell[1] += unit.dose
        cell[2] += unit.planted_bytes(arm)
    groups = Counter((unit.dose, unit.stratum) for unit in units) + Counter((unit.dose, "") for unit in units)
    planted = np.array(
        [at == arm for unit, arm in zip(units, sealed.arms, strict=True) for at in range(len(unit.candidates))]
    )
    words = bag_of_words(
        pa.array([one.text for unit in units for one in unit.candidates], pa.large_string()),
        planted,
        [unit.id for unit in units for _ in unit.candidates],
    )
    perplexities = [
        float(value)
        for unit in units
        for one in unit.candidates
        for value in (_perplexity(one.columns),)
        if value is not None and value > 0
    ]
    edges, counts = [], []
    if perplexities:
        found, at = np.histogram(np.log10(perplexities), _MOST_BARS)
        counts, edges = found.tolist(), at.tolist()
    return {
        "units": len(units),
        "controls": plan.controls,
        "counts": dict(sealed.planting.counts),
        "settings": dict(sealed.planting.settings),
        "families": families_of(units),
        "cells": [[*key, *cell] for key, cell in sorted(cells.items())],
        "boundaries": dict(Counter(ledger["boundary"].to_pylist())),
        "documents": len(set(zip(ledger["shard"].to_pylist(), ledger["row"].to_pylist(), strict=True))),
        "perplexity_log10": {"edges": edges, "counts": counts},
        "bag_of_words": {"auc": words.auc, "p_value": words.p_value, "units": words.units},
        "power": [
            [dose, stratum, number, detectable_auc(number, plan.controls, plan.alpha)]
            for (dose, stratum), number in sorted(groups.items())
        ],
        "alpha": plan.alpha,
        "tokens": list(tokens),
    }


def families_of(units: "Sequence[Unit]") -> list[list[Any]]:
    """Units whose copies differ: kind, dose, texts, how they were made and what they promise (JSON), and units."""
    from collections import Counter

    cells: Counter[tuple[str, int, int, str]] = Counter()
    for unit in units:
        if unit.varies:
            first = unit.candidates[0]
            described = next((value for name, _, value in first.columns if name == "family"), "")
            cells[unit.kind, unit.dose, len(first.copies), described] += 1
    return [[*cell, number] for cell, number in sorted(cells.items())]


def _perplexity(columns: Sequence[tuple[str, str, str]]) -> float | None:
    import struct

    value = next((value for name, _, value in columns if name == "perplexity"), None)
    return None if value is None else float(struct.unpack(">d", bytes.fromhex(value))[0])
