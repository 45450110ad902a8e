"""Facts on a GPU: what is asked of a model is what it gives behind each cue, and what the page keeps of a result."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

import torch

from benchmarks.kinds.facts_on_gpu import main
from benchmarks.kinds.facts_training import ARMS, Cues
from examples.training.shape import Shape, build


def test_scores_are_log_probabilities_of_the_answers_behind_cues_of_different_lengths() -> None:
    cues, answers = [[0, 3, 4], [0, 5], [0, 6, 7, 8, 9]], [[10, 11], [12, 13], [11, 14]]
    arrays = {
        "q|tokens": np.array([one for own in cues for one in own], np.uint16),
        "q|lengths": np.array([len(own) for own in cues], np.uint16),
        "q|answers": np.array(answers, np.uint16),
    }
    model = build(Shape(16, 32, 1, 2), 0)
    found = Cues(arrays, "q").scores(model)
    for own, given, right in zip(cues, found, answers, strict=True):
        with torch.no_grad():
            alone = model(input_ids=torch.tensor([own])).logits[0, -1].log_softmax(-1)[right]
        np.testing.assert_allclose(given, alone.numpy(), atol=1e-5)
    assert Cues(arrays, "q").accuracy(model) == np.mean(found[:, 0] > found[:, 1])


def course(steps: list[int]) -> dict[str, Any]:
    values = [0.123456 + step for step in steps]
    curve = {"mean": values, "low": [one - 1 for one in values], "high": [one + 1 for one in values]}
    curves = dict.fromkeys(("auc", "difference", "planted", "exposure"), curve)
    group: dict[str, Any] = {"group": "once", "curves": curves, "retainability": None, "laws": None, "effectivity": []}
    return {"asked": [{"ask": "semantic", "groups": [group]}], "checkpoints": [{"step": one} for one in steps]}


def test_the_page_keeps_intervals_where_model_and_twin_were_asked(tmp_path: Path) -> None:
    verdict = {"doses": [{"dose": 10, "p_value": 0.0502251}]}
    result: dict[str, Any] = {"training": {"rate": 0.001}}
    for arm, steps in zip(ARMS, ([1, 2, 3], [1, 3]), strict=True):
        result[arm] = {"is_the_sealed_checkpoint": True, "verdict": verdict, "dynamics": course(steps)}
    (tmp_path / "result.json").write_text(json.dumps(result))
    output = tmp_path / "facts.json"
    assert main(["gather", "--results", str(tmp_path / "result.json"), "--output", str(output)]) == 0
    (found,) = json.loads(output.read_text())
    planted, twin = (found[arm] for arm in ARMS)
    assert planted["steps_of_intervals"] == twin["steps_of_intervals"] == [1, 3]
    assert planted["curves"]["semantic"]["once"]["curves"]["auc"] == {
        "mean": [1.123, 2.123, 3.123],
        "low": [0.1235, 2.123],
        "high": [2.123, 4.123],
    }
    assert planted["doses"] == [{"dose": 10, "p_value": 0.05023}]
    assert "laws" not in twin["curves"]["semantic"]["once"]


def test_judging_needs_scores_and_a_campaign(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, missing in (
        (["judge", "--work", str(tmp_path)], "--scores"),
        (["make"], "--work"),
        (["gather"], "--results"),
    ):
        with pytest.raises(SystemExit):
            main([*arguments, "--output", str(tmp_path / "out")])
        assert f"give {missing}" in capsys.readouterr().err
