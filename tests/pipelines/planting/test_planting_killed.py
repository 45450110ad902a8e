"""A planting that was killed is finished by the same command, with the same bytes."""

import shutil
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.forked import Forked
from tests.pipelines.planting.planted import (
    LEFT,
    LIMITS,
    SMALL_SHARDS,
    prepare,
    probe_rows,
    seal_and_draw,
    write_corpus,
)


def held(output: Path, secrets: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for part in ("data", "duplicates") for path in (output / part).iterdir()}
    return {**found, **{name: (secrets / name).read_bytes() for name in LEFT}}


@pytest.mark.slow
def test_killed_at_any_moment_a_rerun_gives_the_same_bytes_and_secrets(tmp_path: Path, forked: Forked) -> None:
    corpus = write_corpus(tmp_path / "in", 400)
    sealed = seal_and_draw(tmp_path / "sealed", probe_rows(30))
    for name in ("one", "two"):
        shutil.copytree(sealed, tmp_path / name)
    assert prepare(corpus, tmp_path / "whole", tmp_path / "one") == 0
    output, secrets = tmp_path / "out", tmp_path / "two"
    command = [
        "prepare", "--input", corpus, "--output", output, "--secrets", secrets, *LIMITS, *SMALL_SHARDS,
        "--threads", "1",
    ]  # fmt: skip
    for interrupted in range(1, 50):
        if not forked.run(*command, kill_at=3 * interrupted, after=interrupted % 2 == 0).killed:
            break
    assert interrupted > 5
    assert forked.run(*command).code == 0
    assert held(output, secrets) == held(tmp_path / "whole", tmp_path / "one")
    assert not (secrets / "work").exists()
    assert not (output / ".work").exists() or not any((output / ".work").iterdir())
    assert main(["check", "--secrets", str(secrets)]) == 0
