"""The report of `trapline traps`: strata, perplexities, rejections, doses. As secret as the candidates."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.pages import page, plots
from pipelines.pages.page import Block, Code, Page, Plot, Table, Tile
from pipelines.running.versions import versions
from transforms.base import toml
from transforms.base.readable import count, counted, duration, share, size
from transforms.probes.traps.design import Design
from transforms.probes.traps.fill import Filled

_BINS = 40
_REASONS = {
    "length": "no cut gives the length",
    "shape": "not one plain line of text",
    "separator": "contains a separator",
    "unstable": "not stable under decode, encode",
    "perplexity": "outside all perplexity buckets",
    "in corpus": "shares 8 words with the corpus",
    "too alike": "token sets too alike (Jaccard > 0.2)",
}


def facts_of(
    config: Mapping[str, Any],
    design: Design,
    generator: str,
    filled: Filled,
    table: pa.Table,
    scans: Sequence[Mapping[str, Any]],
    running: Mapping[str, Any],
) -> dict[str, Any]:
    """What report.json holds.

    Raises:
        ValueError: if candidates were lost on the way: made = kept + spare + rejected.
    """
    have = filled.have(design)
    rejected = {reason: filled.rejected[reason] for reason in _REASONS if filled.rejected[reason]}
    if filled.made != int(have.sum()) + filled.spare + sum(filled.rejected.values()):
        raise ValueError(f"{filled.made} candidates were made, but not all are accounted for")
    size_of_unit = design.controls + 1
    units = (
        table.filter(pa.compute.equal(table["candidate"], 0))
        .group_by(["stratum", "dose"])
        .aggregate([([], "count_all")])
    )
    cells = [
        {
            "stratum": design.stratum(length, bucket),
            "perplexity": [_finite(edge) for edge in filled.edges[at][bucket : bucket + 2]] if filled.edges else [],
            "candidates": int(have[at, bucket]),
            "needed": design.cell_candidates,
            "units": int(have[at, bucket]) // size_of_unit
            if have[at, bucket] < design.cell_candidates
            else sum(design.units),
        }
        for at, length in enumerate(design.lengths)
        for bucket in range(design.buckets)
    ]
    known = filled.batch.perplexity[np.isfinite(filled.batch.perplexity) & (filled.batch.perplexity > 0)]
    counts, edges = np.histogram(np.log10(known), _BINS) if len(known) else (np.empty(0, int), np.empty(0))
    return {
        "command": "traps",
        "generator": generator,
        "config": dict(config),
        "candidates": {"made": filled.made, "kept": int(have.sum()), "spare": filled.spare, "rejected": rejected},
        "planted_units": table.num_rows // size_of_unit,
        "cells": cells,
        "units_by_dose": sorted(units.to_pylist(), key=lambda row: (row["stratum"], -row["dose"])),
        "perplexity_log10": {"edges": [float(edge) for edge in edges], "counts": [int(one) for one in counts]},
        "scans": [dict(scan) for scan in scans],
        "rounds": filled.rounds,
        "versions": versions(),
        **running,
    }


def _finite(edge: float) -> float | None:
    return float(edge) if math.isfinite(edge) else None


def report_html(facts: Mapping[str, Any]) -> str:
    """The report as one HTML page that needs nothing else."""
    candidates, scans = facts["candidates"], facts["scans"]
    full = sum(cell["candidates"] >= cell["needed"] for cell in facts["cells"])
    blocks = [_perplexity(facts["perplexity_log10"]), _rejected(candidates), _cells(facts["cells"]), _doses(facts)]
    blocks.append(Code("Settings", toml.table("traps", facts["config"]), wide=True))
    short = len(facts["cells"]) - full
    return page.render(
        Page(
            title="trapline traps",
            kicker="trapline traps",
            summary=f"{counted(facts['planted_units'], 'unit')} of {facts['config']['controls'] + 1} candidates each",
            lead=f"Made by {facts['generator']}. This page and the candidates are secret: they tell what is planted.",
            warnings=[f"{counted(short, 'cell')} could not be filled and made fewer units."] if short else [],
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
    rows = [[_REASONS[reason], count(number)] for reason, number in candidates["rejected"].items()]
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
