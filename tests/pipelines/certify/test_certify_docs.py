"""The commands of docs/guide/certify.md work as they stand there, and its table has all judges."""

from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import write_corpus
from tests.test_documentation import commands
from transforms.certify.attacks.registry import ATTACKS
from transforms.certify.registry import JUDGES

TEXT = (Path(__file__).resolve().parents[3] / "docs/guide/certify.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus", 200)
    found = commands(TEXT)
    assert [one[0] for one in found] == ["traps", "certify", "seal", "draw", "prepare", "certify", "certify"]
    for one in found:
        assert main(one) == 0, one


def test_every_judge_and_attack_is_described() -> None:
    for name in [one.name for one in JUDGES] + [one.name for one in ATTACKS]:
        assert f"`{name}`" in TEXT
