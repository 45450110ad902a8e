"""Shapes as plain data, and the template that makes one `<svg>` element of them.

A shape names a tone, never a colour: the page's style sheet gives `accent`, `ink`, `muted` and `line` their colours
in the light and in the dark scheme and in print. Coordinates grow to the right and downwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from pipelines.pages.environment import environment

Tone = Literal["accent", "ink", "muted", "line"]
Point = tuple[float, float]

TEXT = 11.0
"""Height of text, as in the style sheet."""


@dataclass(frozen=True)
class Rect:
    """A filled rectangle by its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    tone: Tone = "accent"
    kind: ClassVar[str] = "rect"


@dataclass(frozen=True)
class Circle:
    """A filled circle by its centre."""

    x: float
    y: float
    radius: float
    tone: Tone = "accent"
    kind: ClassVar[str] = "circle"


@dataclass(frozen=True)
class Polyline:
    """One line through all points."""

    points: Sequence[Point]
    tone: Tone = "accent"
    style: Literal["", "thick", "dashed"] = "thick"
    kind: ClassVar[str] = "polyline"


@dataclass(frozen=True)
class Path:
    """Separate straight lines, each from one point to another."""

    lines: Sequence[tuple[Point, Point]]
    tone: Tone = "line"
    style: Literal["", "thick", "dashed"] = ""
    kind: ClassVar[str] = "path"


@dataclass(frozen=True)
class Text:
    """One line of text whose start, middle or end is at `x`, on the baseline `y`."""

    x: float
    y: float
    text: str
    anchor: Literal["start", "middle", "end"] = "start"
    tone: Tone = "muted"
    upwards: bool = False
    kind: ClassVar[str] = "text"


Shape = Rect | Circle | Polyline | Path | Text


def svg(width: float, height: float, shapes: Sequence[Shape], *, title: str, description: str) -> str:
    """One `<svg>` element; equal shapes give equal strings.

    Args:
        width: of the drawing, in its own units; the page scales it.
        height: likewise.
        shapes: what is drawn, from back to front.
        title: what the drawing shows, for readers who do not see it.
        description: what they would see.
    """
    template = environment().get_template("plot.svg.j2")
    return template.render(width=width, height=height, shapes=shapes, title=title, description=description)
