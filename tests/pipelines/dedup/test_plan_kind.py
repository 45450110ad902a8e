"""A plan in stages, as a user meets it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.corpus import plan_kind
from pipelines.dedup import DedupConfig
from pipelines.jobs import launch
from tests.pipelines.conftest import Outcome
from tests.pipelines.forked import Forked


@pytest.fixture
def corpus(folder: Path) -> Path:
    words = ["river", "stone", "lamp", "over", "under", "quiet", "seven", "garden"]
    texts = [
        " ".join(words[(seed * 7 + at * (3 + seed % 5)) % 8] + str((seed + at) % 9) for at in range(60))
        for seed in range(90)
    ]
    rows = {"id": [f"d{at}" for at in range(180)], "text": [*texts, *(text + " More." for text in texts)]}
    pq.write_table(pa.table(rows), folder / "a.parquet")
    return folder


def decided(output: Path) -> dict[str, bytes]:
    """The bytes of the data and of the tables beside it."""
    return {
        path.name: path.read_bytes()
        for part in ("data", "duplicates", "quarantine")
        for path in (output / part).iterdir()
    }


def test_a_large_corpus_is_planned_in_parts_and_the_user_is_told(
    corpus: Path, tmp_path: Path, attempt: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    small = attempt(corpus, output=tmp_path / "one")
    assert "partitioned" not in small.said
    monkeypatch.setattr(plan_kind, "MOST_DOCUMENTS", 100)
    large = attempt(corpus, output=tmp_path / "many")
    assert "plan     partitioned: 180 documents by tasks of bounded memory" in large.said
    assert json.loads((tmp_path / "many/metrics.json").read_text())["planned"] == "partitioned"
    assert "decided by many tasks (--plan partitioned)" in (tmp_path / "many/report.html").read_text()
    assert decided(tmp_path / "many") == decided(tmp_path / "one")
    # The choice is no part of the run: the finished output is recognised.
    assert "is finished already" in attempt(corpus, "--plan", "one", output=tmp_path / "many").said


def test_components_are_never_planned_in_parts(corpus: Path, attempt: Callable[..., Outcome]) -> None:
    refused = attempt(corpus, "--plan", "partitioned", "--method", "components")
    assert refused.code == 2
    assert "components are found by one task; leave --plan out" in refused.said


def test_memory_decides_too(monkeypatch: pytest.MonkeyPatch) -> None:
    config = DedupConfig(input=("in",), output="out")
    monkeypatch.setattr(plan_kind, "memory_bytes", lambda: 1000 * plan_kind.BYTES_PER_DOCUMENT)
    assert [plan_kind.plan_kind(config, documents) for documents in (500, 501)] == ["one", "partitioned"]


def test_killed_in_the_middle_of_the_plan_a_rerun_gives_the_same_bytes(
    corpus: Path, tmp_path: Path, forked: Forked
) -> None:
    def command(kind: str) -> list[object]:
        return ["dedup", "--input", corpus, "--output", tmp_path / kind, "--plan", kind]

    assert forked.run(*command("one")).code == 0
    assert forked.run(*command("partitioned"), kill_at="pairs-0.json", after=True).killed
    assert list(tmp_path.glob("partitioned/.work/*/partitioned/pairs-0.json"))
    assert not (tmp_path / "partitioned/_SUCCESS").exists()
    assert forked.run(*command("partitioned")).code == 0
    assert decided(tmp_path / "partitioned") == decided(tmp_path / "one")
    assert not (tmp_path / "partitioned/.work").exists()


def test_the_watch_on_a_job_sees_the_files_of_every_stage(
    corpus: Path, attempt: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[object] = []
    run = launch.launch

    def noted(build: Any, options: Any, work: Any = None) -> None:
        watched.append(work)
        run(build, options, work)

    monkeypatch.setattr(launch, "launch", noted)
    assert attempt(corpus, "--plan", "partitioned").code == 0
    assert len(watched) > 15
    assert None not in watched
