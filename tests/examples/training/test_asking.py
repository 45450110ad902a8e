"""A training on a sealed and ordered corpus, as a command: its scores are the product's, and its commands take them."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="training needs PyTorch, of the extra score")
pytest.importorskip("transformers", reason="training needs transformers, of the extra score")

from examples.training.__main__ import main
from examples.training.saves import event_steps
from tests.examples.training.campaign import BACKGROUND, BATCH, GAP, Campaign, make_campaign, run

ASKS = ("semantic", "memorisation", "texts")
TOLERANCE = 1e-4
"""Nats a cue: the copy in memory and the loaded checkpoint sum in the same order but for batches."""
SMALL = ("--width", 32, "--layers", 1, "--batch", BATCH, "--rate", 5e-3, "--weight-decay", 0)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    campaign = make_campaign(tmp_path_factory.mktemp("campaign"))
    assert train(campaign, "trained", "--checkpoints", campaign.folder / "checkpoints") == 0
    return campaign


def train(campaign: Campaign, name: str, *flags: object) -> int:
    output = ("--output", campaign.folder / name, "--scores", campaign.folder / f"{name}-scores")
    asked = ("--sequences", campaign.sequences, "--questions", campaign.questions, "--ask", *ASKS)
    saves = ("--save-at", "events+0,1 last+2,... end", "--events", campaign.events)
    data = ("--data", campaign.ordered, "--tokenizer", campaign.tokenizer)
    return main([str(one) for one in (*data, *output, *asked, *saves, *SMALL, *flags)])


def scores(folder: Path) -> list[dict[str, Any]]:
    return [row for path in sorted((folder / "scores").iterdir()) for row in pq.read_table(path).to_pylist()]


def test_it_is_asked_at_the_events(made: Campaign) -> None:
    assert event_steps(made.events)[0] == BACKGROUND
    steps = sorted(int(one.name.removeprefix("step-")) for one in (made.folder / "trained-scores/texts").iterdir())
    first, last = BACKGROUND, BACKGROUND + GAP
    assert {first, first + 1, last, last + 1, last + 2, last + 4} <= set(steps)


@pytest.mark.parametrize("ask", ASKS)
def test_scores_in_memory_are_those_of_the_saved_checkpoint(made: Campaign, ask: str, tmp_path: Path) -> None:
    step = f"step-{BACKGROUND + 1:06d}"
    asked = () if ask == "texts" else ("--questions", made.questions, "--ask", ask)
    where = ("--checkpoint", made.folder / "checkpoints" / step, "--output", tmp_path / "scores")
    metrics = ("--metrics", "loss") if ask == "texts" else ()
    run("score", *where, "--sequences", made.sequences, *asked, *metrics, "--device", "cpu", "--threads", 1)
    ours, theirs = scores(made.folder / "trained-scores" / ask / step), scores(tmp_path / "scores")
    assert [row["id"] for row in ours] == [row["id"] for row in theirs]
    assert list(ours[0]) == list(theirs[0])
    for one, other in zip(ours, theirs, strict=True):
        for name, value in one.items():
            assert value == (pytest.approx(other[name], abs=TOLERANCE) if isinstance(value, float) else other[name])
    settings = [
        json.loads((folder / "manifest.json").read_text())["content"]["settings"]
        for folder in (made.folder / "trained-scores" / ask / step, tmp_path / "scores")
    ]
    assert settings[0] == settings[1]


def test_dynamics_takes_the_scores_of_every_step(made: Campaign, tmp_path: Path) -> None:
    folders = sorted((made.folder / "trained-scores/semantic").iterdir())
    given = ("--secrets", made.secrets, "--events", made.events, "--output", tmp_path / "dynamics")
    run("dynamics", "--scores", *folders, *given)
    found = json.loads((tmp_path / "dynamics/dynamics.json").read_text())
    assert [one["step"] for one in found["checkpoints"]] == [int(one.name[5:]) for one in folders]
    groups = {one["group"]: one for one in found["asked"][0]["groups"]}
    assert len(groups["duplicate"]["effectivity"]) == 2


def test_verify_judges_the_scores_of_a_step(made: Campaign, tmp_path: Path) -> None:
    last = sorted((made.folder / "trained-scores/semantic").iterdir())[-1]
    run("verify", "--scores", last, "--secrets", made.secrets, "--output", tmp_path / "verdict")
    judged = json.loads((tmp_path / "verdict/verdict.json").read_text())
    assert judged["units"]["used"] == 12


def test_tokens_give_the_same_model_as_texts(made: Campaign) -> None:
    assert train(made, "of-tokens", "--tokens") == 0
    first, second = (made.folder / name / "model.safetensors" for name in ("trained", "of-tokens"))
    assert first.read_bytes() == second.read_bytes()


def test_a_training_goes_on_from_a_checkpoint(made: Campaign) -> None:
    on = ("--checkpoint", made.folder / "trained", "--rate", 0, "--save-at", "0 end")
    assert train(made, "on", *on) == 0
    first, second = (made.folder / name / "model.safetensors" for name in ("trained", "on"))
    assert first.read_bytes() == second.read_bytes()


def test_scores_without_sequences_are_refused(made: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data", made.ordered, "--tokenizer", made.tokenizer, "--output", made.folder / "none")
    with pytest.raises(SystemExit):
        main([str(one) for one in (*data, "--scores", made.folder / "none-scores")])
    assert "give --sequences" in capsys.readouterr().err
