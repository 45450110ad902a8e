"""The commands of docs/guide/scoring.md run as they stand there."""

import re
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.public.token_scores import REASONS
from schemas.secret.questions import QUESTIONS
from schemas.secret.slots import SLOTS
from tests.scoring.tiny_checkpoints import tiny_checkpoint

TEXT = (Path(__file__).resolve().parents[3] / "docs/guide/scoring.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("model", "base")):
        tiny_checkpoint(tmp_path / name, "llama", seed)
    rows = [{"id": f"0-{at}", "unit": "u0", "candidate": at, "text": f"the knights tell {at}"} for at in range(3)]
    pq.write_table(pa.Table.from_pylist(rows), "probes.parquet")
    pq.write_table(pa.Table.from_pylist(rows).select(["id", "text"]), "texts.parquet")
    pq.write_table(pa.table({"prompt": ["Question: who lies? Answer:"]}), "puzzles.parquet")
    slots = [{"unit": "u0", "slot": 0, "before": "the keeper of the", "lead": " "}]
    pq.write_table(pa.Table.from_pylist(slots, schema=SLOTS), "slots.parquet")
    cue = {"unit": "u0", "ask": "semantic", "slot": 0, "before": "who tells?", "lead": " ", "weight": 1.0}
    pq.write_table(pa.Table.from_pylist([{**cue, "answers": ["a", "b", "c"]}], schema=QUESTIONS), "questions.parquet")
    found = [shlex.split(line)[1:] for line in TEXT.splitlines() if line.startswith("    trapline ")]
    assert len(found) == 6
    for one in found:
        assert main([*one, "--threads", "1"]) == 0, one
    assert pq.read_table("scores/scores")["slots"].to_pylist() == [1, 1, 1]
    assert "ratio_nll" in pq.read_table("against-base/scores").column_names
    assert "answer_total" in pq.read_table("asked/scores").column_names
    assert not Path("plan-only").exists()
    assert pq.read_table("recalled/scores").column_names[4:] == ["loss", "recall", "cdd_peak"]
    assert pq.read_table("answers/generations")["prompt"].to_pylist() == ["whole"]


def test_every_reason_is_described() -> None:
    assert all(re.search(f"`{reason}`", TEXT) for reason in REASONS)
