"""The report of `trapline traps`: strata, perplexities, rejections, doses. As secret as the candidates."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.pages import page, plots
from pipelines.pages.families import family_blocks, family_warnings
from pipelines.pages.page import Block, Code, Page, Plot, Table, Tile
from transforms.base import toml
from transforms.base.readable import count, counted, duration, share, size
from transforms.probes.traps.facts import REASONS


def report_html(facts: Mapping[str, Any], _: pa.Table) -> str:
    """The report as one HTML page that needs nothing else."""
    candidates, scans = facts["candidates"], facts["scans"]
    full = sum(cell["candidates"] >= cell["needed"] for cell in facts["cells"])
    blocks = [_perplexity(facts["perplexity_log10"]), _rejected(candidates), _cells(facts["cells"]), _doses(facts)]
    families = facts.get("families")
    blocks += family_blocks(families) if families else []
    blocks.append(Code("Settings", toml.table("traps", facts["config"]), wide=True))
    short = len(facts["cells"]) - full
    return page.render(
        Page(
            title="trapline traps",
            kicker="trapline traps",
            summary=f"{counted(facts['planted_units'], 'unit')} of {facts['config']['controls'] + 1} candidates each",
            lead=f"Made by {facts['generator']}. This page and the candidates are secret: they tell what is planted.",
            warnings=[
                *([f"{counted(short, 'cell')} could not be filled and made fewer units."] if short else []),
                *(family_warnings(families) if families else []),
            ],
            tiles=[
                Tile(count(candidates["made"]), "candidates made"),
                Tile(count(candidates["kept"]), "kept", share(candidates["kept"], candidates["made"])),
                Tile(f"{full} of {len(facts['cells'])}", "cells filled"),
                Tile(
                    duration(facts["seconds"]),
                    "time",
                    f"{size(scans[0]['bytes'])} of corpus, {counted(len(scans), 'scan')}" if scans else "",
                ),
            ],
            blocks=[block for block in blocks if block is not None],
            footer="Written by trapline. This page is complete in itself.",
        )
    )


def _perplexity(histogram: Mapping[str, Any]) -> Block | None:
    if not histogram["counts"]:
        return None
    svg = plots.histogram(
        histogram["edges"],
        histogram["counts"],
        label="Candidates by perplexity",
        xlabel="perplexity (logarithm to base 10)",
    )
    return Plot("Perplexity of the candidates", svg, "Under the model that made them, at temperature 1.")


def _rejected(candidates: Mapping[str, Any]) -> Block:
    rows = [[REASONS[reason], count(number)] for reason, number in candidates["rejected"].items()]
    rows += [["spare: their cell was full", count(candidates["spare"])], ["kept", count(candidates["kept"])]]
    rows.append(["made", count(candidates["made"])])
    return Table("What became of the candidates", ["", "candidates"], rows, frozenset([1]), total=True)


def _cells(cells: Sequence[Mapping[str, Any]]) -> Block:
    rows = []
    for cell in cells:
        borders = [f"{edge:,.4g}" if edge is not None else "any" for edge in cell["perplexity"]] or ["any", "any"]
        rows.append(
            [
                cell["stratum"],
                " to ".join(borders),
                count(cell["candidates"]),
                count(cell["needed"]),
                count(cell["units"]),
            ]
        )
    columns = ["stratum", "perplexity", "candidates", "needed", "units"]
    return Table("Strata", columns, rows, frozenset([2, 3, 4]), wide=True)


def _doses(facts: Mapping[str, Any]) -> Block:
    rows = [[row["stratum"], count(row["dose"]), count(row["count_all"])] for row in facts["units_by_dose"]]
    return Table("Units by dose", ["stratum", "copies of a planted candidate", "units"], rows, frozenset([1, 2]))
