"""Output bytes depend on input, settings and versions only."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pipelines.forked import Forked, stopped_at

PARTS = ("data", "duplicates", "quarantine")
WORDS = [f"w{number}" for number in range(3000)]


def digests(output: Path) -> dict[str, str]:
    """sha256 of every file whose bytes are promised, and of the manifest's content."""
    found = {
        str(path.relative_to(output)): hashlib.sha256(path.read_bytes()).hexdigest()
        for part in PARTS
        for path in sorted((output / part).rglob("*"))
        if path.is_file()
    }
    content = json.loads((output / "manifest.json").read_text())["content"]
    return {**found, "content": json.dumps(content, sort_keys=True), "card": (output / "README.md").read_text()}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 documents in Parquet and JSONL, a quarter of them near-duplicates, a few broken."""
    folder = tmp_path_factory.mktemp("same") / "in"
    folder.mkdir()
    chance = random.Random(1)
    texts: list[str | None] = []
    for _ in range(3000):
        if texts and chance.random() < 0.25:
            words = (chance.choice(texts) or "x").split()
            words[-1] = chance.choice(WORDS)
            texts.append(" ".join(words))
        else:
            texts.append(" ".join(chance.choices(WORDS, k=chance.randint(3, 150))))
    texts[100] = None
    for part in range(4):
        rows = {"id": [f"{part}/{at}" for at in range(500)], "text": texts[part * 500 : part * 500 + 500]}
        pq.write_table(pa.table(rows), folder / f"part{part}.parquet", row_group_size=60)
    lines = [json.dumps({"id": str(at), "text": text}) for at, text in enumerate(texts[2000:])]
    lines[7] = '{"id": "broken"'
    (folder / "lines.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def arguments(corpus: Path, output: Path, *flags: str) -> list[str]:
    small = ("--shard-bytes", "100KB", "--row-group-bytes", "20KB")
    return ["dedup", "--input", str(corpus), "--output", str(output), *small, *flags]


def command(corpus: Path, output: Path, *flags: str) -> list[str]:
    return [sys.executable, "-m", "pipelines.cli", *arguments(corpus, output, *flags)]


Run = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def run(forked: Forked) -> Run:
    """Run the command to its end in a process of its own; what is promised of its output."""

    def to_the_end(corpus: Path, output: Path, *flags: str) -> dict[str, str]:
        assert forked.run(*arguments(corpus, output, *flags)).code == 0
        return digests(output)

    return to_the_end


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return run(corpus, tmp_path_factory.mktemp("undisturbed") / "out", "--threads", "2")


@pytest.mark.parametrize(
    "flags",
    [("--threads", "1"), ("--threads", "7"), ("--threads", "2", "--plan", "partitioned")],
    ids=["one thread", "seven threads", "a partitioned plan"],
)
def test_same_bytes_however_the_work_is_spread(
    flags: tuple[str, ...], corpus: Path, run: Run, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    assert run(corpus, tmp_path / "out", *flags) == undisturbed


def test_the_corpus_exercises_every_part(undisturbed: dict[str, str]) -> None:
    content = json.loads(undisturbed["content"])
    assert len(content["shards"]) > 5
    assert content["counts"]["removed"]["near"] > 300
    assert content["counts"]["quarantined"] == {"broken_json": 1, "null_text": 1}


@pytest.mark.slow
def test_killed_at_any_moment_a_rerun_gives_the_same_bytes(
    corpus: Path, undisturbed: dict[str, str], tmp_path: Path, forked: Forked, run: Run
) -> None:
    chance = random.Random(2)
    output = tmp_path / "out"
    for _ in range(20):
        moment = {"kill_at": chance.randint(1, 6), "after": chance.random() < 0.5}
        ended = forked.run(*arguments(corpus, output), **moment)
        assert ended.killed or ended.code == 0
        if (output / "_SUCCESS").exists():
            assert digests(output) == undisturbed
            run(corpus, output)
            assert_nothing_is_left(output)
            shutil.rmtree(output)
    assert run(corpus, output) == undisturbed
    assert_nothing_is_left(output)


def assert_nothing_is_left(output: Path) -> None:
    names = sorted(str(path.relative_to(output)) for path in output.rglob("*") if path.is_file())
    listed = json.loads((output / "manifest.json").read_text())["content"]
    wanted = [entry["path"] for entry in [*listed["shards"], *listed["files"]]]
    assert names == sorted([*wanted, "README.md", "_SUCCESS", "manifest.json", "metrics.json", "report.html"])


def test_another_configuration_discards_what_an_unfinished_run_left(
    corpus: Path, run: Run, forked: Forked, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    output = tmp_path / "out"
    assert forked.run(*arguments(corpus, output, "--threshold", "0.5", "--until", "plan")).code == 0
    assert (output / ".work").exists()
    assert run(corpus, output) == undisturbed
    assert_nothing_is_left(output)


def test_a_second_run_on_the_same_output_is_refused(corpus: Path, tmp_path: Path, dedup: Callable[..., int]) -> None:
    from filelock import FileLock

    (tmp_path / "out/.work").mkdir(parents=True)
    with FileLock(tmp_path / "out/.work/lock"):
        result = subprocess.run(command(corpus, tmp_path / "out"), capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "another run is writing there" in result.stderr


def test_ctrl_c_stops_tidily(corpus: Path, run: Run, undisturbed: dict[str, str], tmp_path: Path) -> None:
    stopped = stopped_at("scan.json", signal.SIGINT, *arguments(corpus, tmp_path / "out"), after=True)
    assert stopped.returncode == 1
    assert "stopped" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert not (tmp_path / "out/_SUCCESS").exists()
    assert run(corpus, tmp_path / "out") == undisturbed


def test_same_bytes_from_two_processes_which_do_not_import_from_the_users_folder(
    corpus: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms/__init__.py").write_text("raise RuntimeError('the wrong folder')")
    script = Path(sys.executable).parent / "trapline"
    flags = ["--threads", "1", "--direct_running_mode=multi_processing", "--direct_num_workers=2"]
    subprocess.run(
        [str(script), *command(corpus, tmp_path / "out", *flags)[3:]], check=True, cwd=tmp_path, capture_output=True,
        env={key: value for key, value in os.environ.items() if key != "PYTHONSAFEPATH"},
    )  # fmt: skip
    assert digests(tmp_path / "out") == undisturbed
