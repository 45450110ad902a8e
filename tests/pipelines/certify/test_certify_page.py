"""The plot of a certificate: shares with their intervals, one row each."""

from xml.etree import ElementTree as ET

import pytest

from pipelines.pages import plots


def test_a_row_has_its_interval_and_nothing_where_nothing_is_known() -> None:
    rows = [(0.25, 0.5, 0.75), (0.0, None, 1.0), (0.9, 1.0, 1.0)]
    svg = plots.intervals_down(["c4", "<none>", "lines"], rows, label="<shown>", xlabel="<x>")
    tree = ET.fromstring(svg)
    dots = [float(dot.get("cx", "")) for dot in tree.iter("circle")]
    texts = {text.text: float(text.get("x", "")) for text in tree.iter("text")}
    half, one = texts[".5"], texts["1"]
    assert dots == pytest.approx([half, one], abs=0.02)
    assert {"c4", "<none>", "lines", "<x>"} <= set(texts)
    assert tree.findtext("title") == "<shown>"
    assert "c4: 0.500 (0.250 to 0.750); <none>: none; lines: 1.000 (0.900 to 1.000)" in (tree.findtext("desc") or "")


@pytest.mark.parametrize("rows", [[], [(0.0, 0.5, 1.0)] * 2])
def test_labels_and_rows_must_match(rows: list[tuple[float, float | None, float]]) -> None:
    with pytest.raises(ValueError, match="give one of each a row"):
        plots.intervals_down(["a"] if rows else [], rows, label="x", xlabel="x")
