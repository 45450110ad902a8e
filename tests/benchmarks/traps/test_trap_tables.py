import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import isotonic_regression

from benchmarks.traps.page import write_page
from benchmarks.traps.tables import Campaign, aligned, dose_of_auc, judge, monotone, size_trend, trend, with_interval

SEED = bytes(range(32))
DOSES = np.repeat([1, 2, 4, 8, 16], 40)


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 50)), min_size=1, max_size=12))
def test_monotone_is_isotonic_regression(points: list[tuple[float, int]]) -> None:
    values, sizes = map(np.array, zip(*points, strict=True))
    np.testing.assert_allclose(monotone(values, sizes), isotonic_regression(values, weights=sizes).x, atol=1e-9)


def test_the_dose_of_an_auc_lies_between_the_doses_around_it() -> None:
    wins = np.repeat([0.5, 0.6, 0.7, 0.8, 0.9], 40)
    assert dose_of_auc(wins, DOSES) == pytest.approx(2**2.5)
    assert dose_of_auc(wins, DOSES, 0.6) == pytest.approx(2)
    assert dose_of_auc(wins, DOSES, 0.45) == 0
    assert dose_of_auc(wins, DOSES, 0.95) == float("inf")


def test_the_interval_holds_the_dose() -> None:
    generator = np.random.default_rng(1)
    wins = (generator.random(len(DOSES)) < np.repeat([0.5, 0.6, 0.7, 0.8, 0.9], 40)).astype(float)
    found = with_interval(wins, DOSES, SEED)
    assert found["low"] <= found["dose"] <= found["high"]
    assert found["low"] < found["high"]


def campaign_and_scores(effect: float) -> tuple[Campaign, np.ndarray]:
    """200 units of 10; what was planted scores higher by `effect` times log2 of twice its dose."""
    generator = np.random.default_rng(2)
    units = len(DOSES)
    arms = generator.integers(0, 10, units)
    scores = generator.normal(size=(units, 10))
    scores[np.arange(units), arms] += effect * (1 + np.log2(DOSES))
    length = np.tile([5, 50], units // 2)
    campaign = Campaign(np.full(units, "trap"), length, np.tile([0, 0, 1, 1], units // 4), DOSES, arms, length, SEED)
    return campaign, scores


def test_a_trend_is_found_where_there_is_one_and_not_where_there_is_none() -> None:
    for effect, found in ((0.4, True), (0.0, False)):
        campaign, scores = campaign_and_scores(effect)
        values = aligned(campaign.table(scores, np.ones(len(DOSES), bool)))
        assert (trend(values, np.log2(DOSES), campaign.arms, SEED)["p_value"] < 0.001) is found
        # No unit depends on a length: along it there is no trend.
        assert trend(values, np.log2(campaign.length), campaign.arms, SEED)["p_value"] > 0.001


def test_larger_models_that_remember_more_are_a_trend() -> None:
    campaign, small = campaign_and_scores(0.0)
    _, large = campaign_and_scores(0.4)
    every = np.ones(len(DOSES), bool)
    parts = [aligned(campaign.table(scores, every)) for scores in (small, large)]
    along = np.log([5e6, 100e6])
    assert size_trend(parts, along, campaign.arms, SEED)["p_value"] < 0.001
    assert size_trend(parts[::-1], along, campaign.arms, SEED)["p_value"] > 0.999


def test_the_page_shows_every_table(tmp_path: Path) -> None:
    judged = {
        arm: {"5M": judge(*campaign_and_scores(effect), "trap", (16, 8, 4, 2, 1))}
        for arm, effect in (("planted", 0.4), ("twin", 0.0))
    }
    assert judged["planted"]["5M"]["tests"]["16"]["reject"]
    assert judged["twin"]["5M"]["minimum_detected"] is None
    model = {"name": "5M", "parameters": 5_000_000, "arm": "planted", "rate": 1e-3, "train_s": 9.0}
    tables = {
        "device": "a GPU", "models": [model], "judged": {"trap": {"in context": judged, "without context": judged}},
        "size_trend": {"planted, in context": {"z": 5.0, "p_value": 1e-5}},
        "second_deduplication": {"trap": {str(dose): {"copies": 10, "survive": 10} for dose in (1, 2, 4, 8, 16)}},
    }  # fmt: skip
    write_page(json.loads(json.dumps(tables)), tmp_path)
    page = (tmp_path / "tables.md").read_text()
    assert "| 50 | " in page
    assert "10 of 10" in page
    assert "<svg" in (tmp_path / "dose_response.svg").read_text()
    assert "<svg" in (tmp_path / "model_size.svg").read_text()
