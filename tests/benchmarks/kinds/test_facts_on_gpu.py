"""Facts on a GPU: what is asked of a model is what it gives behind each cue, and what the page keeps of a result."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

import torch

from benchmarks.kinds import facts_training
from benchmarks.kinds.facts_on_gpu import main
from benchmarks.kinds.facts_training import ARMS, ASKS, GATES, Cues, Passes, Recipe, Run
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


def experiment() -> dict[str, np.ndarray]:
    """Eight steps of four documents, of which one each is planted at steps 2 and 4."""
    generator = np.random.default_rng(1)
    lengths = np.full(16, 5, np.uint16)
    arrays = {
        "tokens": generator.integers(1, 16, 80).astype(np.uint16), "lengths": lengths,
        "order": np.concatenate([generator.permutation(15), generator.permutation(17) % 16]).astype(np.int32),
        "planted": np.array([9, 18], np.int32), "batch": np.array(4), "events": np.array([2, 4], np.int32),
        "units": np.array(1), "vocabulary": np.array(16),
    }  # fmt: skip
    for name in (*ASKS, *(f"controls {ask}" for ask in ASKS), *GATES):
        arrays |= {f"{name}|tokens": np.array([1, 2, 3], np.uint16), f"{name}|lengths": np.array([3], np.uint16)}
        arrays |= {f"{name}|answers": np.array([[4, 5]], np.uint16)}
    return arrays


def test_model_and_twin_are_equal_up_to_the_first_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facts_training, "SAVES", "events+0,1 end")
    decays = []
    train = facts_training.train

    def watched(model: Any, phases: Any, *, optimizer: Any, **more: Any) -> None:
        decays.append({group["weight_decay"] for group in optimizer.param_groups})
        train(model, phases, optimizer=optimizer, **more)

    monkeypatch.setattr(facts_training, "train", watched)
    run = Run(experiment(), tmp_path / "scores.npz", 1, Shape(0, 16, 1, 2), "cpu", 600.0, Recipe())
    # No time is left after the first step: of three passes that would be made, one is.
    run.background(Passes(3, 3, share=0.0))
    run.arms()
    run.finish("done")
    with np.load(tmp_path / "scores.npz") as arrays:
        facts = json.loads(str(arrays["facts"]))
        assert arrays["planted|steps"].tolist() == [2, 3, 4, 5, 8]
    assert len(facts["background"]) == 1
    assert facts["seconds"]["compiled"] > 0
    weights = facts["weights"]
    assert weights["planted 2"] == weights["twin 2"]
    assert weights["planted 5"] != weights["twin 5"]
    assert decays == [{Recipe.weight_decay}, {Recipe.stream_decay}, {Recipe.stream_decay}]


def test_two_trainings_from_the_same_weights_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = Run(experiment(), tmp_path / "scores.npz", 1, Shape(0, 16, 1, 2), "cpu", 600.0, Recipe())
    run.repeat(3)
    with np.load(tmp_path / "scores.npz") as arrays:
        assert json.loads(str(arrays["facts"]))["repeat"]["largest"] == [0.0, 0.0]
    assert "differ by 0 and 0" in capsys.readouterr().out


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
