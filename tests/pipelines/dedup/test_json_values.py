"""Any JSON lines through `trapline dedup`: values are kept, lines are quarantined, or the corpus is refused, truly."""

import tempfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from pipelines.cli import main
from tests.pipelines.dedup.json_corpora import Corpus, check_values, corpora

TEXTS = [f"{word} stands alone in document {word}" for word in ("one", "two", "three", "four", "five", "six", "seven")]


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(corpora(TEXTS))
def test_values_are_kept_or_told_of(capfd: pytest.CaptureFixture[str], corpus: Corpus) -> None:
    good, bad, fine = corpus.judged()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        corpus.write(folder / "in")
        capfd.readouterr()
        code = main(["dedup", "--input", str(folder / "in"), "--output", str(folder / "out"), "--threads", "1"])
        said = capfd.readouterr().err
        assert "Traceback" not in said
        assert (code == 0) == fine, said
        if code:
            assert any(
                what in said for what in ("give it one type everywhere", "holds the integer", "leave the file out")
            )
            return
        check_values(folder / "out", good)
        aside = pq.read_table(folder / "out/quarantine", partitioning=None)["address"].to_pylist()
        assert [(address >> 40, address & (1 << 40) - 1) for address in aside] == bad
