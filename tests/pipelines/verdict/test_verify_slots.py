"""Candidates are scored at the slots that were sealed and written when planting."""

from pathlib import Path

import numpy as np
import pytest

from pipelines.running.errors import RunError
from pipelines.scoring.folder import read_scores
from pipelines.verdict.sealed_scores import judged_units, refuse_other_settings, score_matrices
from tests.pipelines.verdict.campaign import Campaign, assert_refused, probe_rows
from transforms.planting.ledger.check_secrets import open_secrets


def test_planted_and_held_out_are_scored_at_the_same_slots(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    arms = campaign.arms()
    planted = {row["id"] for row in campaign.rows if arms[row["unit"]] == row["candidate"]}
    rows = [{**row, "slots": int(row["id"] in planted)} for row in campaign.scored()]
    assert_refused(
        campaign, campaign.write(rows), "60 units whose candidates were not all scored at as many slots", capsys
    )


def test_in_context_each_unit_is_scored_at_as_many_slots_as_were_sealed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "planted_as": "document" if row["kind"] == "puzzle" else None} for row in probe_rows()]
    campaign = Campaign(tmp_path / "c", "--redraws", "999", "--context", "64", rows=rows)
    slots = {row["id"]: 0 if row["kind"] == "puzzle" else min(4, row["dose"]) for row in rows}
    scored = campaign.scored()
    good = [{**row, "slots": slots[row["id"]]} for row in scored]
    few = campaign.write([{**row, "slots": min(1, slots[row["id"]])} for row in scored], "few", context=64, slots=1)
    assert_refused(campaign, few, "the secrets hold no record of a planting", capsys)
    secrets = open_secrets(campaign.secrets)
    judged = judged_units(secrets, None)
    with pytest.raises(RunError, match="at 1 in place of 4"):
        score_matrices(read_scores(str(few)), secrets, judged, ["loss"])
    assert_refused(campaign, campaign.write(scored, "alone"), "context is 0, and 64 was sealed", capsys)
    read = read_scores(str(campaign.write(good, "good", context=64, slots=4, slots_sha256="5" * 64)))
    refuse_other_settings(read, secrets.plan, judged, "5" * 64)
    assert np.isfinite(score_matrices(read, secrets, judged, ["loss"])["loss", "model"]).all()


def test_the_slots_are_those_that_were_written_when_planting(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "999", "--context", "64")
    rows = [{**row, "slots": 1} for row in campaign.scored()]
    scores = read_scores(str(campaign.write(rows, context=64, slots=4, slots_sha256="5" * 64)))
    secrets = open_secrets(campaign.secrets)
    judged = judged_units(secrets, None)
    refuse_other_settings(scores, secrets.plan, judged, "5" * 64)
    with pytest.raises(RunError, match="sha256 of the slots is"):
        refuse_other_settings(scores, secrets.plan, judged, "6" * 64)
    with pytest.raises(RunError, match="no record of a planting"):
        refuse_other_settings(scores, secrets.plan, judged, "")


def test_without_context_no_candidate_is_scored_at_a_slot(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{**row, "slots": 1} for row in campaign.scored()]
    assert_refused(campaign, campaign.write(rows), "in place of 0", capsys)


def test_documents_of_their_own_need_no_context(tmp_path: Path) -> None:
    rows = [{**row, "planted_as": "document"} for row in probe_rows()]
    campaign = Campaign(tmp_path / "c", "--redraws", "999", "--context", "64", rows=rows)
    assert campaign.verify(campaign.write(campaign.scored())) == 0
