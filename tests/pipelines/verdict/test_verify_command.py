"""`trapline verify` as a user runs it, on secrets made by `trapline seal` and `trapline draw`."""

import json
from pathlib import Path

import pytest

from pipelines.cli import main
from pipelines.scoring.folder import read_scores
from pipelines.verdict.sealed_scores import judged_units, score_matrices
from schemas.public.verdict import FIELDS
from tests.pipelines.verdict.campaign import UNITS, Campaign, M, probe_rows
from transforms.planting.ledger.check_secrets import open_secrets


def test_a_model_that_saw_the_draw_is_told_from_one_that_did_not(
    campaign: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    trapped, twin = campaign.write(campaign.scored(1.0), "trapped"), campaign.write(campaign.scored(), "twin")
    assert campaign.verify(trapped, "--baseline-scores", str(twin)) == 0
    said = capsys.readouterr().out
    found = campaign.verdict()
    assert (found["p_value"], found["reject"], found["alpha"]) == (0.0001, True, 0.001)
    assert said.startswith("The model saw what was planted: p = 0.0001 at a dose of 100.\n")
    assert found["minimum_detected_dose"] in UNITS
    assert found["exploratory"]["baselines"][0]["p_value"] > 0.001
    assert found["units"] == {
        "sealed": 60, "judged": 60, "used": 60, "dropped": 0, "outside_sequence": 0, "burned": 0,
    }  # fmt: skip
    assert found["self_attested"] is False
    assert campaign.verify(twin, output="second") == 0
    second = campaign.verdict("second")
    assert second["reject"] is False
    assert second["p_value"] > 0.001
    assert capsys.readouterr().out.startswith("It was not shown that the model saw what was planted")


def test_only_the_sealed_analysis_rejects(campaign: Campaign) -> None:
    rows = [{**row, "other": row["loss"] * 2} for row in campaign.scored(1.0)]
    scores = campaign.write(rows, metrics={"loss": 1, "other": 7})
    twin = campaign.write(campaign.scored(), "twin")
    assert campaign.verify(scores, "--exploratory-metric", "other", "--baseline-scores", str(twin)) == 0
    found = campaign.verdict()
    assert '"reject"' not in json.dumps(found["exploratory"])
    assert {one["metric"]: one["version"] for one in found["exploratory"]["metrics"]} == {"loss": 1, "other": 7}
    assert found["exploratory"]["metrics"][1]["p_value"] == found["exploratory"]["metrics"][0]["p_value"]
    assert set(found) == {*FIELDS, "schema", "version"}


def test_the_verdict_is_the_same_whatever_the_threads(campaign: Campaign) -> None:
    scores = campaign.write(campaign.scored(0.2))
    for threads in ("1", "2"):
        assert campaign.verify(scores, "--threads", threads, output=threads) == 0
    for name in ("verdict.json", "report.html"):
        assert (campaign.folder / "1" / name).read_bytes() == (campaign.folder / "2" / name).read_bytes()


def test_the_order_of_the_scores_does_not_matter(campaign: Campaign) -> None:
    rows = campaign.scored(0.2)
    one, other = campaign.write(rows, "a"), campaign.write(rows[::-1], "b")
    for scores, output in ((one, "first"), (other, "second")):
        assert campaign.verify(scores, output=output) == 0
    first, second = campaign.verdict("first"), campaign.verdict("second")
    assert first.pop("hashes")["scores_manifest"] != second.pop("hashes")["scores_manifest"]
    assert first == second


def test_another_draw_leaves_the_table_of_scores_as_it_is(tmp_path: Path) -> None:
    """Sealed again under another key, the same scores give the same table; only the arms differ."""
    one, other = (Campaign(tmp_path / name, "--redraws", "999") for name in ("one", "other"))
    assert one.arms() != other.arms()
    rows = one.scored()
    rows[5]["loss"] = None
    tables = []
    for campaign in (one, other):
        scores, secrets = read_scores(str(campaign.write(rows))), open_secrets(campaign.secrets)
        judged = judged_units(secrets, None)
        matrix = score_matrices(scores, secrets, judged, ["loss"])["loss", "model"]
        tables.append({unit.id: values.tolist() for unit, values in zip(judged.units, matrix, strict=True)})
        assert campaign.verify(campaign.folder / "scores") == 0
    assert repr(tables[0]) == repr({unit: tables[1][unit] for unit in tables[0]})
    assert one.verdict()["units"] == other.verdict()["units"]


def test_a_missing_score_drops_its_unit_whichever_candidate_it_is_of(campaign: Campaign) -> None:
    arms, rows = campaign.arms(), campaign.scored(1.0)
    by_id = {row["id"]: row for row in rows}
    planted = next(row for row in campaign.rows if arms[row["unit"]] == row["candidate"] and row["dose"] == 100)
    held_out = next(
        row for row in campaign.rows
        if arms[row["unit"]] != row["candidate"] and row["dose"] == 100 and row["unit"] != planted["unit"]
    )  # fmt: skip
    for at, value in enumerate((None, float("nan"), float("inf"), float("-inf"))):
        for broken in (planted, held_out):
            changed = [{**row, "loss": value} if row is by_id[broken["id"]] else row for row in rows]
            output = f"{at}{broken['id']}"
            scores = campaign.write(changed, f"scores{output}")
            assert campaign.verify(scores, output=output) == 0
            found = campaign.verdict(output)
            assert found["units"]["dropped"] == 1
            assert found["doses"][0]["units"] == 29
            assert any("dropped for a missing or non-finite score" in one for one in found["caveats"])


def test_a_draw_that_the_holder_made_alone_is_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "999", own=True)
    assert campaign.verify(campaign.write(campaign.scored(1.0))) == 0
    words = "self-attested: exact only if the holder did not choose the key"
    assert campaign.verdict()["self_attested"] is True
    assert words in campaign.verdict()["caveats"]
    assert words in capsys.readouterr().out
    assert words[1:] in (campaign.folder / "verdict/report.html").read_text()


@pytest.mark.parametrize("value", [None, 1.5])
@pytest.mark.parametrize("rule", ["single", "maximum", "series"])
def test_scores_that_tell_nothing_reject_nothing(
    tmp_path: Path, rule: str, value: float | None, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = Campaign(tmp_path / "c", "--redraws", "999", "--checkpoints", rule)
    names = ["only"] if rule == "single" else ["first", "second"]
    rows = [
        {"id": row["id"], "loss": value, "other": value, "checkpoint": name} for row in campaign.rows for name in names
    ]
    scores = campaign.write(rows, checkpoints=names, metrics={"loss": 1, "other": 1})
    flags = ["--exploratory-metric", "other", "--baseline-scores", str(scores)]
    assert campaign.verify(scores, *flags) == 0
    found = campaign.verdict()
    assert (found["p_value"], found["reject"], found["minimum_detected_dose"]) == (1.0, False, None)
    assert found["units"]["dropped"] == (60 if value is None else 0)
    assert "Nothing could be rejected" in capsys.readouterr().out


def test_too_few_units_cannot_reject(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    campaign = Campaign(tmp_path / "c", rows=probe_rows({10: 4}))
    assert campaign.verify(campaign.write(campaign.scored(9.0))) == 0
    found = campaign.verdict()
    assert found["reject"] is False
    assert found["p_value"] == found["doses"][0]["smallest_p"] == (M + 1) ** -4
    assert found["doses"][0]["cannot_reject"] is True
    assert "Nothing could be rejected" in capsys.readouterr().out


def test_revealed_units_are_a_caveat(campaign: Campaign) -> None:
    flags = ["reveal", "--secrets", str(campaign.secrets), "--tranche", "0", "--output", str(campaign.folder / "r")]
    assert main(flags) == 0
    assert campaign.verify(campaign.write(campaign.scored())) == 0
    assert campaign.verdict()["units"]["burned"] == 20
    assert any("20 units had been revealed" in one for one in campaign.verdict()["caveats"])


def test_a_dry_run_checks_and_writes_nothing(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.verify(campaign.write(campaign.scored()), "--dry-run") == 0
    assert "60 units of 4 candidates would be judged" in capsys.readouterr().out
    assert not (campaign.folder / "verdict").exists()
