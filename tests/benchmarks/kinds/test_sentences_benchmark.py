"""The benchmark of sentences at its smallest size, and what it studies."""

import json
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.kinds.background import PARAGRAPH, pieces
from benchmarks.kinds.sentences import METRICS, main, study


def test_documents_are_cut_between_lines_and_short_parts_are_left_out() -> None:
    lines = [f"line {number} " + "x" * 90 for number in range(20)]
    found = pieces("\n".join(lines))
    assert "\n".join(found).splitlines() == lines
    assert all(PARAGRAPH <= len(one) + 1 < PARAGRAPH + 110 for one in found[:-1])
    assert pieces("x" * (PARAGRAPH // 10 - 1)) == []


@pytest.mark.slow
def test_the_benchmark_runs_and_its_study_has_every_dose(tmp_path: Path) -> None:
    output = tmp_path / "sentences.json"
    assert main(["--work", str(tmp_path / "work"), "--output", str(output), "--tiny"]) == 0
    found = json.loads(output.read_text())
    planted, twin = found["models"]
    assert (planted["arm"], twin["arm"]) == ("planted", "twin")
    for model in (planted, twin):
        assert 0 < model["inside"]["p"] <= 1
        one = model["rates"]["0.001"]
        assert [row["dose"] for row in one["verdict"]["by_dose"]] == [1, 2, 3]
        assert one["course"]["steps"] == [-3, 0, 1, 3]
        for metric in METRICS:
            assert set(one["course"][f"{metric} by dose"]) == {"1", "2", "3"}
            curves = one["course"][f"{metric} by stratum"]["near"]
            assert len(curves["difference"]["mean"]) == 4
    times = Counter(study(tmp_path / "work", 0))
    assert Counter(times.values()) == {1: 4, 2: 4, 3: 4}
    assert study(tmp_path / "work", 0)[-12:] != study(tmp_path / "work", 1)[-12:]
