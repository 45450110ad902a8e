"""Fixtures for tests of a whole command."""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.forked import Forked


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its exit code, and all that it said."""

    code: int
    said: str


def check_conservation(output: Path) -> None:
    """Every document that was read is kept, removed or quarantined: in the metrics and in the files' rows."""
    counts = json.loads((output / "metrics.json").read_text())["counts"]
    removed, quarantined = sum(counts["removed"].values()), sum(counts["quarantined"].values())
    assert counts["documents_in"] == counts["kept"] + removed + quarantined
    rows = {
        part: sum(pq.read_metadata(path).num_rows for path in (output / part).iterdir())
        for part in ("data", "duplicates", "quarantine")
    }
    assert rows == {"data": counts["kept"], "duplicates": removed, "quarantine": quarantined}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder for the input."""
    path = tmp_path / "in"
    path.mkdir()
    return path


@pytest.fixture
def attempt(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run `trapline dedup` in this process and hold what every run promises, whatever its input.

    No traceback reaches the user; an output is finished if and only if the exit code is 0; then nothing was lost.
    """

    def run(source: object, *flags: str, output: Path | None = None) -> Outcome:
        target = tmp_path / "out" if output is None else output
        capfd.readouterr()
        code = main(["dedup", "--input", str(source), "--output", str(target), *flags])
        said = capfd.readouterr().err
        assert "Traceback" not in said
        if "--until" not in flags and "--dry-run" not in flags:
            assert (target / "_SUCCESS").is_file() == (code == 0)
        if code == 0 and (target / "_SUCCESS").is_file():
            check_conservation(target)
        return Outcome(code, said)

    return run


@pytest.fixture
def remake() -> Callable[[Path], Path]:
    """Empty a folder."""

    def empty(path: Path) -> Path:
        shutil.rmtree(path)
        path.mkdir()
        return path

    return empty


@pytest.fixture(scope="session")
def forked() -> Iterator[Forked]:
    """Commands in processes of their own that start at once, and may kill themselves."""
    runs = Forked()
    yield runs
    runs.close()
