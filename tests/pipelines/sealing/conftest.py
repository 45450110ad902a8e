"""A campaign that is sealed, and one that is drawn."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.sealing.sealed import BEACON, Run, rows


@pytest.fixture
def probes(tmp_path: Path) -> Path:
    path = tmp_path / "probes.parquet"
    pq.write_table(pa.Table.from_pylist(rows()), path)
    return path


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    return tmp_path / "secrets"


@pytest.fixture
def seal(probes: Path, secrets: Path) -> Run:
    def run(*flags: str, source: Path = probes, target: Path = secrets) -> int:
        declared = [] if {"--nonce-from", "--own"} & set(flags) else ["--beacon-name", "drand", "--beacon-round", "99"]
        rest = [flag for flag in flags if flag != "--own"]
        return main(["seal", "--probes", str(source), "--secrets", str(target), *declared, *rest])

    return run


@pytest.fixture
def drawn(seal: Run, secrets: Path) -> Path:
    """Secrets of which the draw is made."""
    assert seal("--tranches", "3") == 0
    assert main(["draw", "--secrets", str(secrets), "--beacon", BEACON]) == 0
    return secrets
