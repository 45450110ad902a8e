"""What the documentation tells people to type works as it stands there."""

import json
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from apache_beam.options.pipeline_options_validator import PipelineOptionsValidator

from pipelines.cli import main
from pipelines.running.beam_flags import beam_options
from tests.pipelines.planting.planted import prose
from tests.scoring.tiny_checkpoints import tiny_checkpoint, tiny_tokenizer

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = 700
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEDUPLICATION = (ROOT / "docs/guide/deduplication.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    """The `trapline` commands of the indented blocks, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    lines = [line.strip() for line in joined.splitlines() if line.startswith("    trapline ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the commands name."""
    monkeypatch.chdir(tmp_path)
    chance = random.Random(3)
    for folder in ("corpus", "more"):
        (tmp_path / folder).mkdir()
        texts = [prose(chance, chance.choice([200, 600])) for _ in range(DOCUMENTS)]
        table = pa.table({"id": list(range(DOCUMENTS + 1)), "text": [*texts, texts[0]]})
        pq.write_table(table, tmp_path / folder / "a.parquet")
    tiny_checkpoint(tmp_path / "model", "llama", 1, tiny_tokenizer())
    return tmp_path


@pytest.mark.slow
def test_the_readmes_commands_run_one_after_the_other(place: Path) -> None:
    found = commands(README)
    assert [one[0] for one in found] == ["traps", "seal", "draw", "prepare", "score", "verify", "dedup"]
    for one in found:
        assert main(one) == 0, one
    assert pq.read_table(place / "clean/data").num_rows == DOCUMENTS
    assert json.loads((place / "verdict/verdict.json").read_text())["doses"][0]["dose"] == 4


def test_the_guide_to_a_campaign_has_the_readmes_commands() -> None:
    guide = commands((ROOT / "docs/guide/campaign.md").read_text(encoding="utf-8"))
    assert guide[:-1] == commands(README)[:-1]
    assert guide[-1][0] == "restore"


def test_the_commands_of_the_deduplication_guide_run(place: Path) -> None:
    found = commands(DEDUPLICATION)
    assert len(found) == 5
    for one in found:
        # When the stop is shown, the same output is finished already: it is tried on another one.
        target = "planned" if "--until" in one else "clean"
        assert main([target if token == "clean" else token for token in one]) == 0, one
    for output in ("clean", "clean2", "clean-code"):
        assert pq.read_table(place / output / "data").num_rows == DOCUMENTS
    assert not (place / "planned/_SUCCESS").exists()


def test_the_config_file_of_the_documentation_is_one(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    block = re.search(r"(?:^    .*\n|\n)+", DEDUPLICATION[DEDUPLICATION.index("    [dedup]") :], re.MULTILINE)
    assert block is not None
    text = "\n".join(line.strip() for line in block[0].splitlines())
    (place / "settings.toml").write_text(text)
    assert main(["dedup", "--config", "settings.toml", "--dry-run"]) == 0
    assert "threshold = 0.8" in capsys.readouterr().out


def test_commands_for_a_cluster_have_flags_that_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    # Beam's own check of a Dataflow job asks Google for the bucket.
    monkeypatch.setattr(PipelineOptionsValidator, "validate", lambda _: [])
    found = [one for one in commands((ROOT / "docs/guide/runners.md").read_text("utf-8")) if "--runner" in one]
    runners = []
    for one in found:
        options = beam_options(one[one.index("--runner") :], [])
        runners.append(options.get_all_options()["runner"])
    assert set(runners) == {"DataflowRunner", "FlinkRunner", "SparkRunner", "PrismRunner", "PortableRunner"}


def test_the_query_of_the_documentation_runs(place: Path) -> None:
    duckdb = pytest.importorskip("duckdb", reason="DuckDB is a development dependency")
    assert main(["dedup", "--input", "corpus", "--output", "clean"]) == 0
    query = re.search(r"    (SELECT.*?;)", DEDUPLICATION, re.DOTALL)
    assert query is not None
    assert duckdb.sql(query[1]).fetchall() == [(str(DOCUMENTS), "0", 1.0, 0, DOCUMENTS)]


@pytest.mark.slow
def test_the_demo_goes_round_the_whole_loop() -> None:
    # The environment is the one that runs this test: nothing is installed, the recipe is the Makefile's own.
    bin_folder = Path(sys.executable).parent
    command = ["make", "-o", ".venv/.current", "demo", "DEMO=--quick", f"BIN={bin_folder}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=500, check=False)
    assert result.returncode == 0, result.stderr
    ran = [command[0] for command in commands(result.stdout.replace("$ trapline", "    trapline"))]
    assert ran == ["traps", "seal", "draw", "prepare", "restore", "score", "score", "verify", "verify"]
    assert "A pair that was found" in result.stdout
    out = ROOT / "demo-out"
    planted, restored = (pq.read_table(out / name / "data", columns=["text"]) for name in ("planted", "restored"))
    assert planted.num_rows == restored.num_rows
    assert planted != restored
    assert result.stdout.count("step 5 of 5") == 2
    for model in ("trapped", "twin"):
        assert str(Path("demo-out", f"verdict-{model}", "report.html")) in result.stdout
        verdict = json.loads((out / f"verdict-{model}" / "verdict.json").read_text())
        assert verdict["alpha"] == 0.001
        assert (out / f"verdict-{model}" / "report.html").exists()
