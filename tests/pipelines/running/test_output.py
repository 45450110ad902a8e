import hashlib
import json
import threading
from pathlib import Path

import pytest

from pipelines.running import output as outputs
from pipelines.running.errors import RunError, UsageError
from transforms.base.folders import Folder
from transforms.base.runs import FOLDER, Work

RUN, OTHER = "a" * 32, "b" * 32


@pytest.fixture
def output(tmp_path: Path) -> Folder:
    return Folder(str(tmp_path / "out"))


def tree(folder: Folder) -> list[str]:
    path = folder.local_path()
    return sorted(str(one.relative_to(path)) for one in path.rglob("*"))


def finish(output: Folder, run: str = RUN) -> Work:
    """A finished output of one shard."""
    work = Work(output, run)
    output.write("data/train-0.parquet", b"shard")
    output.write("duplicates/d.parquet", b"pairs")
    work.folder.write("scan.json", b"{}")
    content = {"shards": [{"path": "data/train-0.parquet"}], "files": [{"path": "duplicates/d.parquet"}]}
    outputs.succeed(work, {"run": run, "content": content}, {"metrics.json": b"{}", "README.md": b"card"})
    return work


def test_success_is_written_last_and_seals_the_manifest(output: Folder) -> None:
    assert outputs.finished(output) is None
    finish(output)
    path = output.local_path()
    sealed = json.loads((path / "_SUCCESS").read_text())
    assert sealed == {"manifest_sha256": hashlib.sha256((path / "manifest.json").read_bytes()).hexdigest()}
    assert (outputs.finished(output) or {})["run"] == RUN
    times = {one.name: one.stat().st_mtime_ns for one in path.iterdir()}
    assert times["_SUCCESS"] >= times["manifest.json"] >= times["metrics.json"]
    assert FOLDER + "/" + RUN not in tree(output)


def test_a_manifest_that_was_changed_is_noticed(output: Folder) -> None:
    finish(output)
    manifest = output.local_path("manifest.json")
    manifest.write_bytes(manifest.read_bytes() + b" ")
    with pytest.raises(RunError, match="it was changed since"):
        outputs.finished(output)
    manifest.unlink()
    with pytest.raises(RunError, match=r"_SUCCESS is there but manifest.json cannot be read"):
        outputs.finished(output)


def test_discarding_takes_what_the_manifest_lists_and_nothing_else(output: Folder) -> None:
    finish(output)
    output.write("data/mine.txt", b"")
    manifest = outputs.finished(output)
    assert manifest is not None
    outputs.discard_finished(output, manifest)
    assert [one for one in tree(output) if not one.startswith(FOLDER)] == ["data", "data/mine.txt"]


def test_other_unfinished_runs_are_discarded_with_what_they_announced(output: Folder) -> None:
    old, new = Work(output, OTHER), Work(output, RUN)
    new.folder.write("scan.json", b"{}")
    old.folder.write("scan.json", b"{}")
    outputs.announce_outputs(old, ["data/a.parquet", "data/b.parquet"])
    output.write("data/a.parquet", b"old")
    output.write("data/mine.parquet", b"mine")
    output.write(f"{FOLDER}/notes.txt", b"mine")
    assert outputs.discard_unfinished(output, RUN) == [OTHER]
    assert tree(output) == [
        FOLDER, f"{FOLDER}/{RUN}", f"{FOLDER}/{RUN}/scan.json", f"{FOLDER}/notes.txt", "data", "data/mine.parquet",
    ]  # fmt: skip
    assert outputs.discard_unfinished(output, RUN) == []


@pytest.mark.parametrize("names", [["thesis.tex"], ["data/a.parquet"], ["manifest.json"], ["_SUCCESS", "thesis.tex"]])
def test_a_folder_of_someone_else_is_refused(names: list[str], output: Folder) -> None:
    for name in names:
        output.write(name, b"")
    with pytest.raises(UsageError, match=f"it holds '{names[-1].split('/')[0]}'"):
        outputs.refuse_foreign(output)


@pytest.mark.parametrize("names", [[], [".work/lock"], ["_SUCCESS", "data/a.parquet"], [".work/x/scan.json", "data/a"]])
def test_a_folder_of_ours_is_taken(names: list[str], output: Folder) -> None:
    for name in names:
        output.write(name, b"")
    before = tree(output)
    outputs.refuse_foreign(output)
    assert tree(output) == before


def test_the_lock_holds_off_a_second_run_and_leaves_nothing(output: Folder) -> None:
    with outputs.locked(output):
        with pytest.raises(RunError, match="another run is writing there"), outputs.locked(output):
            pass
        output.write("data/a.parquet", b"")
    assert tree(output) == ["data", "data/a.parquet"]
    with outputs.locked(output):
        pass


def test_a_new_folder_in_which_nothing_was_done_goes_again(output: Folder) -> None:
    with outputs.locked(output):
        assert output.local_path().exists()
    assert not output.local_path().exists()
    output.local_path().mkdir()
    with outputs.locked(output):
        pass
    assert tree(output) == []


def test_an_error_inside_comes_out_as_it_is(output: Folder) -> None:
    with pytest.raises(PermissionError, match="inside"), outputs.locked(output):
        raise PermissionError("inside")
    with outputs.locked(output):
        pass


def test_only_one_of_many_gets_the_lock(output: Folder) -> None:
    got: list[bool] = []
    barrier, done = threading.Barrier(8), threading.Barrier(8)

    def attempt() -> None:
        barrier.wait()
        try:
            with outputs.locked(output):
                got.append(True)
                done.wait()
        except RunError:
            got.append(False)
            done.wait()

    threads = [threading.Thread(target=attempt) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 1


def test_temporaries_of_a_killed_run_go(output: Folder) -> None:
    work = Work(output, RUN)
    names = ["x", "data/x", "duplicates/x", "quarantine/x"]
    paths = [output.local_path(name) for name in names] + [
        work.folder.local_path(f"{part}/x") for part in ("scan", "edits")
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        path.with_name(f".{path.name}.{'0' * 32}.tmp").write_bytes(b"half")
    outputs.remove_temporaries(work)
    assert not [one for one in tree(output) if one.endswith(".tmp")]
    assert all(path.exists() for path in paths)


def test_space_is_checked_against_what_is_free_and_what_is_there(
    output: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 0, 1000))  # type: ignore[attr-defined]
    outputs.check_space(output, 1000)
    with pytest.raises(RunError, match=r"about 1,?001 B|1.00 kB are needed and 1.00 kB are free"):
        outputs.check_space(output, 1001)
    output.write("data/a", bytes(500))
    outputs.check_space(output, 1500)
    with pytest.raises(RunError, match="--no-space-check"):
        outputs.check_space(output, 1501)
