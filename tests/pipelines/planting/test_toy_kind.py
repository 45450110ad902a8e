"""A new kind of probe is a folder and an entry in `KINDS`: `facts_kind` as `toy`, taken through every command."""

import importlib
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import pipelines.cli
from schemas.described import SchemaMismatchError
from schemas.probes import COVARIATES_KEY, conform, covariates_of, with_covariates
from tests.pipelines.planting.planted import LIMITS, SMALL_SHARDS, Planted, probe_rows, write_corpus
from tests.scoring.tiny_checkpoints import tiny_checkpoint
from transforms.probes.kind import KINDS

ENTRY = "tests.pipelines.planting.facts_kind.config:FactsConfig"
DECLARED = {"popularity": "number", "relation": "text"}
STANDARD = {"length_tokens": "number", "perplexity": "number"}
SMALL = ("--doses", 1, 3, "--units", 4, "--controls", 2, "--seed", "unsaid")


@pytest.fixture(scope="module", autouse=True)
def _facts() -> Iterator[None]:
    """The one entry; the command line reads the list when it is imported."""
    KINDS["toy"] = ENTRY
    importlib.reload(pipelines.cli)
    yield
    del KINDS["toy"]
    importlib.reload(pipelines.cli)


def run(*arguments: object) -> int:
    return pipelines.cli.main([str(one) for one in arguments])


def test_the_command_has_the_flags_of_all_kinds_and_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toy", "--help") == 0
    said = capsys.readouterr().out
    assert "Make invented facts" in said
    assert all(flag in said for flag in ("--output", "--doses", "--units", "--controls", "--seed", "--popular"))
    assert run("toy", "--output", "no", "--popular", 2) == 2
    assert run("toy", "--output", "no", "--doses", 1, 5, "--units", 1, 2, 3) == 2
    assert "--units: 3 numbers for 2 doses" in capsys.readouterr().err


def test_a_dry_run_is_a_config_file_without_the_seed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("toy", "--output", tmp_path / "facts", *SMALL, "--dry-run") == 0
    said = capsys.readouterr().out
    assert "# 16 units of 3 facts\n# nothing was written\n" in said
    assert "unsaid" not in said
    assert not list(tmp_path.iterdir())
    (tmp_path / "again.toml").write_text(said)
    assert run("toy", "--config", tmp_path / "again.toml", "--dry-run") == 0
    assert capsys.readouterr().out == said


def test_probes_are_made_once_and_for_their_owner(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        assert run("toy", "--output", tmp_path / name, *SMALL) == 0
    assert "48 candidates in 16 units" in capsys.readouterr().err
    assert (tmp_path / "a/probes.parquet").read_bytes() == (tmp_path / "b/probes.parquet").read_bytes()
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a").iterdir()} == dict.fromkeys(
        ("probes.parquet", "report.html", "report.json"), 0o600
    )
    report = json.loads((tmp_path / "a/report.json").read_text())
    assert report["command"] == "toy"
    assert report["config"]["popular"] == 0.5
    assert "seed" not in report["config"]
    page = (tmp_path / "a/report.html").read_text()
    assert "16 units of 3 candidates each" in page
    for row in pq.read_table(tmp_path / "a/probes.parquet").to_pylist():
        assert row["text"] not in page
    assert run("toy", "--output", tmp_path / "a", *SMALL) == 1
    assert "never replaced" in capsys.readouterr().err
    (tmp_path / "manifest.json").write_text("{}")
    assert run("toy", "--output", tmp_path / "c", *SMALL) == 2
    assert "inside the public output" in capsys.readouterr().err


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Facts and traps sealed together, planted and scored."""
    folder = tmp_path_factory.mktemp("facts")
    corpus = write_corpus(folder / "in", 160)
    # Short enough for the 128 tokens of the tiny model: a text that is cut off has no score.
    traps = [{**row, "text": " ".join(row["text"].split()[:4])} for row in probe_rows(6, length_tokens=4)]
    pq.write_table(pa.Table.from_pylist(traps), folder / "traps.parquet")
    secrets, output = folder / "secrets", folder / "out"
    assert run("toy", "--output", folder / "facts", *SMALL) == 0
    probes = (folder / "facts", folder / "traps.parquet")
    plan = ("--context", 32, "--slots", 2, "--redraws", 999)
    assert run("seal", "--probes", *probes, "--secrets", secrets, "--nonce-from", "them", *plan) == 0
    assert run("draw", "--secrets", secrets, "--nonce", "c0ffee" * 8) == 0
    where = ("--input", corpus, "--secrets", secrets, "--output", output)
    assert run("prepare", *where, *LIMITS, *SMALL_SHARDS) == 0
    tiny_checkpoint(folder / "model", "llama", 1)
    sequences = ("--sequences", secrets / "probes/probes.parquet", "--slots", secrets / "slots.parquet")
    scored = ("--context", 32, "--device", "cpu", "--threads", 1, "--output", folder / "scores")
    assert run("score", "--checkpoint", folder / "model", *sequences, *scored) == 0
    return folder


def test_what_was_drawn_is_planted(campaign: Path) -> None:
    found = Planted.read(campaign / "out", campaign / "secrets")
    assert {row["kind"] for row in found.ledger} == {"fact", "trap"}
    assert len(found.ledger) == 2 * 4 * (1 + 3) + 3 * (1 + 3)
    for row in found.ledger:
        assert found.probes[row["candidate"]]["text"] in found.document(row)


def test_covariates_travel_with_the_sealed_table(campaign: Path) -> None:
    sealed = pq.read_schema(campaign / "secrets/probes/probes.parquet")
    assert covariates_of(sealed) == {**STANDARD, **DECLARED}
    assert run("check", "--secrets", campaign / "secrets") == 0


def verdict(campaign: Path, output: Path, *flags: object) -> tuple[dict[str, Any], str]:
    where = ("--scores", campaign / "scores", "--secrets", campaign / "secrets", "--output", output)
    assert run("verify", *where, *flags) == 0
    return json.loads((output / "verdict.json").read_bytes())["exploratory"], (output / "report.html").read_text()


def test_a_verdict_is_broken_down_by_the_kinds_own_covariates(campaign: Path, tmp_path: Path) -> None:
    found, page = verdict(campaign, tmp_path / "verdict", "--reveal")
    grid = found["by_relation_and_dose"]
    assert grid["labels"]["relation"] == ["home", "trade"]
    assert sum(cell["auc"]["units"] for cell in grid["cells"]) == 2 * 2 * 4
    assert sum(cell["auc"]["units"] for cell in found["by_popularity_and_dose"]["cells"]) == 2 * 2 * 4
    assert sum(cell["auc"]["units"] for cell in found["by_length_and_dose"]["cells"]) == 6
    assert "by_relation_and_popularity" in found or "by_popularity_and_relation" in found
    assert "by_length_and_relation" not in found, "no unit has both"
    assert [cell["kind"] for cell in found["by_kind"]] == ["fact", "trap"]
    assert "By relation and dose" in page


def test_values_of_text_are_numbered_in_a_verdict_that_reveals_nothing(campaign: Path, tmp_path: Path) -> None:
    found, page = verdict(campaign, tmp_path / "verdict")
    assert found["by_relation_and_dose"]["labels"]["relation"] == ["relation 1", "relation 2"]
    assert "trade" not in page


def test_the_campaigns_report_shows_what_a_kind_says_of_its_candidates(campaign: Path, tmp_path: Path) -> None:
    for flag in ("--made", "--traps"):
        assert run("report", "--secrets", campaign / "secrets", flag, campaign / "facts") == 0
        facts = json.loads((campaign / "secrets/report/report.json").read_text())
        assert facts["candidates"][str(campaign / "facts")]["made"]["kept"] == 48
    page = (campaign / "secrets/report/report.html").read_text()
    assert "What became of the candidates (trapline toy)" in page
    assert run("report", "--secrets", campaign / "secrets", "--made", tmp_path) == 2


def table(**further: object) -> pa.Table:
    return conform([("t", pa.Table.from_pylist(probe_rows(2, **further)))])


def test_standard_covariates_leave_the_table_as_it_was() -> None:
    plain = table(perplexity=2.0)
    assert with_covariates(plain, STANDARD, "t").schema.equals(plain.schema, check_metadata=True)
    assert covariates_of(plain.schema) == STANDARD


@pytest.mark.parametrize(
    ("covariates", "said"),
    [
        ({"nothing": "text"}, "'nothing' is not one of its further columns, which are: relation"),
        ({"text": "text"}, "'text' is not one of its further columns"),
        ({"relation": "number"}, "'relation' is declared 'number'"),
        ({"relation": "colour"}, "'relation' is declared 'colour'"),
    ],
)
def test_a_covariate_that_is_none_is_refused(covariates: dict[str, str], said: str) -> None:
    with pytest.raises(SchemaMismatchError, match=said):
        with_covariates(table(relation="x"), covariates, "t")


def test_metadata_that_cannot_be_read_is_an_error_that_names_the_file() -> None:
    broken = table(relation="x").replace_schema_metadata({COVARIATES_KEY: b"[]"})
    with pytest.raises(SchemaMismatchError, match=r"mine\.parquet: trapline\.covariates is not a JSON object"):
        conform([("mine.parquet", broken)])


def test_the_documentation_shows_the_kind_as_it_is() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs/guide/probe-kinds.md").read_text(encoding="utf-8")
    config = (Path(__file__).parent / "facts_kind/config.py").read_text(encoding="utf-8")
    shown = config[config.index("@Parameter") :].strip()
    assert "\n".join(f"    {line}".rstrip() for line in shown.splitlines()) in text
