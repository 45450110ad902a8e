"""Plots as SVG strings for a page: drawn by Matplotlib, coloured by the page.

Colours are CSS variables of the page (`--accent`, `--ink`, `--muted`, `--line`) with a fallback each, text is text in
the page's font: so a plot follows the light or dark scheme and prints well. Nothing in the SVG depends on the time or
the machine. Matplotlib is imported at the first plot (0.4 s on one core); `preload` does it earlier, for instance on a
thread while the kernels run.
"""

import contextlib
import html
import importlib
import io
import logging
import re
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

WIDTH = 5.4
"""Inches; a plot is 72 times as many units wide, and text stays readable down to a phone's width."""

_TEXT = 11.0
# Stand-ins that Matplotlib accepts, and what the page's style sheet replaces them by.
ACCENT, INK, MUTED, LINE = "#0a0b01", "#0a0b02", "#0a0b03", "#0a0b04"
_COLOURS = {
    ACCENT: "var(--accent, #0f766e)",
    INK: "var(--ink, #1c2024)",
    MUTED: "var(--muted, #60646c)",
    LINE: "var(--line, #dcdee0)",
}
# What a user's own matplotlibrc could change.
_STYLE = {
    "font.family": ["DejaVu Sans"],
    "font.size": _TEXT,
    "text.usetex": False,
    "text.color": INK,
    "axes.grid": False,
    "axes.linewidth": 0.8,
    "axes.axisbelow": True,
    "axes.labelcolor": MUTED,
    "axes.labelsize": _TEXT,
    "axes.labelpad": 4.0,
    "path.sketch": None,
    "svg.fonttype": "none",
    "svg.hashsalt": "trapline",
}


def preload() -> None:
    """Import Matplotlib, without a word where it finds no folder for its font cache."""
    logger = logging.getLogger("matplotlib")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        importlib.import_module("matplotlib.backends.backend_svg")
        importlib.import_module("matplotlib.figure")
    finally:
        logger.setLevel(level)


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
    with _drawing():
        figure, axes = _figure(2.9, left=0.62, right=0.1, bottom=0.6, top=0.28 if marker else 0.12)
        left, right = np.asarray(edges[:-1], float), np.asarray(edges[1:], float)
        gap = (edges[-1] - edges[0]) / len(counts) * 0.06
        tall = np.asarray(counts, float)
        _rectangles(axes, left + gap, right - gap, np.zeros_like(tall), tall)
        axes.set_xlim(edges[0], edges[-1])
        ticks = _round_ticks(float(tall.max()))
        axes.set_ylim(0, max(float(tall.max()) * 1.04, ticks[-1]))
        axes.set_yticks(ticks, [f"{tick:,.0f}" for tick in ticks])
        _lines(axes, [((edges[0], tick), (edges[-1], tick)) for tick in ticks], under=True)
        axes.set_xlabel(xlabel)
        if marker:
            place, word = marker
            top = axes.get_ylim()[1]
            _lines(axes, [((place, 0), (place, top))], colour=INK, linestyle=(0, (3, 3)))
            axes.annotate(
                word,
                (place, top),
                (0, 4),
                textcoords="offset points",
                ha="center",
                color=INK,
                parse_math=False,
            )
        return _svg(figure, label)


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
    with _drawing():
        shown, notes = [_short(text, 22) for text in labels], [_short(text, 16) for text in notes]
        left = 0.15 + 0.09 * max(map(len, shown))
        right = 0.15 + 0.092 * max(map(len, notes))
        figure, axes = _figure(0.16 + 0.34 * len(labels), left=left, right=right, bottom=0.08, top=0.08)
        rows = np.arange(len(labels))
        lengths = np.asarray(values, float)
        _rectangles(axes, np.zeros_like(lengths), lengths, rows - 0.34, rows + 0.34)
        axes.set_xlim(0, float(lengths.max()) or 1.0)
        axes.set_ylim(len(labels) - 0.5, -0.5)
        # Plain text in the place of an axis: ticks are most of what a plot costs.
        axes.set_axis_off()
        _lines(axes, [((0, -0.5), (0, len(labels) - 0.5))], colour=MUTED)
        for row, (name, length, note) in enumerate(zip(shown, lengths, notes, strict=True)):
            _beside(axes, name, (0, row), -5, INK)
            _beside(axes, note, (length, row), 5, MUTED)
        return _svg(figure, label)


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
    if len(shares) != 2 or any(len(edges) != len(one) + 1 for _, one in shares):
        raise ValueError(f"{len(shares)} distributions over {len(edges)} edges: give two, of one share a bin")
    with _drawing():
        figure, axes = _figure(2.9, left=0.12, right=0.12, bottom=0.6, top=0.36)
        places = np.asarray(edges, float)
        first, second = (np.asarray(one, float) for _, one in shares)
        _rectangles(axes, places[:-1], places[1:], np.zeros_like(first), first)
        steps = [(places[0], 0.0)]
        for at, height in enumerate(second):
            steps += [(places[at], height), (places[at + 1], height)]
        steps.append((places[-1], 0.0))
        _lines(axes, [steps], colour=INK, width=1.4)
        axes.set_xlim(places[0], places[-1])
        axes.set_ylim(0, 1.04 * (max(first.max(), second.max()) or 1.0))
        axes.set_yticks([])
        _lines(axes, [((places[0], 0), (places[-1], 0))], colour=MUTED)
        axes.set_xlabel(xlabel)
        for at, (colour, (name, _)) in enumerate(zip((ACCENT, INK), shares, strict=True)):
            axes.annotate(
                ("\u25a0 " if not at else "\u25a1 ") + _short(name, 24),
                (0 if not at else 1, 1),
                (0, 8),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="right" if at else "left",
                color=colour,
                parse_math=False,
            )
        return _svg(figure, label)


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
    with _drawing():
        figure, axes = _figure(3.6, left=0.85, right=0.2, bottom=0.62, top=0.14)
        ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
        names = ["0", ".25", ".5", ".75", "1"]
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        axes.set_xticks(ticks, names)
        axes.set_yticks(ticks, names)
        _lines(axes, [((0, tick), (1, tick)) for tick in ticks], under=True)
        _lines(axes, [((0, 0), (1, 1))], colour=MUTED, linestyle=(0, (3, 3)))
        _lines(axes, [list(zip(map(float, x), map(float, y), strict=True))], colour=ACCENT, width=2.0)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        return _svg(figure, label)


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
    with _drawing():
        figure, axes = _figure(2.9, left=0.85, right=0.2, bottom=0.62, top=0.16)
        lows, values, highs = np.asarray(ranges, float).T
        floor = 0.25 * np.floor(4 * min(float(lows.min()), reference, 0.5))
        ticks = [tick for tick in (0.0, 0.25, 0.5, 0.75, 1.0) if tick >= floor]
        axes.set_xlim(-0.6, len(labels) - 0.4)
        axes.set_ylim(floor - 0.02, 1.02)
        axes.set_xticks(range(len(labels)), [_short(one, 14) for one in labels])
        axes.set_yticks(ticks, [f"{tick:g}".lstrip("0") or "0" for tick in ticks])
        ends = (-0.6, len(labels) - 0.4)
        _lines(axes, [((ends[0], tick), (ends[1], tick)) for tick in ticks], under=True)
        _lines(axes, [((ends[0], reference), (ends[1], reference))], colour=MUTED, linestyle=(0, (3, 3)))
        places = np.arange(len(labels), dtype=float)
        _lines(axes, [((x, low), (x, high)) for x, low, high in zip(places, lows, highs, strict=True)], colour=INK,
               width=1.4)  # fmt: skip
        _lines(axes, [list(zip(places, values, strict=True))], colour=ACCENT, width=1.4)
        half, tall = 0.012 * (ends[1] - ends[0]), 0.016 * (1.04 - floor)
        _rectangles(axes, places - half, places + half, values - tall, values + tall)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        return _svg(figure, label)


@contextlib.contextmanager
def _drawing() -> Iterator[None]:
    """Matplotlib with the settings above; a glyph that its font lacks is no matter, the page has fonts of its own."""
    preload()
    import matplotlib as mpl

    with warnings.catch_warnings(), mpl.rc_context(_STYLE):
        warnings.simplefilter("ignore")
        yield


def _figure(height: float, *, left: float, right: float, bottom: float, top: float) -> tuple[Any, Any]:
    """A figure `WIDTH` by `height` inches with one frameless pair of axes; margins in inches."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), frameon=False)
    axes = figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - top) / height),
        frameon=False,
    )
    axes.tick_params(length=0, pad=5, labelcolor=MUTED, labelsize=_TEXT)
    axes.tick_params(axis="x", pad=8)
    return figure, axes


def _rectangles(axes: Any, left: Any, right: Any, bottom: Any, top: Any) -> None:
    """Filled rectangles as one artist; float64[n] each side."""
    from matplotlib.collections import PolyCollection

    corners = np.stack([left, bottom, right, bottom, right, top, left, top], axis=1).reshape(-1, 4, 2)
    axes.add_collection(
        PolyCollection(list(corners), facecolors=ACCENT, edgecolors="none", clip_on=False), autolim=False
    )


def _lines(
    axes: Any, segments: Sequence[Any], *, colour: str = LINE, under: bool = False, width: float = 0.8, **style: Any
) -> None:
    from matplotlib.collections import LineCollection

    lines = LineCollection(segments, colors=colour, linewidths=width, clip_on=False, zorder=0 if under else 2, **style)
    axes.add_collection(lines, autolim=False)


def _beside(axes: Any, text: str, place: tuple[float, float], points: float, colour: str) -> None:
    """Text to the left (negative distance) or right of a place in the data."""
    axes.annotate(
        text,
        place,
        (points, 0),
        textcoords="offset points",
        ha="right" if points < 0 else "left",
        va="center_baseline",
        color=colour,
        parse_math=False,
        annotation_clip=False,
    )


def _round_ticks(largest: float) -> list[float]:
    """0 and up to four equal, round steps that reach at most `largest`; integers, since they count."""
    step = 10.0 ** np.floor(np.log10(max(largest, 1)))
    for factor in (0.2, 0.25, 0.5, 1.0, 2.0):
        if largest / (step * factor) <= 5 and (step * factor).is_integer():
            step *= factor
            break
    return [float(step * i) for i in range(int(largest / step) + 1)]


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _svg(figure: Any, label: str) -> str:
    """The figure as an `<svg>` element without declarations, metadata, ids, fonts and fixed colours."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG

    FigureCanvasSVG(figure)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    head = re.search(r"<svg\b[^>]*>", text)
    box = re.search(r'viewBox="[^"]*"', head[0]) if head else None
    if head is None or box is None:
        raise RuntimeError("Matplotlib wrote no <svg> element with a viewBox")
    body = text[head.end() :]
    body = re.sub(r"<metadata>.*?</metadata>\s*", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r"<defs>\s*<style\b.*?</style>\s*</defs>\s*", "", body, count=1, flags=re.DOTALL)
    body = re.sub(r'<g id="[^"]*"', "<g", body)
    body = re.sub(r"""(<text style="[^"]*?)font-family: [^;"]*;? ?""", r"\1", body)
    body = re.sub(r'(<text[^>]*?) transform="rotate\(-?0 [^"]*"', r"\1", body)
    body = re.sub(r">\s+<", "><", re.sub(r"<g/>", "", body))
    for stand_in, colour in _COLOURS.items():
        body = re.sub(rf'(<[^<>]*style="[^"<>]*?){stand_in}', rf"\g<1>{colour}", body)
    name = html.escape(label)
    return f'<svg class="plot" {box[0]} role="img" aria-label="{name}">{body.strip()}'
