"""The benchmark of rehearsal at its smallest size."""

import json
from pathlib import Path

import pytest

from benchmarks.kinds.schedules import LAWS, TINY, _to_learn, main, saves


def test_models_are_scored_before_all_and_twice_in_each_block() -> None:
    assert saves(TINY) == [0, 6, 12, 18, 24, 30, 36]


@pytest.mark.parametrize(
    ("auc", "expected"),
    [
        ([0.5, 0.5, 0.7, 0.9, 0.6], 9),
        ([0.5, 0.5, 0.8, 0.9, 0.9], 6),
        ([0.5, 0.9, 0.9, 0.9, 0.9], None),
        ([0.5] * 5, None),
    ],
)
def test_steps_to_learn_are_counted_within_the_tasks_block(auc: list[float], expected: int | None) -> None:
    assert _to_learn([6, 12, 18, 24, 30], auc, begin=12, block=12) == expected


@pytest.mark.slow
def test_every_arm_spends_the_same_copies(tmp_path: Path) -> None:
    output = tmp_path / "schedules.json"
    assert main(["--work", str(tmp_path / "work"), "--output", str(output), "--tiny"]) == 0
    found = json.loads(output.read_text())
    arms = {(one["law"], one["seed"]): one for one in found["courses"]}
    assert set(arms) == {(law, seed) for law in (*LAWS, "twin") for seed in TINY.seeds}
    old = (TINY.tasks - 1) * TINY.units
    for (law, _), one in arms.items():
        if law == "twin":
            continue
        assert one["copies"] == TINY.tasks * TINY.units * TINY.dose
        # What a full step puts off can end in the next block.
        assert abs(one["rehearsals"] - (0 if law == "none" else TINY.rehearsals * old)) <= one["moved"]
        assert len(one["matrix"]["auc"]["matrix"]) == TINY.tasks
    assert {(one["arm"], one["less"]) for one in found["differences"]} == {
        *((law, "none") for law in LAWS[1:]), *((law, "uniform") for law in LAWS[2:]),
    }  # fmt: skip
