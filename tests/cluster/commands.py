"""The commands of the matrix, on one small campaign; what each leaves, as one hash."""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests.cluster.services import ROOT
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, probe_rows, seal_and_draw, write_corpus
from transforms.base.folders import Folder

COMMANDS = ("dedup", "prepare", "restore", "puzzles", "score")


@dataclass(frozen=True)
class Campaign:
    """A corpus, drawn secrets and a checkpoint below one folder, and the outputs in memory to compare with."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> "Campaign":
        """Make all of it."""
        from tests.scoring.tiny_checkpoints import tiny_checkpoint

        write_corpus(folder / "corpus", 600, parts=4)
        rows = probe_rows(24)
        seal_and_draw(folder / "drawn", rows)

        pq.write_table(
            pa.table({name: [row[name] for row in rows] for name in ("id", "text")}), folder / "probes.parquet"
        )
        tiny_checkpoint(folder / "checkpoint", "llama", tokenizer=None)
        return cls(folder)

    def arguments(self, command: str, corpus: str, output: str, planted: str, secrets: Path) -> list[str]:
        """What stands behind `trapline`, without the runner's flags."""
        beside = ["--secrets", str(secrets)]
        words = {
            "dedup": ["--input", corpus, *SMALL_SHARDS],
            "prepare": ["--input", corpus, *beside, *LIMITS, *SMALL_SHARDS],
            "restore": ["--input", planted, *beside],
            "puzzles": ["--as", "dataset", "--people", "3..5", "--count", "60", "--test", "12", "--seed", "5eed" * 16],
            "score": [
                "--checkpoint", str(self.folder / "checkpoint"), "--sequences", str(self.folder / "probes.parquet"),
                "--device", "cpu",
            ],
        }  # fmt: skip
        return [command, *words[command], "--output", output]

    def fresh_secrets(self, secrets: Path) -> None:
        """Secrets as they were before anything was planted."""
        shutil.rmtree(secrets, ignore_errors=True)
        shutil.copytree(self.folder / "drawn", secrets)


def trapline(
    arguments: Sequence[str], log: Path, prefix: Sequence[str] = (), **variables: str
) -> "subprocess.Popen[bytes]":
    """Start the command line as a process, as a user does."""
    environment = {name: value for name, value in os.environ.items() if name != "TRAPLINE_SECRETS"}
    with log.open("wb") as said:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "pipelines.cli", *arguments],
            cwd=log.parent,
            env={**environment, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1", **variables},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )


def digest(output: Folder) -> str:
    """SHA-256 over names and bytes of all tables of an output; what describes it holds times and addresses."""
    found = hashlib.sha256()
    tables = [name for name in output.all_files() if "/" in name and not name.startswith(".work/")]
    assert tables, output.uri
    for name in tables:
        found.update(f"{name} {output.sha256_of(name)}\n".encode())
    return found.hexdigest()
