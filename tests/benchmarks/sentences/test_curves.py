"""Curves of a course on values that are known."""

from typing import Any

import numpy as np
import pytest

from benchmarks.sentences.curves import Candidates, course, half_life

UNITS, CANDIDATES = 40, 4


@pytest.fixture
def candidates() -> Candidates:
    chance = np.random.default_rng(0)
    rows = chance.permutation(UNITS * CANDIDATES).reshape(UNITS, CANDIDATES)
    doses, strata = np.repeat([1, 10], UNITS // 2), np.tile(["near", "words"], UNITS // 2)
    return Candidates(rows, chance.integers(0, CANDIDATES, UNITS), doses, strata)


def test_a_course_is_compared_within_units(candidates: Candidates) -> None:
    chance, planted = np.random.default_rng(1), candidates.rows[np.arange(UNITS), candidates.arms]
    loss = chance.normal(size=(3, UNITS * CANDIDATES))
    recall = chance.choice([0.0, 0.25], loss.shape)
    often = planted[candidates.doses == 10]
    loss[1, often] = 9.0
    recall[1, often[:5]] = 1.0
    found = course(candidates, {"loss": loss, "recall": recall}, [-5, 0, 3])

    def by_hand(at: int, members: Any) -> float:
        rows, arms = candidates.rows[members], candidates.arms[members]
        pairs = list(zip(rows, arms, strict=True))
        return float(np.mean([(loss[at, np.delete(row, arm)] < loss[at, row[arm]]).mean() for row, arm in pairs]))

    assert found["steps"] == [-5, 0, 3]
    assert found["auc"]["10"]["mean"][1] == 1.0
    for group, members in (("1", candidates.doses == 1), ("near", candidates.strata == "near"), ("all", slice(None))):
        one = found["auc"][group]
        assert one["mean"] == pytest.approx([by_hand(at, members) for at in range(3)])
        assert all(low <= mean <= high for low, mean, high in zip(one["low"], one["mean"], one["high"], strict=True))
    both = found["by dose and stratum"]["auc"]
    assert set(both) == {"1 near", "1 words", "10 near", "10 words"}
    assert np.mean([both["1 near"], both["1 words"]], axis=0) == pytest.approx(found["auc"]["1"]["mean"])
    after = found["right after"]
    assert (after["whole"]["planted"]["10"], after["whole"]["held_out"]["10"]) == (0.25, 0.0)
    assert set(after["recall"]["planted"]) == {"1", "10", *both}
    own = recall[1][candidates.rows[candidates.doses == 10]]
    seen = recall[1][often]
    others = (own.sum(axis=1) - seen) / (CANDIDATES - 1)
    assert found["recall"]["10"]["mean"][1] == pytest.approx(float((seen - others).mean()))
    assert after["recall"]["held_out"]["10"] == pytest.approx(float(others.mean()))
    assert found["half-life of recall"]["1"] is None
    assert set(candidates.strata_auc(loss[1])) == {"near", "words"}
    assert candidates.strata_auc(loss[1])["near"]["value"] == pytest.approx(found["auc"]["near"]["mean"][1])


@pytest.mark.parametrize(
    ("means", "low", "expected"),
    [
        ([0.0, 0.8, 0.7, 0.39, 0.6], 0.5, {"from": 1, "to": 3}),
        ([0.0, 0.8, 0.3, 0.2, 0.1], 0.5, {"from": 0, "to": 1}),
        ([0.0, 0.8, 0.7, 0.6, 0.4], 0.5, {"from": 10, "to": None}),
        ([0.0, 0.8, 0.1, 0.1, 0.1], 0.0, None),
    ],
)
def test_half_lives_lie_between_saves(means: list[float], low: float, expected: dict[str, int] | None) -> None:
    assert half_life([-5, 0, 1, 3, 10], {"mean": means, "low": [low] * 5, "high": [1.0] * 5}) == expected
