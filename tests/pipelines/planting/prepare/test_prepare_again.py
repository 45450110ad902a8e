"""`trapline prepare` stopped, repeated, and run anew with other settings."""

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import (
    LEFT,
    digests,
    prepare,
)
from transforms.planting import folder as secret_folder


@pytest.mark.parametrize("stop", ["ledger/ledger.parquet", "slots.parquet", "planting.json", "planted.json"])
@pytest.mark.parametrize("replacing", [False, True], ids=["first", "overwrite"])
def test_stopped_between_the_files_of_the_secrets_the_same_command_finishes(
    stop: str, replacing: bool, corpus: Path, copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was written last, and also where an earlier planting is being replaced."""
    flags = ["--threshold", "0.99", "--overwrite"] if replacing else []
    secrets, output = copy / "secrets", copy / "out"
    if not replacing:
        shutil.rmtree(output)
        for name in LEFT:
            (secrets / name).unlink()
    write = secret_folder.write

    def write_and_stop(folder: Path, name: str, data: bytes) -> None:
        write(folder, name, data)
        if name == stop:
            raise KeyboardInterrupt

    monkeypatch.setattr(secret_folder, "write", write_and_stop)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit) as stopped:
        prepare(corpus, output, secrets, *flags)
    assert stopped.value.code == 1
    monkeypatch.undo()
    assert not (output / "_SUCCESS").exists()
    assert prepare(corpus, output, secrets, *flags) == 0
    assert main(["check", "--secrets", str(secrets), "--corpus", str(output)]) == 0
    assert not (secrets / "work").exists()
    assert (secrets / "replaced").exists() == replacing


def test_a_refused_overwrite_keeps_the_ledger(corpus: Path, copy: Path) -> None:
    before = {name: (copy / "secrets" / name).read_bytes() for name in LEFT}
    assert prepare(corpus, copy / "out", copy / "secrets", "--where", "lang = 'xx'", "--overwrite") == 1
    assert {name: (copy / "secrets" / name).read_bytes() for name in LEFT} == before
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
    assert prepare(corpus, copy / "out", copy / "secrets", "--overwrite") == 0


def test_the_same_command_again_does_nothing_and_another_is_refused(
    corpus: Path, copy: Path, fails: Callable[..., str], tmp_path: Path
) -> None:
    before = digests(copy / "out")
    assert prepare(corpus, copy / "out", copy / "secrets") == 0
    assert digests(copy / "out") == before
    flags = ("--input", corpus, "--secrets", copy / "secrets", "--max-doc-share", ".4", "--max-corpus-share", ".2")
    said = fails(1, "prepare", *flags, "--output", tmp_path / "elsewhere")
    assert "planted already" in said
    assert not (tmp_path / "elsewhere").exists()


def test_overwrite_plants_again_into_the_same_output(corpus: Path, copy: Path) -> None:
    assert prepare(corpus, copy / "out", copy / "secrets", "--threshold", "0.99", "--overwrite") == 0
    assert main(["check", "--secrets", str(copy / "secrets")]) == 0
    restored = ["--input", copy / "out", "--secrets", copy / "secrets", "--output", copy / "back"]
    assert main(["restore", *map(str, restored)]) == 0
