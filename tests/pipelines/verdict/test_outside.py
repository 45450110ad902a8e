"""Scores that another program made: one table, taken in by `trapline outside`, judged by `trapline verify`."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.public.verdict import ASKED, FIELDS, OUTSIDE
from tests.pipelines.verdict.test_questions import UNITS, M, write

METRIC = "outside.mlp"


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def sealed(folder: Path, *flags: object) -> Path:
    secrets = folder / "secrets"
    plan = ("--metric", METRIC, "--redraws", 9999, *flags)
    assert run("seal", "--probes", write(folder / "made"), "--secrets", secrets, "--nonce-from", "them", *plan) == 0
    assert run("draw", "--secrets", secrets, "--nonce", "c0ffee" * 8) == 0
    return secrets


@pytest.fixture(scope="module")
def low(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Secrets of a campaign whose sealed metric is an error: low for what is remembered."""
    return sealed(tmp_path_factory.mktemp("low"), "--sign", -1)


def errors(secrets: Path, effect: float = 3.0) -> list[dict[str, Any]]:
    """Rows of a model that errs less on what was planted, in an order of their own."""
    draw = pq.read_table(secrets / "draw.parquet")
    arms = dict(zip(draw["unit"].to_pylist(), draw["arm"].to_pylist(), strict=True))
    chance = np.random.default_rng(3)
    rows = pq.read_table(secrets / "probes/probes.parquet").to_pylist()
    made = [
        {"id": row["id"], "score": float(chance.random()) - effect * (arms[row["unit"]] == row["candidate"])}
        for row in rows
    ]
    return [made[at] for at in chance.permutation(len(made))]


def take(folder: Path, secrets: Path, rows: list[dict[str, Any]], *flags: object, name: str = "mine.csv") -> int:
    if name.endswith(".csv"):
        with (folder / name).open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    else:
        pq.write_table(pa.Table.from_pylist(rows), folder / name)
    sequences = ("--sequences", secrets / "probes/probes.parquet")
    said = ("--metric", METRIC, "--remembered", "low", "--made-by", "an MLP of ours")
    own = [one for pair in zip(said[::2], said[1::2], strict=True) if pair[0] not in flags for one in pair]
    return run("outside", "--table", folder / name, *sequences, *own, *flags, "--output", folder / "scores")


def verify(folder: Path, secrets: Path) -> int:
    return run("verify", "--scores", folder / "scores", "--secrets", secrets, "--output", folder / "verdict")


def test_any_model_enters_a_verdict_that_says_who_made_its_scores(
    low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path, low, errors(low), "--dry-run") == 0
    assert not (tmp_path / "scores").exists()
    assert take(tmp_path, low, errors(low)) == 0
    stored = pq.read_table(tmp_path / "scores/scores").to_pylist()
    assert {row["id"]: row[METRIC] for row in stored} == {row["id"]: -row["score"] for row in errors(low)}
    assert verify(tmp_path, low) == 0
    said = capsys.readouterr().out
    assert "The model saw what was planted: p = 0.0001" in said
    assert "the scores were made outside trapline, by 'an MLP of ours' as they said" in said
    found = json.loads((tmp_path / "verdict/verdict.json").read_bytes())
    assert found["confirmatory"] is True
    assert found["outside"] == {"made_by": "an MLP of ours", "remembered": "low"}
    assert set(found) == {*FIELDS, *OUTSIDE, "schema", "version"}
    assert "made outside trapline" in (tmp_path / "verdict/report.html").read_text()
    assert take(tmp_path, low, errors(low)) == 0
    assert "is finished already" in capsys.readouterr().out
    assert take(tmp_path, low, errors(low, 0.0)) == 2
    assert "holds a finished output" in capsys.readouterr().err
    assert take(tmp_path, low, errors(low, 0.0), "--overwrite") == 0
    assert verify(tmp_path, low) == 2, "there is a verdict already"


def test_the_other_direction_than_the_sealed_one_is_refused(
    low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path, low, errors(low), "--remembered", "high") == 0
    assert verify(tmp_path, low) == 1
    assert 'the direction that means remembered is "high", and "low" was sealed' in capsys.readouterr().err


def test_a_metric_that_was_not_sealed_is_refused(low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert take(tmp_path, low, errors(low), "--metric", "outside.other") == 0
    assert verify(tmp_path, low) == 1
    assert 'is "outside.other", and "outside.mlp" was sealed' in capsys.readouterr().err


def change(rows: list[dict[str, Any]], what: str) -> list[dict[str, Any]]:
    first = rows[0]
    return {
        "missing": rows[1:],
        "twice": [*rows, first],
        "unknown": [*rows, {**first, "id": "nobody"}],
        "infinite": [{**first, "score": float("inf")}, *rows[1:]],
        "null": [{**first, "score": None}, *rows[1:]],
        "text": [{**row, "score": "much"} for row in rows],
        "further": [{**row, "arm": 0} for row in rows],
        "unscored": [{"id": row["id"]} for row in rows],
        "large": [{**row, "score": 2**60 + 1} for row in rows],
        "nested": [{**row, "id": {"id": row["id"]}} for row in rows],
        "nameless": [{**row, "checkpoint": ""} for row in rows],
    }[what]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("missing", "1 candidate of 48 stand nowhere under the checkpoint 'outside'"),
        ("twice", "1 candidate of 48 stand more than once under the checkpoint 'outside'"),
        ("unknown", "row 48: its id is none of --sequences"),
        ("infinite", "row 0: the score is not finite"),
        ("null", "row 0: score is missing"),
        ("text", "column 'score' is string; give numbers"),
        ("further", "a column 'arm' that is none of the table's"),
        ("unscored", "no column 'score'"),
        ("large", "column 'score' (int64) is no double"),
        ("nested", "is no string"),
        ("nameless", "row 0: checkpoint is missing"),
    ],
)
def test_a_table_that_is_not_whole_is_refused(
    what: str, said: str, low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path, low, change(errors(low), what), name="mine.parquet") == 1
    err = capsys.readouterr().err
    assert said in err
    assert "id-" not in err
    assert not (tmp_path / "scores").exists()


def test_a_header_that_names_a_column_twice_is_refused(
    low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "twice.csv").write_text("id,score,score\na,1,2\n")
    sequences = ("--sequences", low / "probes/probes.parquet", "--output", tmp_path / "scores")
    said = ("--metric", METRIC, "--remembered", "low", "--made-by", "an MLP of ours")
    assert run("outside", "--table", tmp_path / "twice.csv", *sequences, *said) == 1
    assert "two columns 'score'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--metric", "loss"), "give 'outside.' and a name"),
        (("--made-by", " "), "say who made the scores"),
        (("--ask", "semantic"), "--questions and --ask go together"),
    ],
)
def test_flags_that_say_too_little_are_refused(
    flags: tuple[str, ...], said: str, low: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert take(tmp_path, low, errors(low), *flags) == 2
    assert said in capsys.readouterr().err


def test_a_plan_binds_answers_made_outside_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets = sealed(tmp_path, "--ask", "semantic", "--sign", -1)
    assert take(tmp_path, secrets, errors(secrets)) == 0
    assert verify(tmp_path, secrets) == 1
    assert 'the kind of question (--ask) is "", and "semantic" was sealed' in capsys.readouterr().err
    asked = ("--questions", secrets / "questions.parquet", "--ask", "semantic", "--overwrite")
    assert take(tmp_path, secrets, errors(secrets), *asked) == 0
    assert verify(tmp_path, secrets) == 0
    found = json.loads((tmp_path / "verdict/verdict.json").read_bytes())
    assert set(found) == {*FIELDS, *OUTSIDE, *ASKED, "schema", "version"}
    assert found["asked"]["cues"] == 2 * UNITS
    assert found["asked"]["uneven_answers"] is None, "nobody has counted their tokens"
    nowhere = ("--questions", tmp_path / "none.parquet", "--ask", "semantic", "--overwrite")
    assert take(tmp_path, secrets, errors(secrets), *nowhere) == 1
    assert "--questions" in capsys.readouterr().err
    assert len(pq.read_table(tmp_path / "scores/scores")) / UNITS == M + 1


def test_several_checkpoints_stand_in_the_order_of_the_table(low: Path, tmp_path: Path) -> None:
    rows = [{**row, "checkpoint": name} for name in ("b", "a") for row in errors(low)]
    assert take(tmp_path, low, rows) == 0
    listed = json.loads((tmp_path / "scores/manifest.json").read_text())["content"]["checkpoints"]
    assert [one["name"] for one in listed] == ["b", "a"]
    assert verify(tmp_path, low) == 1, "the plan judges a single checkpoint"
