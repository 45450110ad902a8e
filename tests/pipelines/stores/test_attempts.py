"""Attempts at a task: a retry after the commit, a zombie, a twin. The same bytes, and no receipt without its file.

Runners start a task again when they believe it lost, and let the first attempt go on. Here every task that writes runs
twice, in each order that matters, in each store.
"""

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.stores.emulators import Emulator
from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, probe_rows, seal_and_draw, write_corpus
from transforms.base import tasks
from transforms.base.folders import Folder
from transforms.base.stores import sinks
from transforms.planting.work import VARIABLE

Work = Callable[[Any], dict[str, Any]]


class LostError(Exception):
    """What a runner sees of an attempt that it takes for failed."""


def retried(work: Work, task: Any) -> dict[str, Any]:
    """The first attempt commits and is lost on its way back; the second one counts."""
    work(task)
    return work(task)


def failed_before(work: Work, task: Any) -> dict[str, Any]:
    """The first attempt fails within each of its uploads, when all is written and nothing sent."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sinks, "_put", _lost)
        with pytest.raises(LostError):
            work(task)
    return work(task)


def failed_behind(work: Work, task: Any) -> dict[str, Any]:
    """The first attempt counts; a zombie then fails in the middle of writing the same files again."""
    found = work(task)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Folder, "exists", lambda self, name: False)
        patch.setattr(Folder, "size_of", lambda self, name: None)
        patch.setattr(sinks, "_put", _lost)
        with pytest.raises(LostError):
            work(task)
    return found


def _lost(*_: object) -> None:
    raise LostError


def twins(work: Work, task: Any) -> dict[str, Any]:
    """Two attempts at once."""
    found: list[dict[str, Any]] = []
    both = [threading.Thread(target=lambda: found.append(work(task))) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert found[0] == found[1]
    return found[0]


def run(folder: Path, output: str, secrets: Path, attempts: Callable[[Work, Any], dict[str, Any]] | None) -> int:
    """Plant with every task run as `attempts` says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(VARIABLE, raising=False)
        if attempts is not None:
            before = tasks._Pooled.__init__

            def doubled(self: Any, work: Work, threads: int) -> None:
                before(self, lambda task: attempts(work, task), 1)

            patch.setattr(tasks._Pooled, "__init__", doubled)
        command = ["prepare", "--input", str(folder / "in"), "--output", output, "--secrets", str(secrets)]
        return main([*command, *LIMITS, *SMALL_SHARDS])


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a campaign whose corpus is planted in `out`, each task once; `before` are the secrets till then."""
    folder = tmp_path_factory.mktemp("attempts")
    write_corpus(folder / "in", 40)
    seal_and_draw(folder / "before", probe_rows(3, doses=(1,)))
    shutil.copytree(folder / "before", folder / "secrets")
    assert run(folder, str(folder / "out"), folder / "secrets", None) == 0
    return folder


@pytest.mark.parametrize("attempts", [retried, failed_before, failed_behind, twins])
def test_a_task_that_runs_twice_leaves_what_one_attempt_leaves(
    attempts: Callable[[Work, Any], dict[str, Any]], planted: Path, emulator: Emulator, tmp_path: Path
) -> None:
    secrets = shutil.copytree(planted / "before", tmp_path / "secrets")
    bucket = emulator.bucket()
    assert run(planted, emulator.uri(f"{bucket}/out"), secrets, attempts) == 0
    found, here = emulator.files(f"{bucket}/out"), Folder(str(planted / "out"))
    for part in ("data", "duplicates", "quarantine"):
        own = {name: data for name, data in found.items() if name.startswith(part)}
        assert own == {f"{part}/{name}": here.read(f"{part}/{name}") for name in here.names(part)}
    assert (secrets / "ledger/ledger.parquet").read_bytes() == (planted / "secrets/ledger/ledger.parquet").read_bytes()
    listed = json.loads(found["manifest.json"])["content"]
    for entry in (*listed["shards"], *listed["files"]):
        assert len(found[entry["path"]]) == entry["bytes"]


def test_a_receipt_without_its_file_does_not_count(planted: Path, emulator: Emulator, tmp_path: Path) -> None:
    secrets = shutil.copytree(planted / "before", tmp_path / "secrets")
    output = Folder.of(emulator.uri(f"{emulator.bucket()}/out"))
    first = f"data/{Folder(str(planted / 'out')).names('data')[0]}"

    def lose_the_first(work: Work, task: Any) -> dict[str, Any]:
        found = work(task)
        if any(shard["path"] == first for shard in found.get("shards", ())):
            output.remove(first)
        return found

    assert run(planted, output.uri, secrets, lose_the_first) == 1
    assert not output.exists(first)
    assert not output.exists("_SUCCESS")
    assert run(planted, output.uri, secrets, None) == 0
    assert output.read(first) == Folder(str(planted / "out")).read(first)
