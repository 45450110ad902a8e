"""`trapline dynamics` on scores of a run whose course is known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.cli import main
from schemas.secret.dynamics import FIELDS
from tests.pipelines.verdict.scores_writer import write_scores

UNITS, M, EVENT = 120, 4, 100
STEPS = [0, 100, 101, 104, 110, 120, 150, 200, 300, 500, 900, 1700]
RATE = 0.004
Row = dict[str, Any]


def run(*arguments: object) -> int:
    return main([str(one) for one in arguments])


def gain(step: int, event: int = EVENT) -> float:
    """Nothing before the event, then a rise within ten steps and an exponential fall."""
    after = step - event
    if after <= 0:
        return 0.0
    return 3.0 * after / 10 if after < 10 else 3.0 * float(np.exp(-RATE * (after - 10)))


class Run:
    """Secrets of a campaign, drawn, and scores over the checkpoints of a run that a test makes up."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.secrets = folder, folder / "secrets"
        self.rows = [
            {
                "id": f"id-{unit}-{candidate}",
                "kind": "fact",
                "unit": f"unit-{unit}",
                "candidate": candidate,
                "stratum": ["early", "late"][unit % 2],
                "dose": 1,
                "text": f"text {unit} {candidate}",
                "planted_as": "document",
            }
            for unit in range(UNITS)
            for candidate in range(M + 1)
        ]
        pq.write_table(pa.Table.from_pylist(self.rows), folder / "probes.parquet")
        plan = ("--nonce-from", "them", "--redraws", 999)
        assert run("seal", "--probes", folder / "probes.parquet", "--secrets", self.secrets, *plan) == 0
        assert run("draw", "--secrets", self.secrets, "--nonce", "c0ffee" * 8) == 0
        table = pq.read_table(self.secrets / "draw.parquet")
        self.arms = dict(zip(table["unit"].to_pylist(), table["arm"].to_pylist(), strict=True))

    def scores(self, name: str, events: dict[str, int], noise: float = 0.1, **settings: Any) -> Path:
        """A common rise at the event, which all candidates share, and the gain of the planted one."""
        rng = np.random.default_rng(1)
        rows = [
            {
                "id": row["id"],
                "checkpoint": f"step-{step}",
                "loss": -5.0
                + 0.5 * (step > EVENT)
                + gain(step, events[row["stratum"]]) * (self.arms[row["unit"]] == row["candidate"])
                + noise * float(rng.standard_normal()),
            }
            for step in STEPS
            for row in self.rows
        ]
        names = [f"step-{step}" for step in STEPS]
        sequences = self.secrets / "probes/probes.parquet"
        return write_scores(self.folder / name, rows, sequences=sequences, checkpoints=names, **settings)

    def events(self, name: str, events: dict[str, int], phases: bool = False) -> Path:
        rows = [
            {
                "unit": row["unit"],
                "candidate": row["id"],
                "step": events[row["stratum"]],
                "phase": row["stratum"] if phases else "",
            }
            for row in self.rows
            if self.arms[row["unit"]] == row["candidate"]
        ]
        pq.write_table(pa.Table.from_pylist(rows), self.folder / name)
        return self.folder / name

    def dynamics(self, scores: Path, output: Path, *flags: object) -> int:
        return run("dynamics", "--scores", scores, "--secrets", self.secrets, "--output", output, *flags)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("dynamics"))


@pytest.fixture(scope="module")
def together(training: Run) -> Path:
    return training.scores("together", {"early": EVENT, "late": EVENT})


def read(folder: Path) -> Row:
    found: Row = json.loads((folder / "dynamics.json").read_text())
    return found


def test_what_is_learnt_and_forgotten_is_read_off(training: Run, together: Path, tmp_path: Path) -> None:
    assert training.dynamics(together, tmp_path / "out", "--event", EVENT) == 0
    found = read(tmp_path / "out")
    assert set(found) == {*FIELDS, "schema", "version"}
    assert [group["group"] for group in found["asked"][0]["groups"]] == ["early", "late"]
    for group in found["asked"][0]["groups"]:
        assert group["units"] == UNITS / 2
        curves = group["curves"]
        wanted = [gain(step) for step in STEPS]
        np.testing.assert_allclose(curves["difference"]["mean"], wanted, atol=0.08)
        assert curves["auc"]["mean"][0] == pytest.approx(0.5, abs=0.2)
        assert curves["auc"]["mean"][4] == 1.0
        assert curves["exposure"]["mean"][4] == pytest.approx(np.log2(M + 1))
        (exposure,) = group["effectivity"]
        assert exposure["gain"] == pytest.approx(3.0, abs=0.08)
        assert 2.8 < exposure["low"] < exposure["gain"] < exposure["high"] < 3.2
        assert exposure["steps_to_maximum"] == [10, 10]
        kept = group["retainability"]
        assert kept["times"] == [10, 40, 90, 190, 390, 790, 1590]
        np.testing.assert_allclose(kept["shares"], np.exp(-RATE * np.array(kept["times"])), atol=0.04)
        assert kept["first_below_half"] == 190
        laws = {one["law"]: one for one in group["laws"]["fits"]}
        assert laws["exponential"]["best_in_resamples"] > 0.9
        assert laws["exponential"]["rate"] == pytest.approx(RATE, rel=0.1)
        # What held-outs gain by the published form is the rise that all share, and the highest of noise.
        assert group["published_forms"]["effectivity_held_out"] > 0.5
        assert group["retention"]["later"][-1] < group["retention"]["first"]
    page = (tmp_path / "out/report.html").read_text()
    for said in ("Effectivity", "Retainability", "Laws of forgetting", "published", "Retention of recognition"):
        assert said in page
    assert not [row["text"] for row in training.rows if row["text"] in page]
    assert (tmp_path / "out").stat().st_mode & 0o077 == 0
    assert training.dynamics(together, tmp_path / "out", "--event", EVENT) == 2
    assert training.dynamics(together, tmp_path / "out", "--event", EVENT, "--overwrite") == 0
    assert read(tmp_path / "out") == found


def test_where_nothing_was_learnt_no_share_is_kept(training: Run, tmp_path: Path) -> None:
    # Without noise, which would differ from 0 in one run of twenty.
    never = training.scores("never", {"early": 10**6, "late": 10**6}, noise=0.0)
    assert training.dynamics(never, tmp_path / "out", "--event", EVENT) == 0
    for group in read(tmp_path / "out")["asked"][0]["groups"]:
        assert group["retainability"] is None
        assert "nothing was gained that differs from 0" in group["retainability_missing"]
        assert group["effectivity"][0]["low"] < 0.05


def test_tasks_learnt_one_after_the_other_have_a_matrix(training: Run, tmp_path: Path) -> None:
    times = {"early": 100, "late": 300}
    scores, events = training.scores("phases", times), training.events("events.parquet", times, phases=True)
    assert training.dynamics(scores, tmp_path / "out", "--events", events) == 0
    (matrix,) = read(tmp_path / "out")["matrix"]
    assert (matrix["tasks"], matrix["stages"], matrix["fresh"]) == (
        ["early", "late"],
        ["step-300", "step-1700"],
        "step-100",
    )
    found = matrix["values"]["difference"]
    np.testing.assert_allclose(found["matrix"], [[gain(300), 0], [gain(1700), gain(1700, 300)]], atol=0.08)
    assert found["backward_transfer"]["value"] == pytest.approx(gain(1700) - gain(300), abs=0.08)
    assert found["forgetting"]["value"] == pytest.approx(gain(300) - gain(1700), abs=0.08)
    transfer = found["forward_transfer"]
    assert -0.2 < transfer["low"] < transfer["value"] < transfer["high"] < 0.2
    assert matrix["values"]["auc"]["matrix"][0][0] == 1.0
    assert "Transfer between tasks" in (tmp_path / "out/report.html").read_text()
    given = ("--tasks", "early", "late", "--stages", 300, 1700)
    assert training.dynamics(scores, tmp_path / "given", *given) == 0
    assert read(tmp_path / "given")["matrix"][0]["values"]["difference"]["matrix"] == found["matrix"]


def test_models_trained_on_subsets_have_counterfactual_memorisation(
    training: Run, together: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(2)
    included = [
        {"checkpoint": f"step-{step}", "id": row["id"], "included": bool(rng.random() < 0.5)}
        for step in STEPS
        for row in training.rows
    ]
    pq.write_table(pa.Table.from_pylist(included), tmp_path / "subsets.parquet")
    assert training.dynamics(together, tmp_path / "out", "--subsets", tmp_path / "subsets.parquet") == 0
    found = read(tmp_path / "out")["counterfactual"]
    assert [one["group"] for one in found] == ["early", "late"]
    assert all(abs(one["mean"]) < 0.2 and one["defined"] > 250 for one in found)
    pq.write_table(pa.Table.from_pylist(included[1:]), tmp_path / "less.parquet")
    assert training.dynamics(together, tmp_path / "less", "--subsets", tmp_path / "less.parquet") == 1
    assert "says nothing of 1 pairs" in capsys.readouterr().err


def test_kinds_of_question_are_shown_side_by_side(training: Run, together: Path, tmp_path: Path) -> None:
    other = training.scores("asked", {"early": EVENT, "late": EVENT}, ask="semantic", questions_sha256="ab" * 32)
    where = ("--secrets", training.secrets, "--output", tmp_path / "out", "--event", EVENT)
    assert run("dynamics", "--scores", together, other, *where) == 0
    assert [one["ask"] for one in read(tmp_path / "out")["asked"]] == ["", "semantic"]
    assert run("dynamics", "--scores", together, together, *where, "--overwrite") == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--steps", 1, 2), "2 numbers for 12 checkpoints"),
        (("--metric", "min_k"), "has no metric 'min_k'"),
        (("--by", "colour"), "choose from stratum, kind, dose"),
        (("--tasks", "early", "--stages", 7), "no checkpoint has that step"),
        (("--tasks", "early", "--stages", 0), "another one must lie before the first stage"),
        (("--tasks", "none", "--stages", 300), "is none of the groups, which are early, late"),
        (("--tasks", "early"), "give one stage for each task"),
        (("--event", 1, "--events", "x"), "give only one of them"),
        (("--events", "nowhere.parquet"), "cannot be read"),
        (("--window", 0), "give 1 or more"),
    ],
)
def test_what_does_not_suit_the_scores_is_refused(
    flags: tuple[object, ...],
    said: str,
    training: Run,
    together: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert training.dynamics(together, tmp_path / "out", *flags) in (1, 2)
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_events_of_another_campaign_are_refused(
    training: Run, together: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = pq.read_table(training.events("all.parquet", {"early": 100, "late": 100})).to_pylist()
    for name, rows, said in (
        ("other", [{**events[0], "candidate": "nobody"}, *events[1:]], "is of another campaign"),
        ("fewer", events[1:], f"has fewer events than copies of 1 of {UNITS} units"),
    ):
        pq.write_table(pa.Table.from_pylist(rows), tmp_path / f"{name}.parquet")
        assert training.dynamics(together, tmp_path / "out", "--events", tmp_path / f"{name}.parquet") == 1
        assert said in capsys.readouterr().err


def test_a_dry_run_writes_nothing(
    training: Run, together: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert training.dynamics(together, tmp_path / "out", "--dry-run") == 0
    assert "120 units at 12 checkpoints; nothing was written" in capsys.readouterr().out
    assert not (tmp_path / "out").exists()
