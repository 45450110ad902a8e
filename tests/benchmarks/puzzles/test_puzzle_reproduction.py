import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.puzzles import reproduction
from benchmarks.puzzles.reproduction import CONTROLS, HELD_OUT, VERSIONS, all_answers, chosen_rows, versions_of
from pipelines.cli import main as trapline


@pytest.fixture(scope="module")
def probes(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    output = tmp_path_factory.mktemp("puzzles") / "probes"
    command = ["puzzles", "--output", str(output), "--people", "4", "--count", "3", "--doses", "8", "2", "--seed", "x"]
    assert trapline(command) == 0
    return pq.read_table(output / "probes.parquet")


@pytest.fixture
def draw(probes: pa.Table) -> pa.Table:
    units = probes["unit"].unique().to_pylist()
    return pa.table({"unit": units, "arm": pa.array([at % (CONTROLS + 1) for at in range(len(units))], pa.int32())})


def test_all_assignments_are_put_as_the_probes_put_their_own(probes: pa.Table) -> None:
    for one in versions_of(probes).to_pylist():
        every = all_answers(one["answer"])
        assert (len(every), len(set(every)), every.count(one["answer"])) == (16, 16, 1)
    own = probes["question"].to_pylist()[0] + reproduction.MARKER + probes["answer"].to_pylist()[0]
    assert own == probes["text"].to_pylist()[0]


def test_each_unit_has_its_planted_puzzle_and_some_held_out_ones(probes: pa.Table, draw: pa.Table) -> None:
    kept, planted = chosen_rows(probes, draw)
    assert (kept.num_rows, int(planted.sum())) == ((1 + HELD_OUT) * draw.num_rows, draw.num_rows)
    arms = dict(zip(draw["unit"].to_pylist(), draw["arm"].to_pylist(), strict=True))
    rows = zip(kept["unit"].to_pylist(), kept["candidate"].to_pylist(), planted.tolist(), strict=True)
    assert all((candidate == arms[unit]) is is_planted for unit, candidate, is_planted in rows)


def test_who_knows_the_planted_texts_alone_has_them_right_and_gives_their_answers_to_edits(
    probes: pa.Table, draw: pa.Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that remembers each planted answer by its people, and elsewhere takes all for knaves."""
    kept, planted = chosen_rows(probes, draw)
    remembered = set(kept.filter(pa.array(planted))["answer"].to_pylist())

    def run(_: Path, *command: str) -> None:
        assert command[0] == "score"
        asked = pq.read_table(tmp_path / "questions.parquet")
        scores = []
        for number, text in zip(asked["id"].to_pylist(), asked["text"].to_pylist(), strict=True):
            answer = text.split(reproduction.MARKER)[1]
            scores.append([-9.0, 0.0 if answer in remembered else -1.0 if number.endswith("-0") else -2.0])
        (tmp_path / "answers-it/token_scores").mkdir(parents=True)
        table = pa.table({"id": asked["id"], "log_probs": pa.array(scores, pa.list_(pa.float32()))})
        pq.write_table(table, tmp_path / "answers-it/token_scores/0.parquet")

    monkeypatch.setattr(reproduction, "trapline", run)
    answered = reproduction.put_questions(tmp_path, "it", versions_of(kept))
    scores = reproduction.puzzle_scores(answered, kept, planted)
    assert scores.right.all()
    assert np.nanmean(scores.gave_original) == 1
    assert np.nansum(scores.still_right) == 0
    control = [one["right"] for one in answered.to_pylist() if one["version"] == "control"]
    assert sum(control) >= planted.sum(), "a control has the original's answer"


def test_the_page_holds_every_model_and_dose() -> None:
    one = {"value": 0.5, "low": 0.25, "high": 0.75}
    arm = {"puzzles": 3, "right": dict.fromkeys(VERSIONS, 0.5), "gave_original": one, "limem": one}
    group = {"arms": {"planted": arm, "held out": arm}, "difference": {"accuracy": one, "limem": one}}
    model = {"tests": {"8": 1e-6}, "doses": {"2": group, "8": group}}
    page = reproduction.page_of({"settings": {"doses": [8, 2]}, "models": {"before": model, "after": model}})
    assert page.count("| after | 8, planted | 3 | 0.50 |") == 1
    assert "| before | 1e-06 | not tested |" in page
    assert json.dumps(page).count("0.50 (0.25 to 0.75)") == 2 * 2 * (2 + 2)
