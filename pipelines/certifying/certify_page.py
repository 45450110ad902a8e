"""The report of `trapline certify`: what is left of copies under each judge. Secret."""

from collections.abc import Mapping
from typing import Any

from pipelines.pages import page, plots
from pipelines.pages.page import Block, Page, Plot, Table, Tile
from transforms.base.readable import count, counted, share, size


def report_html(facts: Mapping[str, Any]) -> str:
    """The report as one HTML page that needs nothing else."""
    judges = facts["judges"]
    worst = min(
        (one for one in judges if one["in_kept_documents"]["share"] is not None),
        key=lambda one: float(one["in_kept_documents"]["share"]),
        default=None,
    )
    blocks: list[Block] = [_plot(judges), _doses_left(judges), _judges(judges), *map(_groups, judges), _ran(judges)]
    return page.render(
        Page(
            title="trapline certify",
            kicker="trapline certify",
            summary=_summary(facts, worst),
            lead=f"{facts['when'].capitalize()}: {counted(len(judges), 'judge')} over {count(facts['copies'])} copies "
            "of planted text. This page is secret.",
            warnings=[f"Judge {name} was skipped: {reason}." for name, reason in facts["skipped"].items()],
            tiles=[
                Tile(count(facts["copies"]), "copies", f"of {counted(facts['units'], 'unit')}"),
                Tile(count(facts["documents"]), "documents with copies", size(facts["document_bytes"])),
                Tile(count(facts["others"]), "other documents", size(facts["other_bytes"])),
            ],
            blocks=blocks,
            footer="Written by trapline. This page is complete in itself.",
        )
    )


def _summary(facts: Mapping[str, Any], worst: Mapping[str, Any] | None) -> str:
    if worst is None:
        return f"No judge keeps a document of {counted(facts['documents'], 'document')}"
    found = worst["in_kept_documents"]
    return f"At least {share(found['alive'], found['of'])} of the copies survive each judge that keeps their document"


def _plot(judges: list[dict[str, Any]]) -> Block:
    ranges = [(one["in_kept_documents"]["low"], one["in_kept_documents"]["high"]) for one in judges]
    values = [one["in_kept_documents"]["share"] for one in judges]
    svg = plots.intervals_down(
        [one["judge"] for one in judges],
        [(low, value, high) for (low, high), value in zip(ranges, values, strict=True)],
        label="Share of copies that are alive, by judge",
        xlabel="share of copies in documents that the judge keeps without them",
    )
    return Plot("Copies that survive", svg, "With the exact interval of a binomial share at 95 %.", wide=True)


def _doses_left(judges: list[dict[str, Any]]) -> Block:
    rows = []
    for one in judges:
        dose = one["effective_dose"]
        rows.append(
            [
                one["judge"],
                *(
                    _number(dose[name])
                    for name in ("planted_median", "minimum", "median", "equivalent_minimum", "equivalent_median")
                ),
            ]
        )
    columns = ["judge", "planted, median", "left, least", "left, median", "equivalent, least", "equivalent, median"]
    note = (
        "Copies of a unit that are alive, in documents that the judge keeps or not; of a unit the worst candidate. "
        "The equivalent is the number of exact copies that would be worth as much."
    )
    return Table("Effective dose of a unit", columns, rows, frozenset(range(1, 6)), note, wide=True)


def _judges(judges: list[dict[str, Any]]) -> Block:
    rows = []
    for one in judges:
        kept, own = one["in_kept_documents"], one["documents"]
        rows.append(
            [
                one["title"],
                count(one["copies"]),
                count(one["alive"]),
                count(one["altered"]),
                count(one["gone"]),
                count(kept["of"]),
                f"{share(kept['alive'], kept['of'])} ({kept['low']:.3f} to {kept['high']:.3f})",
                f"{count(own['lost'])} of {count(own['kept_before'])}",
            ]
        )
    columns = ["judge", "copies", "alive", "altered", "gone", "in kept documents", "of these alive", "documents lost"]
    note = (
        "Altered: at least half of the copy's five-word windows are left. Kept documents are those that the judge "
        "keeps without the copies; lost are those of them that it drops with the copies."
    )
    return Table("What the judges leave", columns, rows, frozenset(range(1, 8)), note, wide=True)


def _groups(one: Mapping[str, Any]) -> Block:
    rows = [
        [group["name"], count(group["copies"]), count(group["of"]), count(group["alive"]), _interval(group)]
        for group in (*one["by_dose"], *one["by_length"])
    ]
    columns = ["", "copies", "in kept documents", "alive", "share"]
    return Table(f"{one['judge']}: by dose and length", columns, rows, frozenset(range(1, 5)))


def _ran(judges: list[dict[str, Any]]) -> Block:
    rows = []
    for one in judges:
        versions = ", ".join(f"{name} {version}" for name, version in one["versions"].items()) or "own"
        settings = ", ".join(f"{name}: {value}" for name, value in one["settings"].items())
        rows.append(
            [one["judge"], versions, settings or "defaults", f"{one['seconds']:.1f} s", f"{one['cpu_seconds']:.1f} s"]
        )
    columns = ["judge", "version", "settings", "time", "of CPU"]
    note = "The time is that of the judging alone; that of the CPU is of the whole process."
    return Table("How they ran", columns, rows, frozenset([3, 4]), note, wide=True)


def _interval(group: Mapping[str, Any]) -> str:
    return f"{share(group['alive'], group['of'])} ({group['low']:.3f} to {group['high']:.3f})"


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.1f}".removesuffix(".0")
