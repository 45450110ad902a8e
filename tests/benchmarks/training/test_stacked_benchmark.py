import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from benchmarks.training.stacked import SHAPES, main
from examples.training.shape import build, parameters_of


def test_it_measures_both_ways_as_often_as_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = ["--shapes", "0.02M", "--models", "2", "--batches", "2", "--tokens", "512", "--repeats", "2"]
    assert main([*small, "--output", str(tmp_path / "found.json")]) == 0
    (found,) = json.loads((tmp_path / "found.json").read_text())["results"]
    assert len(found["rates"]["sequential"]) == len(found["rates"]["stacked"]) == 2
    assert found["ratio"] == pytest.approx(found["stacked"] / found["sequential"])
    assert "| 0.02M | 2 | 2 |" in capsys.readouterr().out


def test_shapes_have_about_the_parameters_of_their_names() -> None:
    for name, shape in SHAPES.items():
        assert parameters_of(build(shape, 0)) == pytest.approx(float(name.rstrip("M")) * 1e6, rel=0.3)
