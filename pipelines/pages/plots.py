"""The plots of the reports: each function places data on scales and returns one `<svg>` element.

Colours and fonts are the page's. Nothing in a plot depends on the time, the machine or the user's settings.
"""

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipelines.pages.scales import Scale, round_ticks, tick_labels
from pipelines.pages.svg import TEXT, Circle, Path, Point, Polyline, Rect, Shape, Text, Tone, svg
from transforms.base.readable import count, counted, significant

WIDTH = 389.0
"""Units of a drawing; text of 11 units stays readable when the page scales a plot down to a phone's width."""

_LETTER = 6.5  # About the mean width of a letter or a digit: no font is at hand to measure with.
_MIDDLE = 0.35 * TEXT  # From the middle of a line of text down to its baseline.
_QUARTERS = ((0.0, "0"), (0.25, ".25"), (0.5, ".5"), (0.75, ".75"), (1.0, "1"))


def histogram(
    edges: Sequence[float],
    counts: Sequence[float],
    *,
    label: str,
    xlabel: str,
    marker: tuple[float, str] | None = None,
) -> str:
    """A histogram of counts.

    Args:
        edges: n + 1 ascending bin edges.
        counts: n counts.
        label: what the plot shows, for readers who do not see it.
        xlabel: what is binned.
        marker: a value on the x axis to mark with a line, and the word for it.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if there is not one edge more than counts, or nothing to show.
    """
    if len(edges) != len(counts) + 1 or not len(counts):
        raise ValueError(f"{len(counts)} counts need {len(counts) + 1} edges, not {len(edges)}")
    tallest = max(counts)
    ticks = round_ticks(0, tallest, 5, whole=True) if tallest else [0.0]
    names = [count(tick) for tick in ticks]
    frame = _Frame.within(
        209, left=max(45, 12 + _LETTER * max(map(len, names))), right=12, bottom=43, top=20 if marker else 9
    )
    x, y = frame.across(edges[0], edges[-1]), frame.up(0, 1.04 * tallest or 1.0)
    gap = 0.06 * (frame.right - frame.left) / len(counts)
    shapes: list[Shape] = [
        *_y_axis(frame, y, list(zip(ticks, names, strict=True))),
        *(
            _column(x(low) + gap, x(high) - gap, y(0), y(found))
            for (low, high), found in zip(itertools.pairwise(edges), counts, strict=True)
        ),
        *_x_axis(frame, x, _labelled(edges[0], edges[-1]), xlabel),
    ]
    at = list(counts).index(tallest)
    said = (
        f"{counted(len(counts), 'column')} by {xlabel}, from {significant(edges[0])} to {significant(edges[-1])}, "
        f"of {count(sum(counts))} in all. The tallest, of {count(tallest)}, reaches from {significant(edges[at])} to "
        f"{significant(edges[at + 1])}."
    )
    if marker:
        place, word = marker
        shapes.append(Polyline([(x(place), frame.bottom), (x(place), frame.top)], "ink", "dashed"))
        shapes.append(Text(x(place), frame.top - 4, word, "middle", "ink"))
        said += f" A line at {significant(place)}: {word}."
    return svg(WIDTH, frame.height, shapes, title=label, description=said)


def bars(labels: Sequence[str], values: Sequence[float], notes: Sequence[str], *, label: str) -> str:
    """Horizontal bars from top to bottom, each with its label on the left and a note at its end.

    Args:
        labels: names of the bars.
        values: their lengths, not negative.
        notes: what stands at their ends, the value as people read it.
        label: what the plot shows, for readers who do not see it.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if the three differ in length or are empty.
    """
    if not len(labels) == len(values) == len(notes) or not len(labels):
        raise ValueError(f"{len(labels)} labels, {len(values)} values and {len(notes)} notes: give one of each a bar")
    names, ends = [_short(text, 22) for text in labels], [_short(text, 16) for text in notes]
    left, right = (11 + _LETTER * max(map(len, texts)) for texts in (names, ends))
    frame = _Frame.within(12 + 24.5 * len(labels), left=left, right=right, bottom=6, top=6)
    x, y = frame.across(0, max(values) or 1.0), Scale(-0.5, len(labels) - 0.5, frame.top, frame.bottom)
    shapes: list[Shape] = [
        Rect(x(0), y(row - 0.34), x(value) - x(0), y(row + 0.34) - y(row - 0.34)) for row, value in enumerate(values)
    ]
    shapes.append(Path([((x(0), frame.top), (x(0), frame.bottom))], "muted"))
    for row, (name, value, end) in enumerate(zip(names, values, ends, strict=True)):
        shapes.append(Text(x(0) - 5, y(row) + _MIDDLE, name, "end", "ink"))
        shapes.append(Text(x(value) + 5, y(row) + _MIDDLE, end, "start"))
    said = "; ".join(f"{name}: {note}" for name, note in zip(labels, notes, strict=True))
    return svg(WIDTH, frame.height, shapes, title=label, description=f"{counted(len(labels), 'bar')}. {said}.")


def compared(edges: Sequence[float], shares: Sequence[tuple[str, Sequence[float]]], *, label: str, xlabel: str) -> str:
    """Two distributions over the same bins: the first filled, the second as an outline over it.

    Args:
        edges: n + 1 ascending bin edges.
        shares: name and n shares of each of the two.
        label: what the plot shows, for readers who do not see it.
        xlabel: what is binned.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if there are not two, or not one edge more than shares.
    """
    if len(shares) != 2 or len(edges) < 2 or any(len(edges) != len(one) + 1 for _, one in shares):
        raise ValueError(f"{len(shares)} distributions over {len(edges)} edges: give two, of one share a bin")
    (first_name, first), (second_name, second) = shares
    frame = _Frame.within(209, left=14, right=14, bottom=43, top=26)
    x, y = frame.across(edges[0], edges[-1]), frame.up(0, 1.04 * (max(*first, *second) or 1.0))
    bins = list(itertools.pairwise(edges))
    outline = [(x(edges[0]), y(0))]
    for (low, high), share in zip(bins, second, strict=True):
        outline += [(x(low), y(share)), (x(high), y(share))]
    outline.append((x(edges[-1]), y(0)))
    shapes: list[Shape] = [
        *(_column(x(low), x(high), y(0), y(share)) for (low, high), share in zip(bins, first, strict=True)),
        Polyline(outline, "ink"),
        Path([((frame.left, y(0)), (frame.right, y(0)))], "muted"),
        *_x_axis(frame, x, _labelled(edges[0], edges[-1]), xlabel),
        Text(frame.left, frame.top - 8, "\u25a0 " + _short(first_name, 24), "start", "accent"),
        Text(frame.right, frame.top - 8, "\u25a1 " + _short(second_name, 24), "end", "ink"),
    ]
    means = " and ".join(f"{significant(_mean(edges, one))} {name}" for name, one in shares)
    said = (
        f"{first_name}, filled, and {second_name}, as an outline, in {counted(len(first), 'bin')} by {xlabel}, "
        f"from {significant(edges[0])} to {significant(edges[-1])}. Means of the bins: {means}."
    )
    return svg(WIDTH, frame.height, shapes, title=label, description=said)


def curve(x: Sequence[float], y: Sequence[float], *, label: str, xlabel: str, ylabel: str) -> str:
    """A curve in the unit square over its diagonal.

    Args:
        x: ascending, 0 to 1.
        y: of the same length, 0 to 1.
        label: what the plot shows, for readers who do not see it.
        xlabel: what x is.
        ylabel: what y is.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if the two differ in length or hold fewer than two points.
    """
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} and {len(y)} coordinates: give two points or more")
    frame = _Frame.within(259, left=61, right=14, bottom=45, top=10)
    across, up = frame.across(0, 1), frame.up(0, 1)
    shapes: list[Shape] = [
        *_y_axis(frame, up, _QUARTERS, ylabel),
        Polyline([(across(0), up(0)), (across(1), up(1))], "muted", "dashed"),
        Polyline([(across(one), up(other)) for one, other in zip(x, y, strict=True)]),
        *_x_axis(frame, across, _QUARTERS, xlabel),
    ]
    heights = ", ".join(f"{_height_at(x, y, at):.2f} at {name}" for at, name in _QUARTERS[1:4])
    said = f"A curve of {ylabel} by {xlabel}, both from 0 to 1, over a dashed diagonal: {heights}."
    return svg(WIDTH, frame.height, shapes, title=label, description=said)


def intervals(
    labels: Sequence[str],
    ranges: Sequence[tuple[float, float, float]],
    *,
    label: str,
    xlabel: str,
    ylabel: str,
    reference: float,
) -> str:
    """Values with their intervals, one a category from left to right, over a reference line.

    Args:
        labels: names of the categories.
        ranges: low end, value and high end of each, 0 to 1.
        label: what the plot shows, for readers who do not see it.
        xlabel: what the categories are.
        ylabel: what the values are.
        reference: where the dashed line is.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if labels and ranges differ in number or there are none.
    """
    if len(labels) != len(ranges) or not labels:
        raise ValueError(f"{len(labels)} labels and {len(ranges)} ranges: give one of each a category")
    frame = _Frame.within(209, left=61, right=14, bottom=45, top=12)
    floor = math.floor(4 * min(*(low for low, _, _ in ranges), reference, 0.5)) / 4
    x, y = frame.across(-0.6, len(labels) - 0.4), frame.up(floor - 0.02, 1.02)
    places = [x(at) for at in range(len(labels))]
    points = [(place, y(value)) for place, (_, value, _) in zip(places, ranges, strict=True)]
    names = [(float(at), _short(name, 14)) for at, name in enumerate(labels)]
    shapes: list[Shape] = [
        *_y_axis(frame, y, [tick for tick in _QUARTERS if tick[0] >= floor], ylabel),
        Polyline([(frame.left, y(reference)), (frame.right, y(reference))], "muted", "dashed"),
        Path(
            [((at, y(low)), (at, y(high))) for at, (low, _, high) in zip(places, ranges, strict=True)], "ink", "thick"
        ),
        Polyline(points),
        *(Circle(*point, 3.5) for point in points),
        *_x_axis(frame, x, names, xlabel),
    ]
    each = "; ".join(
        f"{name}: {value:.2f} ({low:.2f} to {high:.2f})"
        for name, (low, value, high) in zip(labels, ranges, strict=True)
    )
    said = f"{ylabel} by {xlabel}, with intervals. {each}. A dashed line at {reference:g}."
    return svg(WIDTH, frame.height, shapes, title=label, description=said)


def intervals_down(
    labels: Sequence[str], ranges: Sequence[tuple[float, float | None, float]], *, label: str, xlabel: str
) -> str:
    """Shares with their intervals, one a row from top to bottom, from 0 to 1.

    Args:
        labels: names of the rows.
        ranges: low end, value and high end of each; a row without a value stays empty.
        label: what the plot shows, for readers who do not see it.
        xlabel: what the values are.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if labels and ranges differ in number or there are none.
    """
    if len(labels) != len(ranges) or not labels:
        raise ValueError(f"{len(labels)} labels and {len(ranges)} ranges: give one of each a row")
    names = [_short(text, 22) for text in labels]
    left = 11 + _LETTER * max(map(len, names))
    frame = _Frame.within(52 + 18.0 * len(labels), left=left, right=14, bottom=43, top=6)
    x, y = frame.across(0, 1), Scale(-0.5, len(labels) - 0.5, frame.top, frame.bottom)
    grid: list[tuple[Point, Point]] = [((x(at), frame.top), (x(at), frame.bottom)) for at, _ in _QUARTERS]
    shapes: list[Shape] = [Path(grid)]
    for row, (name, (low, value, high)) in enumerate(zip(names, ranges, strict=True)):
        shapes.append(Text(frame.left - 5, y(row) + _MIDDLE, name, "end", "ink"))
        if value is not None:
            shapes.append(Path([((x(low), y(row)), (x(high), y(row)))], "ink", "thick"))
            shapes.append(Circle(x(value), y(row), 3.5))
    shapes += _x_axis(frame, x, _QUARTERS, xlabel)
    each = "; ".join(
        f"{name}: none" if value is None else f"{name}: {value:.3f} ({low:.3f} to {high:.3f})"
        for name, (low, value, high) in zip(labels, ranges, strict=True)
    )
    return svg(WIDTH, frame.height, shapes, title=label, description=f"{xlabel}, with intervals. {each}.")


@dataclass(frozen=True)
class Line:
    """A curve of a plot of lines: values by x, with the ends of their intervals if there are any."""

    name: str
    values: Sequence[float]
    low: Sequence[float] = ()
    high: Sequence[float] = ()


def lines(
    x: Sequence[float],
    curves: Sequence[Line],
    *,
    label: str,
    xlabel: str,
    ylabel: str,
    reference: float,
    marks: Sequence[float] = (),
    logarithmic: bool = False,
) -> str:
    """Curves over one axis, each with intervals, over a reference line; the second is dashed.

    Args:
        x: ascending, of two points or more.
        curves: one or two, of the same length as x.
        label: what the plot shows, for readers who do not see it.
        xlabel: what x is.
        ylabel: what the values are.
        reference: where the dashed horizontal line is.
        marks: places on x with a thin vertical line, such as events.
        logarithmic: whether x, then above 0, grows by powers of ten.

    Returns:
        One `<svg>` element.

    Raises:
        ValueError: if there are not one or two curves of the length of x, which has two points at least.
    """
    if not 1 <= len(curves) <= 2 or len(x) < 2 or any(len(one.values) != len(x) for one in curves):
        raise ValueError(f"{len(curves)} curves over {len(x)} points: give one or two of two points or more")
    said = "; ".join(f"{one.name}: {one.values[0]:.3g} first, {one.values[-1]:.3g} last" for one in curves)
    if logarithmic:
        x, marks = [math.log10(one) for one in x], [math.log10(one) for one in marks]
    frame = _Frame.within(229, left=61, right=14, bottom=45, top=12)
    ends = [value for one in curves for value in (*one.values, *one.low, *one.high)] + [reference]
    low, high = min(ends), max(ends)
    margin = 0.04 * (high - low) or 1.0
    across, up = frame.across(x[0], x[-1]), frame.up(low - margin, high + margin)
    ticks = round_ticks(x[0], x[-1], 5, whole=not logarithmic)
    steps = round_ticks(low - margin, high + margin, 5)
    shapes: list[Shape] = [
        *_y_axis(frame, up, list(zip(steps, tick_labels(steps), strict=True)), ylabel),
        Path([((across(one), frame.top), (across(one), frame.bottom)) for one in marks if x[0] <= one <= x[-1]]),
        Polyline([(frame.left, up(reference)), (frame.right, up(reference))], "muted", "dashed"),
    ]
    for one, (tone, style) in zip(curves, _LOOKS, strict=False):
        if one.low:
            bars = zip(x, one.low, one.high, strict=True)
            shapes.append(Path([((across(at), up(low)), (across(at), up(high))) for at, low, high in bars], tone))
        shapes.append(Polyline([(across(at), up(value)) for at, value in zip(x, one.values, strict=True)], tone, style))
    names = [(one, significant(10**one) if logarithmic else f"{one:,.0f}") for one in ticks]
    shapes += _x_axis(frame, across, names, xlabel)
    return svg(WIDTH, frame.height, shapes, title=label, description=f"{ylabel} by {xlabel}. {said}.")


_LOOKS: tuple[tuple[Tone, Literal["thick", "dashed"]], ...] = (("accent", "thick"), ("ink", "dashed"))


@dataclass(frozen=True)
class _Frame:
    """The part of a drawing that data fills, by its edges; words stand around it."""

    height: float
    left: float
    right: float
    top: float
    bottom: float

    @classmethod
    def within(cls, height: float, *, left: float, right: float, bottom: float, top: float) -> "_Frame":
        """What four margins leave of a drawing."""
        return cls(height, left, WIDTH - right, top, height - bottom)

    def across(self, low: float, high: float) -> Scale:
        return Scale(low, high, self.left, self.right)

    def up(self, low: float, high: float) -> Scale:
        return Scale(low, high, self.bottom, self.top)


def _x_axis(frame: _Frame, scale: Scale, ticks: Sequence[tuple[float, str]], label: str) -> list[Shape]:
    """Names below the frame, and what they are below these."""
    names: list[Shape] = [Text(scale(at), frame.bottom + 17, name, "middle") for at, name in ticks]
    return [*names, Text((frame.left + frame.right) / 2, frame.bottom + 36, label, "middle")]


def _y_axis(frame: _Frame, scale: Scale, ticks: Sequence[tuple[float, str]], label: str = "") -> list[Shape]:
    """A line across the frame and a name on its left at each tick, and what they are, upwards."""
    lines: list[tuple[Point, Point]] = [((frame.left, scale(at)), (frame.right, scale(at))) for at, _ in ticks]
    names: list[Shape] = [Text(frame.left - 5, scale(at) + _MIDDLE, name, "end") for at, name in ticks]
    middle = (frame.top + frame.bottom) / 2
    return [Path(lines), *names, *([Text(16, middle, label, "middle", upwards=True)] if label else [])]


def _column(left: float, right: float, bottom: float, top: float) -> Rect:
    return Rect(left, top, right - left, bottom - top)


def _labelled(low: float, high: float) -> list[tuple[float, str]]:
    ticks = round_ticks(low, high, 6)
    return list(zip(ticks, tick_labels(ticks), strict=True))


def _mean(edges: Sequence[float], shares: Sequence[float]) -> float:
    middles = ((low + high) / 2 for low, high in itertools.pairwise(edges))
    return sum(middle * share for middle, share in zip(middles, shares, strict=True)) / (sum(shares) or 1.0)


def _height_at(x: Sequence[float], y: Sequence[float], at: float) -> float:
    """The height of a curve at one place; beyond its ends, that of the end."""
    after = bisect.bisect_right(x, at)
    if after in (0, len(x)):
        return y[0] if not after else y[-1]
    return Scale(x[after - 1], x[after], y[after - 1], y[after])(at)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"
