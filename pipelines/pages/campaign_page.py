"""The page of `trapline report`: what was planted, what it can detect, which tokens are intact. Secret."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.pages import page, plots
from pipelines.pages.kind_page import made_blocks
from pipelines.pages.page import Block, Code, Page, Plot, Table, Tile
from transforms.base import toml
from transforms.base.readable import count, counted, share, significant, size


def report_html(facts: Mapping[str, Any]) -> str:
    """The report as one HTML page that needs nothing else."""
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
        *_families(facts["families"]),
        *_plots(facts),
    ]
    for one in facts["candidates"].values():
        blocks += made_blocks(one["made"], one["cells"], f" (trapline {one['command']})")
    if facts["tokens"]:
        rows = []
        for one in facts["tokens"]:
            apart = ", ".join(f"{name} {share(*found)}" for name, found in one["by_boundary"].items())
            rows.append([one["tokenizer"], count(one["copies"]), share(one["intact"], one["copies"]), apart])
        columns = ["tokenizer", "copies", "intact", "by boundary"]
        blocks.append(Table("Tokens that come out intact in context", columns, rows, frozenset([1, 2]), wide=True))
    blocks.append(Code("Settings", toml.table("prepare", facts["settings"]), wide=True))
    words = facts["bag_of_words"]
    warnings = [
        f"{counted(number, 'unit')} of dose {count(dose)} {'has' if number == 1 else 'have'} {counted(texts, 'text')}: "
        "copies beyond that repeat them in turn, and are exactly alike."
        for _, dose, texts, _, number in facts["families"]
        if texts < dose
    ]
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


def _families(families: Sequence[Sequence[Any]]) -> list[Block]:
    """The units whose copies differ."""
    if not families:
        return []
    rows = []
    for kind, dose, texts, described, units in families:
        found = json.loads(described) if described else {}
        share = f"{found['most_run']} in a row, Jaccard {found['most_jaccard']:.3f}" if "most_run" in found else "—"
        rows.append([kind, count(dose), counted(texts, "text"), share, count(units)])
    columns = ["kind", "dose", "of a family", "two different texts share at most", "units"]
    return [Table("Copies that differ", columns, rows, frozenset([1, 4]), wide=True)]


def _plots(facts: Mapping[str, Any]) -> list[Block]:
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
