"""Scores and secrets that get no verdict."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.pipelines.verdict.campaign import Campaign, assert_refused
from tests.pipelines.verdict.scores_writer import change_manifest, sha256, write_scores
from transforms.planting.ledger.check_secrets import open_secrets


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("bos", "never", 'bos is "never", and "checkpoint" was sealed'),
        ("dtype", "bfloat16", 'dtype is "bfloat16", and "float32" was sealed'),
        ("context", 64, "context is 64, and 0 was sealed"),
        ("metrics", {"loss": 2}, "version of the metric 'loss' is 2, and 1 was sealed"),
        ("metrics", {"zlib": 1}, "version of the metric 'loss' is null, and 1 was sealed"),
    ],
)
def test_scores_made_otherwise_than_sealed_get_no_verdict(
    campaign: Campaign, setting: str, value: Any, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    metric = next(iter(value)) if setting == "metrics" else "loss"
    rows = [{"id": row["id"], metric: row["loss"]} for row in campaign.scored()]
    assert_refused(campaign, campaign.write(rows, **{setting: value}), message, capsys)


def test_what_the_plan_names_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/weights").write_bytes(b"w")
    flags = ["--tokenizer", str(tmp_path / "tokenizer.json"), "--reference", str(tmp_path / "reference")]
    campaign = Campaign(tmp_path / "c", "--redraws", "999", *flags)
    plan = open_secrets(campaign.secrets).plan
    right = {"tokenizer_sha256": sha256(tmp_path / "tokenizer.json"), "references": plan.references}
    rows = campaign.scored()
    assert_refused(
        campaign, campaign.write(rows, "a", **{**right, "tokenizer_sha256": "0" * 64}), "tokenizer is", capsys
    )
    assert_refused(
        campaign, campaign.write(rows, "b", **{**right, "references": []}), "reference checkpoints is []", capsys
    )
    assert campaign.verify(campaign.write(rows, "good", **right)) == 0


def test_candidates_that_were_not_scored_are_missed(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    arms, rows = campaign.arms(), campaign.scored()
    planted = {row["id"] for row in campaign.rows if arms[row["unit"]] == row["candidate"]}
    only = campaign.write([row for row in rows if row["id"] in planted], "planted")
    assert_refused(campaign, only, "180 of 240 sealed candidates have no scores", capsys)
    assert_refused(campaign, campaign.write(rows[1:], "most"), "1 of 240 sealed candidates have no scores", capsys)
    assert_refused(campaign, campaign.write([*rows, rows[0]], "twice"), "scores of 1 candidate more than once", capsys)
    strange = campaign.write([*rows, {"id": "another", "loss": 1.0}], "more")
    assert_refused(campaign, strange, "1 sequence that these secrets do not hold", capsys)


def test_scores_that_were_changed_or_are_unfinished_get_no_verdict(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = campaign.scored()
    unfinished = campaign.write(rows, "a")
    (unfinished / "_SUCCESS").unlink()
    assert_refused(campaign, unfinished, "no finished run of trapline score", capsys)
    edited = campaign.write(rows, "b")
    text = (edited / "manifest.json").read_text()
    (edited / "manifest.json").write_text(text.replace('"never"', '"always"').replace("float32", "bfloat16"))
    assert_refused(campaign, edited, "changed since", capsys)
    touched = campaign.write(rows, "c")
    table = pq.read_table(touched / "scores/part-00000.parquet")
    pq.write_table(table.slice(0, 100), touched / "scores/part-00000.parquet")
    assert_refused(campaign, touched, "was changed since it was written (sha256)", capsys)
    added = campaign.write(rows, "d")
    pq.write_table(table, added / "scores/part-00001.parquet")
    assert_refused(campaign, added, "part-00001.parquet is missing, or is there and not in manifest.json", capsys)
    gone = campaign.write(rows, "e")
    (gone / "scores/part-00000.parquet").unlink()
    assert_refused(campaign, gone, "part-00000.parquet is missing", capsys)
    other = campaign.write(rows, "f")
    change_manifest(other, lambda manifest: manifest.update(command="dedup"))
    assert_refused(campaign, other, "is the output of trapline dedup", capsys)
    silent = campaign.write(rows, "g")
    change_manifest(silent, lambda manifest: manifest["content"]["settings"].pop("bos"))
    assert_refused(campaign, silent, "does not say 'bos'", capsys)


def test_alpha_is_only_a_check(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = campaign.write(campaign.scored())
    assert_refused(campaign, scores, "--alpha 0.05: 0.001 was sealed", capsys, "--alpha", "0.05")
    assert campaign.verify(scores, "--alpha", "0.001") == 0


def test_secrets_that_do_not_hold_get_no_verdict(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = campaign.write(campaign.scored(1.0))
    plan = (campaign.secrets / "plan.json").read_text()
    (campaign.secrets / "plan.json").write_text(plan.replace('"alpha": 0.001', '"alpha": 0.05'))
    assert_refused(campaign, scores, "plan.json", capsys)
    (campaign.secrets / "plan.json").write_text(plan)
    key = (campaign.secrets / "key").read_bytes()
    (campaign.secrets / "key").write_bytes(bytes(32))
    assert_refused(campaign, scores, "is not the key", capsys)
    (campaign.secrets / "key").write_bytes(key)
    for name in ("draw.json", "draw.parquet"):
        (campaign.secrets / name).unlink()
    assert_refused(campaign, scores, "drawn.json: states a draw, and there is no draw.json", capsys)
    (campaign.secrets / "drawn.json").unlink()
    assert_refused(campaign, scores, "nothing was drawn yet", capsys)


def test_scores_of_another_file_than_the_sealed_one_are_refused(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also where the ids are the sealed ones: the texts may be others."""
    right, refused = campaign.write(campaign.scored(), "right"), "what was scored is not the sealed file"
    other = write_scores(campaign.folder / "other", campaign.scored(), sequences=campaign.secrets / "units.parquet")
    assert_refused(campaign, other, refused, capsys)
    assert_refused(campaign, write_scores(campaign.folder / "none", campaign.scored()), refused, capsys)
    assert_refused(campaign, right, f"--baseline-scores {other}: {refused}", capsys, "--baseline-scores", str(other))
    change_manifest(right, lambda one: one["content"]["sequences"].append({"path": "more", "sha256": "0" * 64}))
    assert_refused(campaign, right, refused, capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--exploratory-metric", "zlib"], "not in the scores; choose from loss"),
        (["--baseline-scores", "other"], "was scored with dtype"),
        (["--baseline-scores", "nowhere"], "no finished run"),
    ],
)
def test_what_cannot_be_shown_beside_is_said(
    campaign: Campaign, flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign.write(campaign.scored(), "other", dtype="bfloat16")
    flags = [str(campaign.folder / one) if one in ("other", "nowhere") else one for one in flags]
    assert_refused(campaign, campaign.write(campaign.scored()), message, capsys, *flags)


def test_an_output_that_holds_something_is_left_alone(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = campaign.write(campaign.scored())
    assert campaign.verify(scores) == 0
    before = campaign.verdict()
    assert campaign.verify(scores) == 2
    assert "pass --overwrite" in capsys.readouterr().err
    assert campaign.verify(scores, "--overwrite") == 0
    assert campaign.verdict() == before
    (campaign.folder / "verdict/thesis.tex").write_text("years of work")
    assert campaign.verify(scores, "--overwrite") == 2
    for inside in ("secrets/verdict", "secrets", "."):
        assert campaign.verify(scores, output=inside) == 2
    assert (campaign.folder / "verdict/thesis.tex").read_text() == "years of work"
