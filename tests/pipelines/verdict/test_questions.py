"""Questions from the maker to the verdict: sealed beside the probes, asked of a model, and bound."""

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.secret.questions import QUESTIONS
from tests.scoring.tiny_checkpoints import tiny_checkpoint

UNITS, M = 12, 3
LETTERS = "abcdefghijklmnopqrstuvwxyz"
Row = dict[str, Any]


def answer(unit: int, candidate: int, slot: int = 0) -> str:
    """Three letters that the tiny tokenizer does not join."""
    return "qxz"[slot] + LETTERS[unit] + "QXZJ"[candidate]


def probes() -> list[Row]:
    return [
        {
            "id": f"id-{unit}-{candidate}",
            "kind": "fact",
            "unit": f"unit-{unit}",
            "candidate": candidate,
            "stratum": "all",
            "dose": 1,
            "text": f"The colour of unit {unit} is {answer(unit, candidate)}.",
            "planted_as": "document",
        }
        for unit in range(UNITS)
        for candidate in range(M + 1)
    ]


def questions(**change: Any) -> list[Row]:
    rows = [
        {
            "unit": f"unit-{unit}",
            "ask": ask,
            "slot": slot,
            "before": f"Tell me {ask} {slot} of unit {unit}:",
            "lead": " ",
            "weight": 1.0 + slot,
            "answers": [answer(unit, candidate, slot) for candidate in range(M + 1)],
            "truth": None,
        }
        for unit in range(UNITS)
        for ask, cues in (("semantic", 2), ("verbatim", 1))
        for slot in range(cues)
    ]
    rows[0] |= change
    return rows


def write(folder: Path, asked: Iterable[Row] | None = None) -> Path:
    folder.mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(probes()), folder / "probes.parquet")
    rows = questions() if asked is None else list(asked)
    pq.write_table(pa.Table.from_pylist(rows, schema=QUESTIONS), folder / "questions.parquet")
    return folder


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def seal(folder: Path, secrets: Path, *flags: object) -> int:
    return run("seal", "--probes", folder, "--secrets", secrets, "--nonce-from", "them", "--redraws", 999, *flags)


def score(secrets: Path, model: Path, output: Path, *flags: object) -> int:
    sequences = ("--sequences", secrets / "probes/probes.parquet", "--checkpoint", model, "--output", output)
    return run("score", *sequences, "--device", "cpu", "--threads", 1, *flags)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("asked")
    flags = ("--ask", "semantic", "--metric", "answer_total", "--context", 64)
    assert seal(write(folder / "made"), folder / "secrets", *flags) == 0
    assert run("draw", "--secrets", folder / "secrets", "--nonce", "c0ffee" * 8) == 0
    tiny_checkpoint(folder / "model", "llama", 1)
    asked = ("--questions", folder / "secrets/questions.parquet", "--context", 64)
    assert score(folder / "secrets", folder / "model", folder / "scores", *asked, "--ask", "semantic") == 0
    assert score(folder / "secrets", folder / "model", folder / "other", *asked, "--ask", "verbatim") == 0
    return folder


def table(folder: Path) -> dict[str, Row]:
    rows = [row for path in sorted((folder / "scores").iterdir()) for row in pq.read_table(path).to_pylist()]
    return {row["id"]: row for row in rows}


def test_each_candidate_has_the_weighted_mean_over_its_units_cues(campaign: Path) -> None:
    found = table(campaign / "scores")
    tokens = pq.read_table(next((campaign / "scores/token_scores").iterdir())).to_pylist()
    totals: dict[str, dict[int, float]] = {}
    for row in tokens:
        totals.setdefault(row["id"], {})[row["slot"]] = float(np.sum(np.array(row["log_probs"], np.float64)))
    assert set(found) == {row["id"] for row in probes()}
    for name, one in found.items():
        assert one["slots"] == 2
        assert one["answer_total"] == pytest.approx((totals[name][0] + 2 * totals[name][1]) / 3)
    for unit in range(UNITS):
        ranks = [found[f"id-{unit}-{candidate}"]["answer_rank"] for candidate in range(M + 1)]
        assert sum(ranks) == pytest.approx((M + 1) * (M + 2) / 2)
        firsts = [found[f"id-{unit}-{candidate}"]["answer_top1"] for candidate in range(M + 1)]
        assert sum(firsts) == pytest.approx(1)


def test_only_the_answer_is_scored(campaign: Path) -> None:
    rows = pq.read_table(next((campaign / "scores/token_scores").iterdir())).to_pylist()
    assert all(row["text_bytes"] == len(" qab") - 1 or row["text_bytes"] == len("qab") for row in rows)


def test_the_verdict_speaks_about_cues(campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--secrets", campaign / "secrets", "--output", tmp_path / "verdict")
    assert run("verify", "--scores", campaign / "scores", *where) == 0
    said = capsys.readouterr().out
    assert "answers to sealed cues of the kind 'semantic', 2 for each unit and 24 in all" in said
    found = json.loads((tmp_path / "verdict/verdict.json").read_bytes())
    assert found["confirmatory"] is True
    assert found["asked"]["cues"] == 2 * UNITS
    assert found["asked"]["uneven_answers"] == 0
    assert "sealed cues of the kind" in (tmp_path / "verdict/report.html").read_text()
    assert run("check", "--secrets", campaign / "secrets") == 0


def test_another_kind_of_question_is_refused(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--secrets", campaign / "secrets", "--output", tmp_path / "verdict")
    assert run("verify", "--scores", campaign / "other", *where) == 1
    assert 'the kind of question (--ask) is "verbatim", and "semantic" was sealed' in capsys.readouterr().err


def test_other_questions_than_the_sealed_ones_are_found(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = tmp_path / "secrets"
    shutil.copytree(campaign / "secrets", secrets)
    changed = pq.read_table(secrets / "questions.parquet").to_pylist()
    changed[0]["before"] = "Which?"
    pq.write_table(pa.Table.from_pylist(changed, schema=QUESTIONS), secrets / "questions.parquet")
    where = ("--secrets", secrets, "--output", tmp_path / "verdict")
    assert run("verify", "--scores", campaign / "scores", *where) == 1
    assert "questions.parquet: its bytes are not those that were sealed" in capsys.readouterr().err
    (secrets / "questions.parquet").unlink()
    assert run("check", "--secrets", secrets) == 1
    assert "questions.parquet: is missing" in capsys.readouterr().out


def test_a_plan_without_questions_is_written_as_before(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path / "made")
    (folder / "questions.parquet").rename(tmp_path / "elsewhere.parquet")
    assert seal(folder, tmp_path / "plain") == 0
    plan = json.loads((tmp_path / "plain/plan.json").read_text())
    assert plan["version"] == 2
    assert not {"ask", "questions"} & set(plan)
    assert seal(folder, tmp_path / "bound", "--questions", tmp_path / "elsewhere.parquet") == 0
    assert "candidates are judged by whole texts: no --ask was given" in capsys.readouterr().out
    plan = json.loads((tmp_path / "bound/plan.json").read_text())
    assert (plan["version"], plan["ask"]) == (3, "")
    assert run("check", "--secrets", tmp_path / "bound") == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"truth": " QAq "}, "the true answer is among the candidates'"),
        ({"answers": ["one", "two"]}, "2 answers for a unit of 4 candidates"),
        ({"answers": ["one", "One", "one", "ONE"]}, "all candidates have one and the same answer"),
        ({"answers": [" one", "two", "three", "four"]}, "answer 0 is empty, or begins or ends with white space"),
        ({"weight": 0.0}, "weight 0.0; give a number above 0"),
        ({"unit": "another"}, "asks about a unit that the probes do not have"),
        ({"slot": 1}, "the same cue number of the same unit and kind as in"),
        ({"slot": 7}, "are not numbered 0 to 1"),
        ({"before": "", "lead": " "}, "its cue is empty"),
    ],
)
def test_a_question_that_does_not_suit_its_unit_is_refused(
    change: Row, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal(write(tmp_path / "made", questions(**change)), tmp_path / "secrets", "--ask", "semantic") == 1
    err = capsys.readouterr().err
    assert said in err
    assert "Tell me" not in err
    assert not (tmp_path / "secrets").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--metric", "answer_total"), "say with --ask what is asked"),
        (("--ask", "nothing"), "12 of 12 units have no question of that kind (there are semantic, verbatim)"),
        (("--ask", "semantic", "--metric", "zlib_total_nll"), "is not computed of answers"),
        (("--ask", "semantic", "--metric", "recall"), "is not computed of answers"),
    ],
)
def test_a_plan_that_cannot_be_carried_out_is_refused(
    flags: tuple[str, ...], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert seal(write(tmp_path / "made"), tmp_path / "secrets", *flags) == 2
    assert said in capsys.readouterr().err


def scored(tmp_path: Path, model: Path, asked: list[Row], *flags: object, rows: list[Row] | None = None) -> int:
    pq.write_table(pa.Table.from_pylist(rows or probes()), tmp_path / "sequences.parquet")
    pq.write_table(pa.Table.from_pylist(asked, schema=QUESTIONS), tmp_path / "questions.parquet")
    where = ("--questions", tmp_path / "questions.parquet", "--ask", "semantic", "--output", tmp_path / "scores")
    sequences = ("--sequences", tmp_path / "sequences.parquet", "--checkpoint", model)
    return run("score", *sequences, *where, "--device", "cpu", "--threads", 1, *flags)


def test_answers_of_unequal_tokens_have_totals_and_no_means(
    campaign: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    longer = questions(answers=["qaQ", "qaX", "qaZqqq", "qaJ"])
    assert scored(tmp_path, campaign / "model", longer, "--metrics", "answer_total", "loss") == 1
    said = capsys.readouterr().err
    assert re.search(r"answers to cue 0 in rows 1 and 2, which are of one unit, have (\d) and (?!\1)\d tokens", said)
    assert "qaZ" not in said
    assert scored(tmp_path, campaign / "model", longer, "--overwrite") == 0
    counts = json.loads((tmp_path / "scores/manifest.json").read_text())["content"]["counts"]
    assert counts["uneven_answers"] == 1
    assert scored(tmp_path, campaign / "model", questions(), "--metrics", "loss", "--overwrite") == 0


@pytest.mark.parametrize(
    ("rows", "flags", "said"),
    [
        (probes()[:3], (), "cue 0 of 'semantic' has answers of 4"),
        (probes()[1:], (), "are not numbered 0 to 2 in order"),
        (
            [*probes()[:8], *probes()[:4]],
            (),
            "candidates of one unit do not stand together",
        ),
        (None, ("--context", 3), "a cue has more than the 3 tokens of --context"),
        (None, ("--metrics", "recall"), "needs recalled, which this run does not have"),
        (None, ("--slots", "x.parquet"), "cues take the place of contexts"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    campaign: Path,
    rows: list[Row] | None,
    flags: tuple[object, ...],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert scored(tmp_path, campaign / "model", questions(), *flags, rows=rows) in (1, 2)
    assert said in capsys.readouterr().err
