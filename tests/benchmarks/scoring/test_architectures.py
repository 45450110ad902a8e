"""The table of architectures: what is compared, and that the page in the documentation is what it says it is."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch

from benchmarks.scoring import architectures
from benchmarks.scoring.architectures import PAGE, ROWS, Outcome, examine, page


@pytest.fixture(autouse=True)
def _one_thread() -> object:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("name", "variant", "form", "generated"),
    [
        ("gpt2", "", "packed", "cache"),
        ("mistral", "sliding window", "padded", "cache"),
        ("rwkv", "", "padded", "tokens"),
        ("bert", "", "refused", ""),
    ],
)
def test_an_architecture_is_made_scored_and_compared(
    name: str, variant: str, form: str, generated: str, tmp_path: Path
) -> None:
    found = examine(name, variant, tmp_path / "checkpoint")
    assert (found.form, found.generated, found.right) == (form, generated, True)
    assert found.difference < architectures.RIGHT
    assert str(tmp_path) not in found.note


def test_a_wrong_score_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    inner = architectures.plain_log_probs
    monkeypatch.setattr(architectures, "plain_log_probs", lambda model, ids: inner(model, ids) + 0.01)
    found = examine("gpt2", "", tmp_path / "checkpoint")
    assert found.difference == pytest.approx(0.01, rel=0.01)
    assert not found.right


def test_the_page_is_made_of_the_rows_and_every_one_is_right() -> None:
    rows = [Outcome(**row) for row in json.loads(ROWS.read_text(encoding="utf-8"))]
    kept = PAGE.read_text(encoding="utf-8")
    versions = re.compile(r"with transformers \S+\s+and\s+torch\s+[\d.]+")
    assert versions.sub("", _flat(page(rows))) == versions.sub("", _flat(kept))
    assert all(row.right for row in rows)
    scored = [row for row in rows if row.form in ("packed", "padded", "alone")]
    assert len(scored) > 90
    assert {row.form for row in rows} >= {"packed", "padded", "refused"}
    assert dataclasses.replace(scored[0], difference=1.0).right is False


def _flat(text: str) -> str:
    return " ".join(text.split())
