"""Plant, score and verify: what one command leaves, the next one takes."""

import json
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import prepare, probe_rows, seal_and_draw, write_corpus
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign of insertions and documents of their own, and a checkpoint that saw none of it."""
    folder = tmp_path_factory.mktemp("loop")
    write_corpus(folder / "in", 150)
    rows = probe_rows(24, doses=(2, 4)) + probe_rows(6, seed=5, doses=(2,), kind="puzzle", planted_as="document")
    plan = ["--context", "16", "--slots", "2", "--bos", "never", "--alpha", "0.01"]
    secrets = seal_and_draw(folder / "secrets", rows, "c0ffee" * 8, *plan)
    assert prepare(folder / "in", folder / "out", secrets) == 0
    tiny_checkpoint(folder / "model", "llama", 1, tiny_tokenizer())
    return folder


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def test_a_model_that_saw_nothing_gets_a_verdict_of_nothing(planted: Path, tmp_path: Path) -> None:
    secrets = planted / "secrets"
    score = ("score", "--checkpoint", planted / "model", "--sequences", secrets / "probes" / "probes.parquet")
    settings = ("--slots", secrets / "slots.parquet", "--context", "16", "--bos", "never", "--device", "cpu")
    assert run(*score, *settings, "--output", tmp_path / "scores") == 0
    verify = ("verify", "--scores", tmp_path / "scores", "--secrets", secrets, "--output", tmp_path / "verdict")
    assert run(*verify) == 0
    verdict = json.loads((tmp_path / "verdict" / "verdict.json").read_text())
    assert verdict["alpha"] == 0.01
    assert 0 < verdict["p_value"] <= 1
    assert verdict["reject"] == (verdict["p_value"] <= verdict["alpha"])


def test_scores_with_other_settings_than_sealed_get_no_verdict(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    secrets = planted / "secrets"
    score = ("score", "--checkpoint", planted / "model", "--sequences", secrets / "probes" / "probes.parquet")
    assert run(*score, "--bos", "never", "--device", "cpu", "--output", tmp_path / "scores") == 0
    verify = ("verify", "--scores", tmp_path / "scores", "--secrets", secrets, "--output", tmp_path / "verdict")
    assert run(*verify) == 1
    assert "context" in capfd.readouterr().err
    assert not (tmp_path / "verdict" / "verdict.json").exists()


def test_a_ledger_that_is_not_the_one_committed_gets_no_verdict(
    planted: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import shutil

    secrets = tmp_path / "secrets"
    shutil.copytree(planted / "secrets", secrets)
    ledger = secrets / "ledger" / "ledger.parquet"
    ledger.write_bytes(ledger.read_bytes()[:-1])
    assert run("verify", "--scores", tmp_path / "none", "--secrets", secrets, "--output", tmp_path / "verdict") == 1
    assert "ledger" in capfd.readouterr().err
