"""`trapline verify` as a user runs it, on secrets made by `trapline seal` and `trapline draw`."""

import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from pipelines.running.errors import RunError
from pipelines.scoring.folder import read_scores
from pipelines.verdict.sealed_scores import judged_units, refuse_other_settings, score_matrices
from pipelines.verdict.words import probability
from schemas.public.verdict import FIELDS
from tests.pipelines.verdict.scores_writer import change_manifest, sha256, write_scores
from transforms.planting.ledger.check_secrets import open_secrets

SECRET, STRATUM = "xyzzy", "plugh"
SCRIPT = f"<script>document.title = '{SECRET}'</script>"
BEACON = "c0ffee" * 10
M = 3
UNITS = {100: 30, 10: 20, 1: 10}
Row = dict[str, Any]
Verify = Callable[..., int]


def probe_rows(units: dict[int, int] = UNITS, m: int = M) -> list[Row]:
    doses = [dose for dose, count in units.items() for _ in range(count)]
    return [
        {
            "id": f"{SECRET}-id-{number}-{candidate}",
            "kind": "puzzle" if number % 4 == 3 else "trap",
            "unit": f"{SECRET}-unit-{number}",
            "candidate": candidate,
            "stratum": f"{STRATUM}{number % 2}",
            "dose": dose,
            "text": f"{SCRIPT} {SECRET} text {number} {candidate}",
            "length_tokens": 25 << number % 2,
            "perplexity": 20.0 + number + candidate / 10,
        }
        for number, dose in enumerate(doses)
        for candidate in range(m + 1)
    ]


class Campaign:
    """Secrets of a campaign, drawn, and scores that a test makes up."""

    def __init__(self, folder: Path, *flags: str, rows: list[Row] | None = None, own: bool = False) -> None:
        self.folder, self.rows = folder, rows or probe_rows()
        self.secrets = folder / "secrets"
        folder.mkdir(exist_ok=True)
        pq.write_table(pa.Table.from_pylist(self.rows), folder / "probes.parquet")
        source = [] if own else ["--beacon-name", "drand", "--beacon-round", "99"]
        plan = [] if "--context" in flags else ["--context", "0"]
        command = ["seal", "--probes", str(folder / "probes.parquet"), "--secrets", str(self.secrets)]
        # A key of this folder's name: a draw that is made anew in every run would now and then be a rare one.
        numbers = itertools.count()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "transforms.planting.sealing.key.os.urandom",
                lambda size: hashlib.sha256(f"{folder.name} {next(numbers)}".encode()).digest()[:size],
            )
            assert main([*command, *source, *plan, *flags]) == 0
        self.decides = ["--self"] if own else ["--beacon", BEACON]
        self.draw()

    def draw(self) -> None:
        assert main(["draw", "--secrets", str(self.secrets), *self.decides]) == 0

    def arms(self) -> dict[str, int]:
        table = pq.read_table(self.secrets / "draw.parquet")
        return dict(zip(table["unit"].to_pylist(), table["arm"].to_pylist(), strict=True))

    def scored(self, effect: float = 0.0, seed: int = 0, **more: Any) -> list[Row]:
        """A row a candidate; planted ones score higher by the effect times the logarithm of the dose, plus one."""
        rng, arms = np.random.default_rng(seed), self.arms()
        return [
            {
                "id": row["id"],
                "loss": float(rng.standard_normal())
                + effect * (arms[row["unit"]] == row["candidate"]) * (1 + np.log10(row["dose"])),
                **more,
            }
            for row in self.rows
        ]

    def write(self, rows: Iterable[Row], name: str = "scores", **settings: Any) -> Path:
        sequences = self.secrets / "probes/probes.parquet"
        return write_scores(self.folder / name, list(rows), sequences=sequences, **settings)

    def verify(self, scores: Path, *flags: str, output: str = "verdict") -> int:
        return main(
            ["verify", "--scores", str(scores), "--secrets", str(self.secrets),
             "--output", str(self.folder / output), *flags]
        )  # fmt: skip

    def verdict(self, output: str = "verdict") -> Row:
        found: Row = json.loads((self.folder / output / "verdict.json").read_bytes())
        return found


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    """One campaign for all tests that do not change its secrets."""
    return Campaign(
        tmp_path_factory.mktemp("sealed"), "--redraws", "9999", "--tranches", "3", "--tranche-rule", "whole"
    )


@pytest.fixture
def campaign(sealed: Campaign, tmp_path: Path) -> Campaign:
    """The sealed campaign with a folder of its own."""
    own = object.__new__(Campaign)
    own.folder, own.rows, own.secrets, own.decides = tmp_path, sealed.rows, tmp_path / "secrets", sealed.decides
    shutil.copytree(sealed.secrets, own.secrets)
    return own


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


def assert_refused(
    campaign: Campaign, scores: Path, message: str, capsys: pytest.CaptureFixture[str], *flags: str
) -> None:
    """There is no verdict, one line says why, and nothing secret is in it."""
    capsys.readouterr()
    assert campaign.verify(scores, *flags) == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert re.fullmatch(r"trapline: [^\n]+\n", said.err)
    assert message in said.err
    assert SECRET not in said.err
    assert STRATUM not in said.err
    assert not (campaign.folder / "verdict").exists()


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


def several(campaign: Campaign, effects: dict[str, float]) -> list[Row]:
    return [
        {**row, "checkpoint": name}
        for seed, (name, effect) in enumerate(effects.items())
        for row in campaign.scored(effect, seed)
    ]


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


def test_revealed_units_are_a_caveat(campaign: Campaign) -> None:
    flags = ["reveal", "--secrets", str(campaign.secrets), "--tranche", "0", "--output", str(campaign.folder / "r")]
    assert main(flags) == 0
    assert campaign.verify(campaign.write(campaign.scored())) == 0
    assert campaign.verdict()["units"]["burned"] == 20
    assert any("20 units had been revealed" in one for one in campaign.verdict()["caveats"])


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


def test_a_dry_run_checks_and_writes_nothing(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    assert campaign.verify(campaign.write(campaign.scored()), "--dry-run") == 0
    assert "60 units of 4 candidates would be judged" in capsys.readouterr().out
    assert not (campaign.folder / "verdict").exists()


def test_what_is_shared_shows_no_candidate(campaign: Campaign, capsys: pytest.CaptureFixture[str]) -> None:
    scores = campaign.write(campaign.scored(1.0))
    assert campaign.verify(scores) == 0
    said = capsys.readouterr()
    key = (campaign.secrets / "key").read_bytes()
    shown = [path.read_text() for path in (campaign.folder / "verdict").iterdir()]
    for text in [*shown, said.out, said.err]:
        for secret in (SECRET, STRATUM, key.hex(), str(campaign.secrets)):
            assert secret not in text
    assert len(shown) == 2


def test_what_is_revealed_is_for_its_owner_alone(campaign: Campaign) -> None:
    assert campaign.verify(campaign.write(campaign.scored(1.0)), "--reveal") == 0
    folder = campaign.folder / "verdict"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    report = (folder / "report.html").read_text()
    assert f"{SECRET}-unit-" in report
    assert STRATUM in report
    assert str(campaign.secrets) not in report


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture
def revealed(campaign: Campaign) -> Path:
    twin = campaign.write(campaign.scored(), "twin")
    assert campaign.verify(campaign.write(campaign.scored(1.0)), "--reveal", "--baseline-scores", str(twin)) == 0
    return campaign.folder / "verdict/report.html"


def test_a_text_with_a_script_stays_text_and_nothing_is_loaded(revealed: Path) -> None:
    html = revealed.read_text()
    assert "&lt;script&gt;" in html
    parser = _Tags()
    parser.feed(html)
    assert "script" not in {tag for tag, _ in parser.tags}
    assert len([tag for tag, _ in parser.tags if tag == "svg"]) == 4
    assert len([tag for tag, _ in parser.tags if tag == "details"]) == 60
    for tag, attributes in parser.tags:
        for name, value in attributes.items():
            assert name not in ("src", "srcset", "data", "action", "formaction", "ping")
            assert name != "href" or value == "data:,", tag
            assert not name.startswith("on")
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "https://" not in html
    assert "url(" not in html
    assert "@import" not in html


CHROMIUM = shutil.which("chromium")


def opened(page: Path, place: Path) -> tuple[str, set[str]]:
    """Open a page in a browser: its title afterwards, and all that it (not the browser itself) asked for."""
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip
    log = place / f"{page.stem}.net.json"
    command = [str(CHROMIUM), *flags, f"--user-data-dir={place / 'profile'}", f"--log-net-log={log}", "--dump-dom"]
    found = subprocess.run(
        [*command, page.as_uri()], capture_output=True, text=True, timeout=120, check=True,
        env={**os.environ, "HOME": str(place)},
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", found.stdout)
    events = [one.get("params", {}) for one in json.loads(log.read_text())["events"]]
    asked = {one["url"] for one in events if one.get("network_isolation_key", "").startswith("file:")}
    return title[1] if title else "", asked


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_runs_nothing_and_asks_for_nothing(revealed: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.html"
    bare.write_text(f"<title>bare</title>{SCRIPT}<img src='http://127.0.0.1:9/pixel'>")
    assert opened(bare, tmp_path) == (SECRET, {"http://127.0.0.1:9/pixel"})
    assert opened(revealed, tmp_path) == ("trapline verify", set())


@pytest.mark.parametrize(
    ("value", "words"),
    [(1.0, "1"), (0.74, "0.74"), (0.7391, "0.739"), (0.03125, "0.0312"), (0.001, "0.001"), (1e-6, "0.000001"),
     (7.3e-5, "0.000073"), (1e-300, "less than 0.0000001")],
)  # fmt: skip
def test_a_p_value_is_written_for_people(value: float, words: str) -> None:
    assert probability(value) == words
