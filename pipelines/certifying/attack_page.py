"""The report of `trapline certify --attack`: how many copies an attacker finds, and at what price. Secret."""

from collections.abc import Mapping
from typing import Any

from pipelines.pages import page, plots
from pipelines.pages.page import Block, Page, Plot, Table, Tile
from transforms.base.readable import count, counted, share


def report_html(facts: Mapping[str, Any]) -> str:
    """The report as one HTML page that needs nothing else."""
    attacks = facts["attacks"]
    best = max(attacks, key=lambda one: one["budgets"][1]["recall"] or 0)
    found = best["budgets"][1]
    blocks: list[Block] = [_plot(attacks), _all(attacks), *map(_groups, attacks)]
    return page.render(
        Page(
            title="trapline certify --attack",
            kicker="trapline certify --attack",
            summary=f"An attacker who removes {share(found['removed'], 1)} of the text finds at most "
            f"{share(found['recall'] or 0, 1)} of the copies",
            lead=f"By {best['title']}. {share(found['precision'] or 0, 1)} of what is removed is planted, the rest is "
            "the attacker's own loss. This page is secret.",
            tiles=[
                Tile(count(facts["copies"]), "copies", f"of {counted(facts['units'], 'unit')}"),
                Tile(count(facts["documents"]), "documents looked at"),
                Tile(share(facts["planted_share"], 1), "of their text is planted"),
            ],
            blocks=blocks,
            footer="Written by trapline. This page is complete in itself.",
        )
    )


def _plot(attacks: list[dict[str, Any]]) -> Block:
    recalls = [one["budgets"][1]["recall"] or 0.0 for one in attacks]
    svg = plots.bars(
        [one["attack"] for one in attacks],
        recalls,
        [share(recall, 1) for recall in recalls],
        label="Copies found by each attack when 1 % of the text may be removed",
    )
    return Plot("Copies found", svg, "When the most suspicious 1 % of the text is removed.")


def _all(attacks: list[dict[str, Any]]) -> Block:
    rows = [
        [
            one["title"],
            "—" if one["auc"] is None else f"{one['auc']:.3f}",
            share(budget["removed"], 1),
            share(budget["recall"] or 0, 1),
            "—" if budget["precision"] is None else share(budget["precision"], 1),
        ]
        for one in attacks
        for budget in one["budgets"]
    ]
    columns = ["attack", "AUC of sentences", "text removed", "copies found", "of it planted"]
    note = (
        "A copy counts as found if half of it stands in sentences that are removed. The AUC is the probability that a "
        "planted sentence looks more suspicious than another; 0.5 is chance."
    )
    return Table("What each attack costs and finds", columns, rows, frozenset(range(1, 5)), note, wide=True)


def _groups(one: Mapping[str, Any]) -> Block:
    rows = [
        [group["kind"], count(group["dose"]), count(group["copies"]), share(group["recall"], 1)]
        for group in one["budgets"][1]["groups"]
    ]
    note = "When the most suspicious 1 % of the text is removed."
    return Table(f"{one['attack']}: by dose", ["copies", "dose", "number", "found"], rows, frozenset([1, 2, 3]), note)
