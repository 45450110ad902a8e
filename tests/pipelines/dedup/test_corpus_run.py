"""A corpus run and what it asks of a planting, without any secrets."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.corpus.hooks import NothingPlanted
from pipelines.corpus.run import run
from pipelines.dedup import DedupConfig
from pipelines.running.beam_flags import beam_options
from pipelines.running.errors import UsageError
from pipelines.running.progress import Progress


class Recorded:
    """Plants nothing and writes down which methods were called."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        method = getattr(NothingPlanted(), name)

        def call(*arguments: Any) -> Any:
            self.calls.append(name)
            return method(*arguments)

        return call


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    texts = [f"document {at} " + " ".join(f"w{at}x{word}" for word in range(40)) for at in range(10)]
    (tmp_path / "in").mkdir()
    pq.write_table(pa.table({"text": [*texts, texts[0]]}), tmp_path / "in/part.parquet")
    return tmp_path


def calls(folder: Path, **settings: Any) -> list[str]:
    planting: Any = Recorded()
    config = DedupConfig(input=(str(folder / "in"),), output=str(folder / "out"), threads=1, **settings)
    try:
        assert run(config, lambda: beam_options([], []), Progress(quiet=True), planting) == 0
    except UsageError:
        planting.calls.append("refused")
    return planting.calls


def test_a_planting_is_called_in_the_order_of_its_protocol(corpus: Path) -> None:
    names = [name for name in vars(NothingPlanted) if not name.startswith("_")]
    assert calls(corpus, dry_run=True) == ["describe"] == names[:1]
    assert not (corpus / "out").exists()
    assert calls(corpus) == names[1:]
    again = ["identity", "begin", "enter", "close"]
    assert calls(corpus) == again
    assert calls(corpus, ngram=3) == [*again, "refused"]


def test_a_corpus_run_knows_no_secrets() -> None:
    script = "import sys, pipelines.corpus.run; print(*(name for name in sys.modules if 'transforms.planting' in name))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
