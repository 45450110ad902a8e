"""`trapline report`: what a campaign planted, what it can detect, and whether its tokens came out intact. Secret."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pipelines.running.errors import RunError, UsageError
from pipelines.running.flags import INPUT, Several

if TYPE_CHECKING:
    import pyarrow as pa

    from pipelines.pages.page import Block
    from pipelines.running.context import Context
    from transforms.planting.ledger.check_secrets import Sealed

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
    traps: Annotated[str, INPUT] = ""
    """The folder that trapline traps wrote: also show what was rejected and which strata were filled."""
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
    from transforms.base.errors import SealError
    from transforms.planting import folder as names
    from transforms.planting.ledger.check_secrets import open_secrets

    path = names.secrets_path(config.secrets)
    with names.locked(path):
        sealed = open_secrets(path)
        if sealed.planting is None:
            raise SealError(f"--secrets {path}: nothing was planted yet: trapline prepare")
        ledger = names.read_parquet((path / names.LEDGER).read_bytes())
        if ledger is None:
            raise SealError(f"{names.LEDGER}: cannot be read as Parquet")
        tokens = [_tokens(config, path, sealed, ledger, Path(file)) for file in config.tokenizer]
        facts = facts_of(sealed, ledger, tokens) | {"candidates": _candidates(config.traps)}
        names.write(path, f"{FOLDER}/report.json", (json.dumps(facts, indent=2) + "\n").encode())
        names.write(path, f"{FOLDER}/report.html", report_html(facts).encode())
    print(f"done: {path / FOLDER / 'report.html'}  (secret)")
    return 0


def _candidates(folder: str) -> dict[str, Any]:
    """What `trapline traps` said of its candidates; empty without its folder.

    Raises:
        UsageError: if there is no such report.
    """
    if not folder:
        return {}
    try:
        facts = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
        return {"made": facts["candidates"], "cells": facts["cells"]}
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"--traps {folder}: holds no report.json of trapline traps ({error})") from error


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
    texts = {one.id: one.text for unit in sealed.units for one in unit.candidates}
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
        cell[2] += unit.dose * len(unit.candidates[arm].text.encode())
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


def _perplexity(columns: Sequence[tuple[str, str, str]]) -> float | None:
    import struct

    value = next((value for name, _, value in columns if name == "perplexity"), None)
    return None if value is None else float(struct.unpack(">d", bytes.fromhex(value))[0])


def report_html(facts: Mapping[str, Any]) -> str:
    """The report as one HTML page that needs nothing else."""
    from pipelines.pages import page
    from pipelines.pages.page import Code, Page, Table, Tile
    from transforms.base import toml
    from transforms.base.readable import count, counted, share, significant, size

    counts = facts["counts"]
    text = counts["text_bytes_before"]
    blocks: list[Block] = [
        Table(
            "What was planted",
            ["kind", "stratum", "dose", "units", "copies", "bytes"],
            [[kind, stratum, count(dose), *map(count, rest)] for kind, stratum, dose, *rest in facts["cells"]],
            frozenset([2, 3, 4, 5]),
            wide=True,
        ),
        Table(
            "What each dose can detect",
            ["dose", "stratum", "units", f"AUC at alpha {facts['alpha']:g}"],
            [
                [count(dose), stratum or "all", count(units), "—" if auc is None else f"{auc:.3f}"]
                for dose, stratum, units, auc in facts["power"]
            ],
            frozenset([0, 2, 3]),
            f"The smallest area under the curve that is found with probability .90, with {facts['controls']} held out "
            "beside each planted candidate.",
        ),
        Table(
            "Where copies stand",
            ["boundary", "copies"],
            [[name, count(found)] for name, found in sorted(facts["boundaries"].items())],
            frozenset([1]),
        ),
        *_plots(facts),
    ]
    if facts.get("candidates"):
        blocks += _made(facts["candidates"])
    if facts["tokens"]:
        rows = []
        for one in facts["tokens"]:
            apart = ", ".join(f"{name} {share(*found)}" for name, found in one["by_boundary"].items())
            rows.append([one["tokenizer"], count(one["copies"]), share(one["intact"], one["copies"]), apart])
        columns = ["tokenizer", "copies", "intact", "by boundary"]
        blocks.append(Table("Tokens that come out intact in context", columns, rows, frozenset([1, 2]), wide=True))
    blocks.append(Code("Settings", toml.table("prepare", facts["settings"]), wide=True))
    words = facts["bag_of_words"]
    warnings = []
    if words["p_value"] < facts["alpha"]:
        warnings.append("A bag of words tells planted from held-out candidates: were they brought from two sources?")
    return page.render(
        Page(
            title="trapline report",
            kicker="trapline report",
            summary=f"{counted(facts['units'], 'unit')} planted in {count(counts['copies'])} copies",
            lead="This page is as secret as the ledger: it tells what is planted.",
            warnings=warnings,
            tiles=[
                Tile(count(counts["copies"]), "copies", f"in {counted(facts['documents'], 'document')}"),
                Tile(
                    share(counts["planted_bytes"], text + counts["planted_bytes"]),
                    "of the corpus",
                    f"{size(counts['planted_bytes'])} of {size(text + counts['planted_bytes'])}",
                ),
                Tile(
                    f"{words['auc']:.3f}",
                    "AUC of a bag of words",
                    f"p {significant(words['p_value'])}; 0.5 is what it should be",
                ),
            ],
            blocks=blocks,
            footer="Written by trapline. This page is complete in itself.",
        )
    )


def _made(candidates: Mapping[str, Any]) -> "list[Block]":
    """What became of the candidates, and how the strata were filled."""
    from pipelines.pages.page import Table
    from transforms.base.readable import count

    made = candidates["made"]
    rows = [[reason, count(number)] for reason, number in made["rejected"].items()]
    rows += [["spare", count(made["spare"])], ["kept", count(made["kept"])], ["made", count(made["made"])]]
    cells = [[cell["stratum"], count(cell["candidates"]), count(cell["needed"])] for cell in candidates["cells"]]
    return [
        Table("What became of the candidates", ["", "candidates"], rows, frozenset([1]), total=True),
        Table("Strata filled", ["stratum", "candidates", "needed"], cells, frozenset([1, 2])),
    ]


def _plots(facts: Mapping[str, Any]) -> "list[Block]":
    from pipelines.pages import plots
    from pipelines.pages.page import Plot

    found = facts["perplexity_log10"]
    if not found["counts"]:
        return []
    svg = plots.histogram(
        found["edges"],
        found["counts"],
        label="Candidates by perplexity",
        xlabel="perplexity (logarithm to base 10)",
    )
    return [Plot("Perplexity of the candidates", svg, "Planted and held out, under the model that made them.")]
