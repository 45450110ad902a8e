"""Where an output may stand: not over its input, not where it cannot be written, and what a full disk does."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest


@pytest.fixture
def corpus(folder: Path) -> Path:
    pq.write_table(pa.table({"text": ["one two three", "four", "one two three"]}), folder / "a.parquet")
    return folder


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("in", "in/out"),
        ("in", "in"),
        ("in", "link/out"),
        ("link", "in/out"),
        ("in/**", "in/out"),
        ("in/*/*/*.parquet", "in/out/deep/.."),
        ("**/*.parquet", "out"),
        ("*/data/*.parquet", "out"),
    ],
)
def test_an_output_inside_its_input_is_refused(
    source: str, output: str, corpus: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(corpus, target_is_directory=True)
    before = sorted(tmp_path.rglob("*"))
    outcome = attempt(tmp_path / source, output=tmp_path / output)
    assert outcome.code == 2
    assert f"--output {os.path.normpath(tmp_path / output)}" in outcome.said
    assert f"is inside --input {tmp_path / source}" in outcome.said
    assert sorted(tmp_path.rglob("*")) == before


def test_an_output_beside_its_input_is_fine(corpus: Path, attempt: Callable[..., Any]) -> None:
    for source, output in (("a.parquet", "out"), ("*.parquet", "out2"), ("", "_out")):
        assert attempt(corpus / source, output=corpus / output).code == 0
        assert attempt(corpus / source, output=corpus / output).code == 0
        shutil.rmtree(corpus / output)


@pytest.mark.parametrize("output", ["in", "in/deep"])
def test_an_input_inside_the_output_is_refused(
    output: str, folder: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    path = folder / "deep/er/a.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table({"text": ["one"]}), path)
    outcome = attempt(path, output=tmp_path / output)
    assert outcome.code == 2
    assert f"--input {path} is inside --output {tmp_path / output}" in outcome.said


def test_an_output_that_is_a_file_is_refused(corpus: Path, attempt: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    outcome = attempt(corpus)
    assert (outcome.code, "is a file; give a folder" in outcome.said) == (2, True)
    assert (tmp_path / "out").read_text() == "mine"
    outcome = attempt(corpus, output=tmp_path / "out/deep")
    assert (outcome.code, "cannot be written (Not a directory" in outcome.said) == (1, True)


def without_root_rights(command: list[str]) -> list[str]:
    """As root no permission counts, unless root gives up that right."""
    if os.geteuid():
        return command
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root passes over permissions, and there is no setpriv to give that up")
    return [setpriv, "--bounding-set=-dac_override,-dac_read_search", *command]


def test_what_may_not_be_read_or_written_is_said(corpus: Path, tmp_path: Path) -> None:
    """One process for all: each line of its input is a run."""
    for name in ("secret.parquet", "secret.jsonl"):
        shutil.copy(corpus / "a.parquet", tmp_path / name)
        (tmp_path / name).chmod(0)
    for name, mode in (("closed", 0), ("fixed", 0o555)):
        (tmp_path / name).mkdir(mode=mode)
    (tmp_path / "new").mkdir()
    runs = [
        ("in", "fixed/out", "fixed/out: cannot be written (Permission denied", "choose another folder"),
        ("in", "fixed", "fixed: cannot be written (Permission denied", "choose another folder"),
        ("secret.parquet", "new/1", "secret.parquet: cannot be opened (Permission denied)", "permissions"),
        ("secret.jsonl", "new/2", "secret.jsonl: cannot be opened", "permissions"),
        ("closed", "new/3", "closed': cannot be listed", "permissions"),
        ("closed/*.parquet", "new/4", "closed/*.parquet': cannot be listed", "permissions"),
        ("in", "/proc/out", "/proc/out: cannot be written", "choose another folder"),
    ]
    script = (
        "import sys, os; from pipelines.cli import main\n"
        "for line in sys.stdin:\n"
        "    source, output = line.split()\n"
        "    code = main(['dedup', '--input', source, '--output', output])\n"
        "    print('code', code, file=sys.stderr)\n"
    )
    result = subprocess.run(
        without_root_rights([sys.executable, "-c", script]),
        input="\n".join(f"{source} {output}" for source, output, *_ in runs),
        capture_output=True, text=True, check=True, cwd=tmp_path, timeout=120,
    )  # fmt: skip
    assert "Traceback" not in result.stderr
    said = [part for part in result.stderr.split("code 1\n") if part]
    assert len(said) == len(runs), result.stderr
    for part, (_, _, *words) in zip(said, runs, strict=True):
        assert [word for word in words if word not in part] == [], part
    assert not list((tmp_path / "new").rglob("_SUCCESS"))


class Disk:
    """A disk of a size that can be changed, in memory."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def mount(self, *options: str) -> bool:
        command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(self.path)]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    if os.geteuid() or not shutil.which("mount"):
        pytest.skip("only root can mount a small disk")
    disk = Disk(tmp_path / "disk")
    if not disk.mount("size=300k"):
        pytest.skip("mounting is not allowed here")
    yield disk
    subprocess.run(["umount", str(disk.path)], check=True)


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,000 documents, 3 MB of text that hardly compresses."""
    words = np.array([f"{number:x}" for number in range(1 << 20, (1 << 20) + 60_000)])
    drawn = words[np.random.default_rng(1).integers(0, len(words), (2000, 200))]
    path = tmp_path_factory.mktemp("larger") / "a.parquet"
    pq.write_table(pa.table({"text": [" ".join(row) for row in drawn]}), path, row_group_size=200)
    return path


SIZES = ("--shard-bytes", "500KB", "--row-group-bytes", "100KB")


def digest(output: Path) -> str:
    content = json.loads((output / "manifest.json").read_text())["content"]
    for entry in content["shards"]:
        assert hashlib.sha256((output / entry["path"]).read_bytes()).hexdigest() == entry["sha256"]
    return json.dumps([content["shards"], content["files"]], sort_keys=True)


def test_too_small_a_disk_is_refused_before_any_work(larger: Path, disk: Disk, attempt: Callable[..., Any]) -> None:
    outcome = attempt(larger, output=disk.path / "out")
    assert outcome.code == 1
    assert "are needed and" in outcome.said
    assert "307 kB are free there" in outcome.said
    assert "--no-space-check" in outcome.said
    assert list(disk.path.iterdir()) == []


@pytest.mark.parametrize(
    ("size", "refused", "stages_done"),
    [
        ("300k", r"/scan/000000\.parquet: ", 0),
        # A shard, or the note that it is done: two shards are written at a time, and either may meet the last page.
        ("2m", r"/data/train-\d{5}-of-\d{5}\.parquet: |/rewrite/\d{6}\.json: ", 2),
    ],
)
def test_a_full_disk_is_said_and_with_more_room_the_run_goes_on(
    size: str,
    refused: str,
    stages_done: int,
    larger: Path,
    disk: Disk,
    attempt: Callable[..., Any],
    tmp_path: Path,
) -> None:
    assert disk.mount("remount", f"size={size}")
    outcome = attempt(larger, *SIZES, "--no-space-check", output=disk.path / "out")
    assert outcome.code == 1
    assert re.search(f"({refused})cannot be written, the disk is full", outcome.said)
    assert "the disk is full (No space left on device); free some space and run the same command again" in outcome.said
    left = [path.name for path in disk.path.rglob("*")]
    assert not [name for name in left if name.endswith(".tmp")]
    assert disk.mount("remount", "size=100m")
    again = attempt(larger, *SIZES, output=disk.path / "out")
    assert again.code == 0
    assert again.said.count("done before") == stages_done
    assert attempt(larger, *SIZES, output=tmp_path / "undisturbed").code == 0
    assert digest(disk.path / "out") == digest(tmp_path / "undisturbed")


def test_a_disk_that_became_read_only(larger: Path, disk: Disk, attempt: Callable[..., Any]) -> None:
    assert disk.mount("remount", "size=100m")
    assert attempt(larger, "--until", "plan", output=disk.path / "out").code == 0
    assert disk.mount("remount", "ro")
    for output in (disk.path / "out", disk.path / "new"):
        outcome = attempt(larger, output=output)
        assert outcome.code == 1
        assert f"{output}: cannot be written (Read-only file system" in outcome.said
    assert disk.mount("remount", "rw")
    assert attempt(larger, output=disk.path / "out").code == 0


@pytest.mark.parametrize("is_there", [False, True])
@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
def test_an_input_that_is_refused_leaves_nothing(
    name: str, is_there: bool, folder: Path, attempt: Callable[..., Any], tmp_path: Path
) -> None:
    (folder / name).write_text('[{"text": "one"},\n{"text": "two"}]\n')
    if is_there:
        (tmp_path / "out").mkdir()
    assert attempt(folder).code == 1
    assert (tmp_path / "out").exists() == is_there
    assert not is_there or not list((tmp_path / "out").iterdir())
