"""A self-contained HTML page: what is on it as plain data, and the one template that all reports share.

The page asks for nothing from elsewhere: its content security policy allows inline styles and nothing that loads or
runs. All text is escaped by Jinja; plots are the only markup that is passed through.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import markupsafe

from pipelines.pages.differences import Span
from pipelines.pages.environment import environment

# Control characters that HTML does not allow, marks that turn the reading direction of what follows, lone surrogates.
_UNSHOWN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


@dataclass(frozen=True)
class Tile:
    """One figure in large type with its name below it, and a note in small type."""

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Part:
    """A part of the whole in the bar under the summary; `share` in 0..1, `tone` a class of the style sheet."""

    label: str
    value: str
    share: float
    tone: str


@dataclass(frozen=True)
class Plot:
    """A plot as an SVG string of `pipelines.pages.plots`."""

    title: str
    svg: str
    note: str = ""
    wide: bool = False
    kind: ClassVar[str] = "plot"

    @property
    def markup(self) -> markupsafe.Markup:
        """The SVG, marked as safe to pass through."""
        return markupsafe.Markup(self.svg)  # noqa: S704 - the template of plots has escaped it


@dataclass(frozen=True)
class Table:
    """A table of text; `numeric` has the columns that are set to the right, `total` makes the last row the sum."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()
    note: str = ""
    total: bool = False
    wide: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Side:
    """One text of a pair in pieces, under its caption."""

    caption: str
    spans: Sequence[Span]


@dataclass(frozen=True)
class Pairs:
    """Pairs of texts side by side, each under a heading."""

    title: str
    pairs: Sequence[tuple[str, Side, Side]]
    note: str = ""
    wide: bool = True
    kind: ClassVar[str] = "pairs"


@dataclass(frozen=True)
class Code:
    """Text in a fixed-width font, as it stands."""

    title: str
    text: str
    note: str = ""
    wide: bool = False
    kind: ClassVar[str] = "code"


@dataclass(frozen=True)
class Folded:
    """One line that opens to a table of its own, of which the rows `marked` stand out."""

    line: Sequence[str]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    marked: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Drill:
    """A table whose lines open: each shows what it is made of. `numeric` has the inner columns set to the right."""

    title: str
    columns: Sequence[str]
    lines: Sequence[Folded]
    numeric: frozenset[int] = frozenset()
    note: str = ""
    wide: bool = True
    kind: ClassVar[str] = "drill"


Block = Plot | Table | Pairs | Code | Drill


@dataclass(frozen=True)
class Page:
    """All that a report shows, from top to bottom.

    Attributes:
        title: for the browser's tab.
        kicker: a few words above the summary: which command this is.
        summary: the one sentence to remember.
        lead: what comes next, in plain words.
        parts: the whole in parts, as one bar.
        warnings: what a reader must not overlook.
        tiles: key figures.
        blocks: plots, tables, texts; two a row on a wide screen unless `wide`.
        footer: the last line.
    """

    title: str
    kicker: str
    summary: str
    lead: str = ""
    parts: Sequence[Part] = ()
    warnings: Sequence[str] = ()
    tiles: Sequence[Tile] = ()
    blocks: Sequence[Block] = ()
    footer: str = ""


def render(page: Page) -> str:
    """The page as HTML; equal pages give equal strings."""
    html = environment().get_template("page.html.j2").render(page=page)
    return _UNSHOWN.sub("\ufffd", html)
