"""Which checkpoints, doses, tranches and metrics a verdict is of."""

from pathlib import Path

import pytest

from tests.pipelines.verdict.campaign import Campaign, assert_refused, several
from transforms.planting.ledger.check_secrets import open_secrets


def test_a_whole_tranche_can_be_judged_and_nothing_more_or_less(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets = open_secrets(campaign.secrets)
    inside = {one.id for at in secrets.plan.tranche(1) for one in secrets.units[at].candidates}
    rows = campaign.scored(2.0)
    part = campaign.write([row for row in rows if row["id"] in inside], "part")
    whole = campaign.write(rows, "whole")
    assert_refused(campaign, part, "160 of 240 sealed candidates have no scores", capsys)
    assert_refused(campaign, part, "tranches are 0 to 2", capsys, "--tranche", "3")
    less = campaign.write([row for row in rows if row["id"] in inside][1:], "less")
    assert_refused(campaign, less, "1 of 80 sealed candidates have no scores", capsys, "--tranche", "1")
    for scores, output in ((part, "part-verdict"), (whole, "whole-verdict")):
        assert campaign.verify(scores, "--tranche", "1", output=output) == 0
    found, again = campaign.verdict("part-verdict"), campaign.verdict("whole-verdict")
    assert found["doses"] == again["doses"]
    assert found["scope"] == {"kind": "tranche", "tranche": 1}
    assert found["units"]["judged"] == 20
    assert any("judged by tranche 1 of 3 alone" in one for one in found["caveats"])


def test_doses_outside_the_sequence_are_exploratory_and_need_no_scores(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "999", "--sequence", "100", "1")
    rows = campaign.scored(1.0)
    outside = {row["id"] for row in campaign.rows if row["dose"] == 10}
    assert campaign.verify(campaign.write(rows, "a"), output="all") == 0
    assert campaign.verify(campaign.write([row for row in rows if row["id"] not in outside], "b"), output="some") == 0
    every, some = campaign.verdict("all"), campaign.verdict("some")
    assert [one["dose"] for one in every["doses"]] == [100, 1]
    assert every["doses"] == some["doses"]
    assert every["units"]["outside_sequence"] == 20
    by_dose = {one["dose"]: one for one in every["exploratory"]["by_dose"]}
    assert (by_dose[10]["in_sequence"], by_dose[100]["in_sequence"]) == (False, True)
    assert 10 not in {one["dose"] for one in some["exploratory"]["by_dose"]}


def test_a_dose_that_was_not_tested_has_no_p_in_the_verdict(campaign: Campaign) -> None:
    assert campaign.verify(campaign.write(campaign.scored())) == 0
    found = campaign.verdict()
    assert [one["tested"] for one in found["doses"]] == [True, False, False]
    assert [one["p_value"] is None for one in found["doses"]] == [False, True, True]
    assert not any(one["reject"] for one in found["doses"])


def test_of_a_fixed_list_of_checkpoints_the_maximum_is_judged(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "9999", "--checkpoints", "maximum")
    names = {"step-1": 0.0, "step-2": 1.0}
    assert campaign.verify(campaign.write(several(campaign, names), checkpoints=list(names))) == 0
    found = campaign.verdict()
    assert found["reject"] is True
    assert [one["checkpoint"] for one in found["exploratory"]["checkpoints"]] == ["step-1", "step-2"]
    assert found["checkpoints"]["rule"] == "maximum"


def test_a_growing_series_is_judged_by_its_mixture(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", "--checkpoints", "series")
    names = {"step-1": 0.0, "step-2": 1.0, "step-3": 2.0}
    assert campaign.verify(campaign.write(several(campaign, names), checkpoints=list(names))) == 0
    found = campaign.verdict()
    assert found["reject"] is True
    assert found["doses"][0]["draws"] == 0
    first = campaign.write(several(campaign, {"step-1": 0.0}), "first", checkpoints=["step-1"])
    assert campaign.verify(first, output="early") == 0
    assert campaign.verdict("early")["reject"] is False


def test_a_single_checkpoint_is_not_chosen_from_several(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    rows = several(campaign, {"a": 0.0, "b": 0.0})
    assert_refused(
        campaign, campaign.write(rows, checkpoints=["a", "b"]), "holds 2 checkpoints, and the plan judges", capsys
    )


def test_a_metric_of_which_low_means_memorised_is_turned_round(tmp_path: Path) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "9999", "--sign", "-1")
    rows = [{**row, "loss": -row["loss"]} for row in campaign.scored(1.0)]
    assert campaign.verify(campaign.write(rows)) == 0
    assert campaign.verdict()["reject"] is True
    assert campaign.verdict()["exploratory"]["auc"]["value"] > 0.6


def test_one_auc_has_one_interval_wherever_it_stands(campaign: Campaign) -> None:
    assert campaign.verify(campaign.write(campaign.scored(1.0))) == 0
    found = campaign.verdict()["exploratory"]
    assert len(found["by_dose"]) > 1
    by_units = {}
    for cell in [found["auc"], *(row["auc"] for row in found["by_dose"])]:
        assert by_units.setdefault((cell["units"], cell["value"]), cell) == cell
    # One dose, in the table by dose and in one by dose and stratum, is of the same units.
    single = Campaign(campaign.folder / "single", "--redraws", "9999", "--sequence", "10")
    assert single.verify(single.write(single.scored(1.0))) == 0
    shown = single.verdict()["exploratory"]
    (row,) = [row for row in shown["by_dose"] if row["in_sequence"]]
    assert row["auc"] == shown["auc"]
