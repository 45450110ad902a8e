"""The commands of docs/guide/planting.md work as they stand there, one after the other."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from tests.pipelines.planting.planted import write_corpus
from tests.test_documentation import commands

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "guide" / "planting.md"


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_corpus(tmp_path / "corpus", 200)
    found = commands(DOCUMENT.read_text(encoding="utf-8"))
    assert [one[0] for one in found] == ["traps", "seal", "draw", "prepare", "report", "restore"]
    for one in found:
        assert main(one) == 0, one
    assert pq.read_metadata("secrets/ledger/ledger.parquet").num_rows > 0
    assert main(["dedup", "--input", "corpus", "--output", "plain"]) == 0
    restored, plain = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "data").iterdir()}
        for name in ("restored", "plain")
    )
    assert restored == plain
