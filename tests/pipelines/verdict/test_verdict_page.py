"""The plots and the table that opens, as a verdict's report uses them."""

import re
from xml.etree import ElementTree as ET

import pytest

from pipelines.pages import plots
from pipelines.pages.page import Drill, Folded, Page, render

HOSTILE = "</svg></style><script>alert('x')</script>\"'&"


def points(svg: str) -> list[list[tuple[float, float]]]:
    """The lines through data, as lists of points: what is not part of the grid and not dashed."""
    found = []
    for line in ET.fromstring(svg).iter("polyline"):
        if "thick" in line.get("class", ""):
            pairs = (pair.split(",") for pair in line.get("points", "").split())
            found.append([(float(x), float(y)) for x, y in pairs])
    for path in ET.fromstring(svg).iter("path"):
        if "thick" in path.get("class", ""):
            ends = re.findall(r"M(\S+) (\S+)L(\S+) ([^M\s]+)", path.get("d", ""))
            found += [[(float(x), float(y)), (float(to_x), float(to_y))] for x, y, to_x, to_y in ends]
    return found


def description(svg: str) -> str:
    return ET.fromstring(svg).findtext("desc") or ""


def test_a_curve_goes_through_its_points() -> None:
    svg = plots.curve([0, 0.25, 1], [0, 0.75, 1], label="roc", xlabel="x", ylabel="y")
    (found,) = [one for one in points(svg) if len(one) == 3]
    (x0, y0), (x1, y1), (x2, y2) = found
    assert (x1 - x0) / (x2 - x0) == pytest.approx(0.25, abs=1e-3)
    assert (y1 - y0) / (y2 - y0) == pytest.approx(0.75, abs=1e-3)
    assert description(svg).endswith("0.75 at .25, 0.83 at .5, 0.92 at .75.")


def test_an_interval_reaches_from_its_low_to_its_high_end() -> None:
    ranges = [(0.5, 0.6, 0.7), (0.6, 0.8, 1.0)]
    svg = plots.intervals(["1", "10"], ranges, label="d", xlabel="x", ylabel="y", reference=0.5)
    whiskers = [one for one in points(svg) if len(one) == 2 and one[0][0] == one[1][0]]
    lengths = [abs(low[1] - high[1]) for low, high in whiskers]
    assert len(lengths) == 2
    assert lengths[1] / lengths[0] == pytest.approx(2, abs=1e-2)
    dots = [float(dot.get("cy", "")) for dot in ET.fromstring(svg).iter("circle")]
    assert dots == pytest.approx([(low[1] + high[1]) / 2 for low, high in whiskers], abs=0.02)
    assert "1: 0.60 (0.50 to 0.70); 10: 0.80 (0.60 to 1.00). A dashed line at 0.5." in description(svg)
    assert {"1", "10", ".5"} <= {text.text for text in ET.fromstring(svg).iter("text")}


def test_of_two_distributions_one_is_filled_and_one_an_outline() -> None:
    svg = plots.compared([0, 1, 2], [("planted", [0.2, 0.8]), ("held out", [0.6, 0.4])], label="two", xlabel="x")
    texts = [text.text or "" for text in ET.fromstring(svg).iter("text")]
    assert any("planted" in text for text in texts)
    assert any("held out" in text for text in texts)
    outline = [one for one in points(svg) if len(one) == 6]
    assert len(outline) == 1
    heights = [outline[0][0][1] - y for _, y in outline[0]]
    assert heights[1] / heights[3] == pytest.approx(1.5, abs=1e-2)
    filled = [float(column.get("height", "")) for column in ET.fromstring(svg).iter("rect")]
    assert filled == pytest.approx([heights[1] / 3, heights[1] * 4 / 3], abs=0.02)
    assert "Means of the bins: 1.30 planted and 0.900 held out." in description(svg)


@pytest.mark.parametrize(
    "svg",
    [
        plots.curve([0, 1], [0, 1], label="<shown>", xlabel="<x>", ylabel="<y>"),
        plots.intervals(["<a>"], [(0.1, 0.2, 0.3)], label="<shown>", xlabel="<x>", ylabel="<y>", reference=0.5),
        plots.compared([0, 1], [("<a>", [1]), ("<b>", [0])], label="<shown>", xlabel="<x>"),
        plots.histogram([0, 1], [3], label="<shown>", xlabel="<x>"),
    ],
    ids=["curve", "intervals", "compared", "histogram"],
)
def test_a_plot_says_what_it_shows_and_has_no_colours_of_its_own(svg: str) -> None:
    tree = ET.fromstring(svg)
    assert tree.get("role") == "img"
    assert tree.findtext("title") == "<shown>"
    assert "<x>" in description(svg)
    assert "<x>" in {text.text for text in tree.iter("text")}
    tones = {"accent", "ink", "muted", "line"}
    drawn = [shape for shape in tree if shape.tag not in ("title", "desc")]
    assert all(set(shape.get("class", "").split()) & tones for shape in drawn)
    assert not re.search(r"#[0-9a-f]{3}|rgb|style=", svg)


@pytest.mark.parametrize(
    "draw",
    [
        lambda: plots.curve([0], [0], label="x", xlabel="x", ylabel="y"),
        lambda: plots.curve([0, 1], [0], label="x", xlabel="x", ylabel="y"),
        lambda: plots.intervals([], [], label="x", xlabel="x", ylabel="y", reference=0.5),
        lambda: plots.compared([0, 1], [("a", [1])], label="x", xlabel="x"),
        lambda: plots.compared([0, 1], [("a", [1]), ("b", [1, 2])], label="x", xlabel="x"),
    ],
)
def test_plots_without_matching_data_are_refused(draw: object) -> None:
    with pytest.raises(ValueError, match="give"):
        draw()  # type: ignore[operator]


def test_a_line_opens_to_its_rows_and_everything_in_it_is_text() -> None:
    folded = Folded([HOSTILE, "10"], ["", "Text"], [["planted", HOSTILE], ["held out", "b"]], frozenset({0}))
    html = render(Page(title="t", kicker="k", summary="s", blocks=[Drill("Units", ["Unit", "Dose"], [folded])]))
    assert html.count("<details>") == html.count("</details>") == 1
    assert html.count("class=marked") == 1
    assert "<script" not in html
    assert html.count("&lt;script&gt;") == 2
