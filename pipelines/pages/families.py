"""What reports say of families of texts: their promises, what was measured, and what their doses are worth."""

from collections.abc import Mapping
from typing import Any

from pipelines.pages.page import Block, Table
from transforms.base.readable import count, counted
from transforms.probes.traps.families.kept import FAILED


def family_blocks(families: Mapping[str, Any]) -> list[Block]:
    """Tables of a run that made families, from the facts in its report.json."""
    promises = [
        [
            one["length"],
            count(one["families"]),
            f"{counted(one['most_run'], 'token')}",
            count(one["run"]),
            f"{one['most_jaccard']:.3f}",
            f"{one['jaccard']:.3f}",
        ]
        for one in families["lengths"]
    ]
    blocks: list[Block] = [
        Table(
            "What two different texts of a family share at most",
            ["length", "families", "in a row", "measured", "Jaccard of 5-grams", "measured"],
            promises,
            frozenset([1, 2, 3, 4, 5]),
            f"One word is replaced in each of {counted(families['blocks'], 'block')}. Measured over all pairs of "
            "texts, planted or not.",
            wide=True,
        ),
        Table(
            "Texts by dose",
            ["copies", "different texts", "worth in exact copies"],
            [[count(one["dose"]), count(one["texts"]), _worth(one["exact_copies"])] for one in families["doses"]],
            frozenset([0, 1, 2]),
            "How much a copy that differs counts has to be measured on models; where that was not done for these "
            "blocks and lengths, no number stands here.",
        ),
    ]
    if families["failed"]:
        rows = [[FAILED[reason], count(number)] for reason, number in families["failed"].items()]
        rows.append(["units that had one", count(families["failed_units"])])
        blocks.append(Table("Families that failed", ["", "families"], rows, frozenset([1]), total=True))
    return blocks


def family_warnings(families: Mapping[str, Any]) -> list[str]:
    """Doses of which some copies are exactly alike."""
    repeated = [one for one in families["doses"] if one["texts"] < one["dose"]]
    return [
        f"Dose {count(one['dose'])}: {counted(one['texts'], 'text')} are planted in turn, so some copies are exactly "
        "alike. The promises hold for different texts."
        for one in repeated
    ]


def _worth(copies: list[Mapping[str, Any]]) -> str:
    known = [f"{one['copies']:.1f} ({one['length']})" for one in copies if one["copies"] is not None]
    return ", ".join(known) or "not measured"
