"""What could be chosen after the draw is bound by the plan, or there is no confirmatory verdict."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli import main
from pipelines.sealing.plan_settings import PlanSettings
from schemas.plan import CHECKPOINT_RULES, Plan
from tests.pipelines.verdict.campaign import Campaign, assert_refused, probe_rows, several
from tests.pipelines.verdict.scores_writer import change_manifest
from transforms.planting.ledger.check_secrets import open_secrets
from transforms.planting.tables.unit import Unit

FEW = {10: 12}


def campaign_of(folder: Path, *flags: str) -> Campaign:
    return Campaign(folder, "--redraws", "1999", *flags, rows=probe_rows(FEW))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    return campaign_of(tmp_path_factory.mktemp("bound"))


def test_a_plan_that_says_nothing_else_names_the_last_checkpoint_of_the_first_run(plain: Campaign) -> None:
    assert plain.verify(plain.write(plain.scored(3.0), "a"), output="va") == 0
    found = plain.verdict("va")
    assert (found["confirmatory"], found["not_bound"], found["reject"]) == (True, [], True)
    assert found["checkpoints"]["note"] == CHECKPOINT_RULES["single"]
    assert any(CHECKPOINT_RULES["single"] in one for one in found["caveats"])


def test_another_tokenizer_than_the_checkpoints_own_is_refused(
    plain: Campaign, capsys: pytest.CaptureFixture[str]
) -> None:
    given = plain.write(plain.scored(), "given", tokenizer="given")
    assert_refused(plain, given, 'tokenizer is "given", and "checkpoint" was sealed', capsys)


def test_scores_that_do_not_say_whose_tokenizer_it_was_reject_nothing(plain: Campaign) -> None:
    scores = plain.write(plain.scored(3.0), "unsaid")
    change_manifest(scores, lambda manifest: manifest["content"]["settings"].pop("tokenizer"))
    assert plain.verify(scores, output="unsaid-verdict") == 0
    found = plain.verdict("unsaid-verdict")
    assert (found["confirmatory"], found["reject"], found["minimum_detected_dose"]) == (False, None, None)
    assert [one["reject"] for one in found["doses"]] == [None]
    assert found["p_value"] < 0.001
    assert found["statement"].startswith("No confirmatory verdict, since the scores do not say whether the tokenizer")
    assert "no verdict" in (plain.folder / "unsaid-verdict/report.html").read_text()


def test_every_checkpoints_tokenizer_is_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tokenizer.json").write_bytes(b"{}")
    campaign = campaign_of(tmp_path / "c", "--checkpoints", "maximum", "--tokenizer", str(tmp_path / "tokenizer.json"))
    sealed = open_secrets(campaign.secrets).plan.tokenizer.removeprefix("sha256:")
    names = ["a", "b"]
    scores = campaign.write(several(campaign, dict.fromkeys(names, 0.0)), checkpoints=names, tokenizer_sha256=sealed)

    def other(manifest: dict[str, Any]) -> None:
        for one, sha256 in zip(manifest["content"]["checkpoints"], (sealed, "1" * 64), strict=True):
            one["tokenizer_sha256"] = sha256

    change_manifest(scores, other)
    assert_refused(campaign, scores, f'tokenizer is "sha256:{"1" * 64}"', capsys)


@pytest.mark.parametrize("column", ["text_column", "id_column"])
def test_another_column_of_the_sealed_file_is_refused(
    plain: Campaign, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    scores = plain.write(plain.scored(), column)
    change_manifest(scores, lambda manifest: manifest["content"].update(config={column: "question"}))
    assert_refused(plain, scores, "columns of ids and texts is", capsys)


SAMPLED = {"prompt": "first_half", "max_tokens": 100, "samples": 50, "temperature": 0.8, "top_k": 0, "seed": 0}


@pytest.mark.parametrize("changed", ["temperature", "seed", "samples", "top_k"])
def test_settings_of_what_is_generated_are_sealed(
    tmp_path: Path, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = campaign_of(tmp_path / "c", "--metric", "ted")
    sealed = open_secrets(campaign.secrets).plan.generation
    assert {key: value for key, value in sealed["sampled"].items() if key in SAMPLED} == {
        **SAMPLED, "max_tokens": sealed["sampled"]["max_tokens"],
    }  # fmt: skip
    rows = [{"id": row["id"], "ted": row["loss"]} for row in campaign.scored(3.0)]
    own = campaign.write(rows, "own", metrics={"ted": 1}, generation=sealed)
    assert campaign.verify(own, output="own-verdict") == 0
    assert campaign.verdict("own-verdict")["reject"] is True
    other = {"sampled": {**sealed["sampled"], changed: 7}}
    scores = campaign.write(rows, "other", metrics={"ted": 1}, generation=other)
    assert_refused(campaign, scores, "what the metric generates (sampled) is", capsys)
    assert_refused(campaign, campaign.write(rows, "unsaid", metrics={"ted": 1}), "(sampled) is null", capsys)


def test_the_settings_that_seal_takes_are_those_of_score(tmp_path: Path) -> None:
    flags = ["--temperature", "0.5", "--top-k", "7", "--seed", "9", "--samples", "3"]
    plan = open_secrets(campaign_of(tmp_path / "c", "--metric", "ted", *flags).secrets).plan
    found = plan.generation["sampled"]
    assert (found["temperature"], found["top_k"], found["seed"], found["samples"]) == (0.5, 7, 9, 3)
    scheme = open_secrets(campaign_of(tmp_path / "d", "--metric", "extraction_probability").secrets).plan.generation
    assert scheme == {"scheme_log_probs": {"temperature": 1.0, "top_k": 40}}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metric", "losss"], "--metric losss: is unknown; there are loss, min_k"),
        (["--metric", "exposure"], "--metric exposure: is computed from finished scores"),
        (["--metric-version", "2"], "--metric-version 2: this trapline computes version 1 of loss"),
        (["--metric", "ratio_nll"], "--metric ratio_nll: compares with a reference checkpoint"),
        (["--metric", "difference_total_nll_per_byte"], "compares with a reference checkpoint"),
        (["--seed", "3"], "--seed: the metric loss generates nothing"),
        (["--temperature", "0"], "--temperature 0.0: give a number above 0"),
        (["--top-k", "-1"], "--top-k -1"),
        (["--samples", "0"], "--samples 0"),
        (["--checkpoint-names", "a", "b"], "checkpoint-names: a single checkpoint is judged"),
        (["--checkpoint-names", "a", "a", "--checkpoints", "maximum"], "checkpoint-names: names that differ"),
        (["--tranche-rule", "some"], "tranche-rule"),
        (["--scorer-key", "nowhere"], "--scorer-key nowhere: cannot be read"),
        (["--tranches", "3", "--alpha", "0.001", "--redraws", "1999"], "redraws: too few for a p below alpha / K"),
    ],
)
def test_a_plan_that_leaves_something_open_is_not_sealed(
    tmp_path: Path, flags: Sequence[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(probe_rows(FEW)), tmp_path / "probes.parquet")
    command = ["seal", "--probes", str(tmp_path / "probes.parquet"), "--secrets", str(tmp_path / "secrets")]
    assert main([*command, *flags]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "secrets").exists()


def test_the_reference_checkpoint_is_sealed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference/weights").write_bytes(b"w")
    campaign = campaign_of(tmp_path / "c", "--metric", "ratio_nll", "--reference", str(tmp_path / "reference"))
    rows = [{"id": row["id"], "ratio_nll": row["loss"]} for row in campaign.scored()]
    references = open_secrets(campaign.secrets).plan.references
    for name, given, code in (("right", references, 0), ("other", ["2" * 64], 1)):
        scores = campaign.write(rows, name, metrics={"ratio_nll": 1}, references=given)
        assert campaign.verify(scores, output=f"{name}-verdict") == code
    assert "reference checkpoints is" in capsys.readouterr().err


def test_named_checkpoints_are_judged_and_no_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fixed = campaign_of(tmp_path / "fixed", "--checkpoints", "maximum", "--checkpoint-names", "a", "b")
    series = campaign_of(tmp_path / "series", "--checkpoints", "series", "--checkpoint-names", "a", "b")
    for campaign in (fixed, series):
        for names, wanted in ((["a", "b"], 0), (["a"], int(campaign is fixed)), (["b", "a"], 1), (["b"], 1)):
            place = "".join(names)
            scores = campaign.write(several(campaign, dict.fromkeys(names, 0.0)), place, checkpoints=names)
            assert campaign.verify(scores, output=f"verdict-{place}") == wanted
    assert 'checkpoints are ["b"], and ["a", "b"] were sealed' in capsys.readouterr().err


def test_each_tranche_has_its_share_of_alpha_and_the_whole_has_none(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path / "c", "--tranches", "2", "--alpha", "0.05")
    scores = campaign.write(campaign.scored(3.0))
    for tranche in ("0", "1"):
        assert campaign.verify(scores, "--tranche", tranche, output=tranche) == 0
        found = campaign.verdict(tranche)
        assert (found["alpha"], found["alpha_sealed"], found["confirmatory"]) == (0.025, 0.05, True)
        assert found["reject"] == (found["p_value"] <= 0.025)
        assert any("at its share 0.025 of the alpha of 0.05" in one for one in found["caveats"])
    assert campaign.verify(scores, output="whole") == 0
    assert (campaign.verdict("whole")["confirmatory"], campaign.verdict("whole")["reject"]) == (False, None)
    assert "judged one by one" in campaign.verdict("whole")["not_bound"][0]


def test_tranches_that_are_judged_together_have_no_verdict_alone(tmp_path: Path) -> None:
    campaign = campaign_of(tmp_path / "c", "--tranches", "2", "--tranche-rule", "whole")
    scores = campaign.write(campaign.scored(3.0))
    assert campaign.verify(scores, output="whole") == 0
    assert (campaign.verdict("whole")["alpha"], campaign.verdict("whole")["reject"]) == (0.001, True)
    assert campaign.verify(scores, "--tranche", "1", output="one") == 0
    assert campaign.verdict("one")["reject"] is None


def test_over_all_verdicts_that_a_plan_allows_the_levels_add_up_to_alpha() -> None:
    sizes = (3, 2, 2)
    for rule in ("each", "whole"):
        plan = Plan(
            controls=9, weights={"s": 1.0}, sequence=(1,), tranche_sizes=sizes, tranche_rule=rule, alpha=0.03  # type: ignore[arg-type]
        )  # fmt: skip
        levels = [plan.alpha_of(tranche) for tranche in (None, 0, 1, 2)]
        assert sum(one for one in levels if one is not None) == pytest.approx(0.03)


class TestSealsOfVersion1:
    """They are read; their verdict says what their plan leaves open, and rejects nothing where it leaves anything."""

    def sealed(self, folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str, **changes: Any) -> Campaign:
        made = PlanSettings.plan

        def version_1(settings: PlanSettings, units: Sequence[Unit], _: object = None) -> Plan:
            return dataclasses.replace(made(settings, units), version=1, **changes)

        monkeypatch.setattr(PlanSettings, "plan", version_1)
        return campaign_of(folder, *flags)

    def test_what_they_leave_open_is_said(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        campaign = self.sealed(
            tmp_path / "c", monkeypatch, "--tranches", "2", checkpoint_note="", metric="ted", generation={}
        )
        plan = json.loads((campaign.secrets / "plan.json").read_bytes())
        assert plan["version"] == 1
        assert not {"generation", "tranche_rule", "checkpoint_names", "scorer"} & set(plan)
        rows = [{"id": row["id"], "ted": row["loss"]} for row in campaign.scored(3.0)]
        assert campaign.verify(campaign.write(rows, metrics={"ted": 1})) == 0
        found = campaign.verdict()
        assert (found["confirmatory"], found["reject"], found["plan_version"]) == (False, None, 1)
        said = " ".join(found["not_bound"])
        for part in ("which settings the metric generates", "which checkpoint", "2 tranches share alpha"):
            assert part in said
        assert all(f"not confirmatory: {one}" in found["caveats"] for one in found["not_bound"])

    def test_one_that_leaves_nothing_open_is_judged(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        campaign = self.sealed(tmp_path / "c", monkeypatch, checkpoint_note="step 1000 of the first run")
        assert campaign.verify(campaign.write(campaign.scored(3.0))) == 0
        assert (campaign.verdict()["confirmatory"], campaign.verdict()["reject"]) == (True, True)
        assert main(["check", "--secrets", str(campaign.secrets)]) == 0

    def test_one_that_names_no_reference_checkpoint_rejects_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        campaign = self.sealed(tmp_path / "c", monkeypatch, metric="ratio_nll", checkpoint_note="the last")
        rows = [{"id": row["id"], "ratio_nll": row["loss"]} for row in campaign.scored(3.0)]
        assert campaign.verify(campaign.write(rows, metrics={"ratio_nll": 1}, references=["3" * 64])) == 0
        assert campaign.verdict()["reject"] is None
        assert "reference checkpoint" in campaign.verdict()["not_bound"][0]
