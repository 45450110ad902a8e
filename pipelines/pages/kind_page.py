"""The page of a kind of probe that has none of its own, and what every page shows of the candidates that were made."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from pipelines.pages import page
from pipelines.pages.page import Block, Code, Page, Table, Tile
from transforms.base import toml
from transforms.base.readable import count, counted, significant


def report_html(facts: Mapping[str, Any], probes: pa.Table) -> str:
    """The report of a command that makes probes, as one HTML page that needs nothing else. As secret as they are."""
    command, made = f"trapline {facts['command']}", facts.get("candidates", {})
    cells = probes.filter(pa.compute.equal(probes["candidate"], 0)).group_by(["stratum", "dose"])
    units = sorted(cells.aggregate([([], "count_all")]).to_pylist(), key=lambda row: (row["stratum"], -row["dose"]))
    size = probes.num_rows // max(1, sum(row["count_all"] for row in units))
    blocks: list[Block] = [
        Table(
            "Units by dose",
            ["stratum", "copies of a planted candidate", "units"],
            [[row["stratum"], count(row["dose"]), count(row["count_all"])] for row in units],
            frozenset([1, 2]),
        ),
        *made_blocks(made if isinstance(made, Mapping) else {}, facts.get("cells", ())),
        *_numbers(facts),
        Code("Settings", toml.table(facts["command"], facts["config"]), wide=True),
    ]
    return page.render(
        Page(
            title=command,
            kicker=command,
            summary=f"{counted(probes.num_rows // max(1, size), 'unit')} of {size} candidates each",
            lead="This page and the candidates are secret: they tell what is planted.",
            warnings=[],
            tiles=[
                Tile(count(probes.num_rows), "candidates"),
                Tile(count(probes.num_rows // max(1, size)), "units"),
                Tile(count(len({row["stratum"] for row in units})), "strata"),
            ],
            blocks=blocks,
            footer="Written by trapline. This page is complete in itself.",
        )
    )


def made_blocks(made: Mapping[str, Any], cells: Sequence[Mapping[str, Any]], of: str = "") -> list[Block]:
    """What became of the candidates, and how the strata were filled, if a kind says so.

    Args:
        made: "made", "kept", "spare", and "rejected" by reason; or nothing.
        cells: "stratum", "candidates" and "needed" of each.
        of: ends the titles: which command made them.
    """
    blocks: list[Block] = []
    if made:
        rows = [[reason, count(number)] for reason, number in made["rejected"].items()]
        rows += [["spare", count(made["spare"])], ["kept", count(made["kept"])], ["made", count(made["made"])]]
        title = f"What became of the candidates{of}"
        blocks.append(Table(title, ["", "candidates"], rows, frozenset([1]), total=True))
    if cells:
        rows = [[cell["stratum"], count(cell["candidates"]), count(cell["needed"])] for cell in cells]
        blocks.append(Table(f"Strata filled{of}", ["stratum", "candidates", "needed"], rows, frozenset([1, 2])))
    return blocks


def _numbers(facts: Mapping[str, Any]) -> list[Block]:
    """Facts that are numbers, or numbers by name, as a table."""
    rows = []
    for name, value in facts.items():
        if name in ("config", "versions", "candidates", "cells"):
            continue
        found = value if isinstance(value, Mapping) else {"": value}
        rows += [
            [f"{name} {part}".strip().replace("_", " "), significant(number, 4)]
            for part, number in found.items()
            if isinstance(number, int | float) and not isinstance(number, bool)
        ]
    return [Table("In numbers", ["", ""], rows, frozenset([1]))] if rows else []
