import json
from pathlib import Path

from benchmarks.dedup.__main__ import report
from benchmarks.dedup.corpus import Size
from benchmarks.dedup.judge import Verdict
from benchmarks.dedup.results import Results, Row
from benchmarks.measuring.measure import Measured


def results() -> Results:
    def row(part: str, factor: int, tool: str, walls: list[float], **more: object) -> Row:
        size = Size(8, 1000 * max(1, factor), 50_000_000 * max(1, factor), 1)
        runs = [Measured(wall, 2 * wall, 10**9 * max(1, factor)) for wall in walls]
        return Row(part, f"prose x{factor}", factor, size, tool, runs, **more)

    verdict = Verdict(1000, 800, 200, 0, 190, 4, 2, 1)
    names = ("copy", "trapline", "daft", "datatrove")
    listed = [{"name": name, "version": "1", "does": "something"} for name in names]
    rows = [
        row("size", 1, "copy", [1.0, 2.0, 4.0]),
        row("size", 1, "trapline", [5.0, 4.0, 8.0], to_copy=[5.0, 2.0, 2.0], verdict=verdict),
        row("size", 4, "copy", [4.0]),
        row("size", 4, "trapline", [18.0], to_copy=[4.5]),
        row("size", 4, "daft", [36.0], to_copy=[9.0]),
        row("sample", 0, "trapline", [2.0]),
        row("sample", 0, "datatrove", [100.0]),
    ]
    return Results("python -m benchmarks.dedup", MACHINE, listed, {"text-dedup": "does not install here"}, rows)


MACHINE = {"cpu": "model", "cores_used": 2, "cores": 4, "memory_gb": 8.0, "system": "Linux", "python": "3.11"}


def test_figures_are_medians_of_runs_and_of_pairs() -> None:
    row = results().rows[1]
    assert (row.wall, row.cpu, row.peak, row.rate, row.ratio) == (5.0, 10.0, 10**9, 10.0, 2.0)


def test_the_page_says_what_was_found(tmp_path: Path) -> None:
    written = report.write(results(), tmp_path)
    page = (tmp_path / "dedup.md").read_text()
    assert all(path.stat().st_size > 1000 for path in written)
    assert "| trapline | 5.0 (4.0 to 8.0) | 10 | 10.0 | 1.00 | 2.00 (2.00 to 5.00) |" in page
    assert "| 0.500 % (4) | 0.500 % (1) |" in page
    assert "daft takes 2.00 times as long as trapline" in page
    assert "datatrove takes 50.00 times as long as trapline" in page
    assert "trapline at 4 times the text of prose x1: 0.90 times what a linear growth" in page
    assert "Not run: text-dedup (does not install here)." in page


def test_the_figures_are_written_with_every_run(tmp_path: Path) -> None:
    report.write(results(), tmp_path)
    rows = json.loads((tmp_path / "dedup.json").read_text())["rows"]
    assert [run["wall_s"] for run in rows[1]["runs"]] == [5.0, 4.0, 8.0]
    assert rows[1]["median"]["ratio_to_copy"] == 2.0
    assert rows[1]["residual_share"] == 0.005


def test_the_plot_is_the_same_each_time(tmp_path: Path) -> None:
    report.draw(results(), tmp_path / "a.svg")
    report.draw(results(), tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"daft" in (tmp_path / "a.svg").read_bytes()
