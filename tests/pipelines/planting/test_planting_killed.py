"""A planting that was killed is finished by the same command, with the same bytes."""

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, prepare, probe_rows, seal_and_draw, write_corpus

LEFT = ("planted.json", "planting.json", "slots.parquet", "ledger/ledger.parquet")


def held(output: Path, secrets: Path) -> dict[str, bytes]:
    found = {path.name: path.read_bytes() for part in ("data", "duplicates") for path in (output / part).iterdir()}
    return {**found, **{name: (secrets / name).read_bytes() for name in LEFT}}


@pytest.mark.slow
def test_killed_at_any_moment_a_rerun_gives_the_same_bytes_and_secrets(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "in", 400)
    sealed = seal_and_draw(tmp_path / "sealed", probe_rows(30))
    for name in ("one", "two"):
        shutil.copytree(sealed, tmp_path / name)
    assert prepare(corpus, tmp_path / "whole", tmp_path / "one") == 0
    output, secrets = tmp_path / "out", tmp_path / "two"
    command = [
        sys.executable, "-m", "pipelines.cli", "prepare", "--input", str(corpus), "--output", str(output),
        "--secrets", str(secrets), *LIMITS, *SMALL_SHARDS, "--threads", "1",
    ]  # fmt: skip
    chance = random.Random(3)
    interrupted = 0
    for _ in range(12):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(1.0, 4.0))
        process.send_signal(signal.SIGKILL)
        interrupted += process.wait() == -signal.SIGKILL
        if interrupted == 5 or (output / "_SUCCESS").exists():
            break
    assert interrupted >= 1
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    assert held(output, secrets) == held(tmp_path / "whole", tmp_path / "one")
    assert not (secrets / "work").exists()
    assert not (output / ".work").exists() or not any((output / ".work").iterdir())
    assert main(["check", "--secrets", str(secrets)]) == 0
