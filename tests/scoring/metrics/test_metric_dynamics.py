"""Gains, laws of forgetting and transfer against slow sums and known curves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.scoring.metrics.analysis import transfer
from transforms.scoring.metrics.analysis.forgetting import best_law, fit_laws
from transforms.scoring.metrics.analysis.gains import (
    Aligned,
    Kept,
    Peak,
    effectivities,
    interval,
    retainabilities,
    unit_weights,
)

STEPS = np.array([0, 10, 11, 12, 14, 18, 26, 42, 74, 138], np.int64)
SEED = b"\1" * 32


def curves(values: np.ndarray, events: list[list[int]], window: int = 8) -> Aligned:
    return Aligned(values, STEPS, [np.array(one, np.int64) for one in events], window)


def test_a_gain_that_rises_and_falls_is_measured_at_its_maximum() -> None:
    shape = np.array([0, 0, 1, 3, 4, 2, 1, 0.5, 0.25, 0])
    units = np.array([1.0, 2.0, 3.0, 2.0])
    found = curves(5 + np.outer(shape, units), [[10]] * 4)
    ((number, best),) = effectivities(found)
    assert (number, best.offsets.tolist()) == (0, [4, 4])
    np.testing.assert_allclose(best.gains, 4 * units)
    kept = retainabilities(found, SEED)
    assert kept is not None
    assert kept.times.tolist() == [4, 12, 28, 60, 124]
    np.testing.assert_allclose(kept.shares, shape[5:] / 4)
    np.testing.assert_allclose(kept.resampled, np.tile(shape[5:] / 4, (len(kept.draws), 1)), atol=1e-12)


def test_a_resample_that_gained_nothing_has_no_share() -> None:
    draws = np.array([[0.5, 0.5], [0.0, 1.0], [1.0, 0.0]])
    best = Peak(np.array([4.0, 0.0]), np.array([1, 1]))
    kept = Kept(best, np.array([1, 2]), np.array([[2.0, 0.0], [1.0, 1.0]]), draws)
    np.testing.assert_allclose(kept.resampled, [[0.5, 0.5], [np.nan, np.nan], [0.5, 0.25]])


def test_the_highest_of_noise_is_no_gain() -> None:
    """Where nothing is learnt, the best of five checkpoints is above 0, and the time of the other half is not."""
    rng = np.random.default_rng(5)
    gains, highest = [], []
    for _ in range(200):
        noise = rng.standard_normal((len(STEPS), 40))
        ((_, best),) = effectivities(curves(noise, [[10]] * 40))
        gains.append(best.gains.mean())
        highest.append((noise[2:6].max(axis=0) - noise[1]).mean())
    assert abs(np.mean(gains)) < 4 * np.std(gains) / np.sqrt(len(gains))
    assert np.mean(highest) > 0.9


def test_units_are_aligned_at_their_own_events() -> None:
    values = np.zeros((4, 2))
    values[1, 0] = values[2, 1] = 7.0
    found = Aligned(values, np.array([10, 20, 30, 40]), [np.array([10]), np.array([20])], 10)
    ((_, best),) = effectivities(found)
    assert best.gains.tolist() == [7.0, 7.0]
    shifted = Aligned(values, np.array([10, 20, 30, 40]), [np.array([10]), np.array([23])], 10)
    assert effectivities(shifted) == [], "no time after the event has a checkpoint of every unit"


def test_every_exposure_has_a_window_that_ends_at_the_next() -> None:
    steps = np.arange(0, 60, 10)
    values = np.array([[0.0, 1, 3, 6, 6, 6]] * 2).T
    found = Aligned(values, steps, [np.array([0, 10, 20])] * 2, 50)
    assert [(number, one.gains.tolist()) for number, one in effectivities(found)] == [
        (0, [1.0, 1.0]),
        (1, [2.0, 2.0]),
        (2, [3.0, 3.0]),
    ]


@pytest.mark.parametrize(
    ("values", "events", "said"),
    [
        (np.zeros((3, 1)), [[10]], "values"),
        (np.zeros((10, 1)), [[]], "events"),
        (np.zeros((10, 1)), [[5, 3]], "events"),
    ],
)
def test_what_does_not_fit_together_is_refused(values: np.ndarray, events: list[list[int]], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        curves(values, events)


TIMES = np.unique(np.geomspace(1, 1000, 15).astype(np.int64))


@pytest.mark.parametrize(
    ("law", "shares"),
    [
        ("logarithm", 0.9 - 0.1 * np.log(TIMES)),
        ("power", 0.9 * TIMES**-0.3),
        ("exponential", 0.9 * np.exp(-0.004 * TIMES)),
    ],
)
def test_the_law_that_made_a_curve_is_found(law: str, shares: np.ndarray) -> None:
    noisy = shares + 0.01 * np.random.default_rng(1).standard_normal((50, len(TIMES)))
    fits = fit_laws(TIMES, noisy)
    assert best_law(fits).count(law) >= 48
    wanted = {"logarithm": 0.1, "power": 0.3, "exponential": 0.004}[law]
    assert fits[law].rate.mean() == pytest.approx(wanted, rel=0.1)
    assert fits[law].level.mean() == pytest.approx(0.9, rel=0.05)
    assert fits[law].r_squared.min() > 0.9


def test_what_is_forgotten_long_before_the_last_time_is_fitted_too() -> None:
    fast = fit_laws(TIMES, 0.9 * np.exp(-0.3 * TIMES)[None])
    assert best_law(fast) == ["exponential"]
    assert fast["exponential"].rate[0] == pytest.approx(0.3, rel=0.03)


def test_a_power_is_fitted_to_late_times_as_to_early_ones() -> None:
    late = np.array([100_000, 110_000, 125_000, 140_000, 150_000])
    fits = fit_laws(late, 0.9 * (late / late[0])[None] ** -0.5)
    assert fits["power"].rate[0] == pytest.approx(0.5, rel=0.03)
    assert fits["power"].r_squared[0] > 0.99
    assert np.isfinite([one.aic[0] for one in fits.values()]).all()


def test_a_fit_of_too_little_is_refused() -> None:
    with pytest.raises(ValueError, match="3 times from 1"):
        fit_laws(np.array([1, 2, 3]), np.ones((1, 3)))


@given(st.integers(1, 5), st.integers(0, 2**31))
def test_transfer_is_what_the_sums_say(tasks: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, fresh = rng.random((3, tasks, tasks)), rng.random((3, tasks))
    for one, b, acc, bwt, fwt, lost in zip(
        matrix,
        fresh,
        transfer.average_accuracy(matrix),
        transfer.backward_transfer(matrix),
        transfer.forward_transfer(matrix, fresh),
        transfer.forgetting(matrix),
        strict=True,
    ):
        last = tasks - 1
        assert acc == pytest.approx(sum(one[last]) / tasks)
        if tasks == 1:
            assert np.isnan([bwt, fwt, lost]).all()
            continue
        assert bwt == pytest.approx(sum(one[last, j] - one[j, j] for j in range(last)) / last)
        assert fwt == pytest.approx(sum(one[j - 1, j] - b[j] for j in range(1, tasks)) / last)
        best = [max(one[i, j] for i in range(last)) for j in range(last)]
        assert lost == pytest.approx(sum(best[j] - one[last, j] for j in range(last)) / last)


def test_a_matrix_has_as_many_stages_as_tasks() -> None:
    with pytest.raises(ValueError, match="as many of both"):
        transfer.average_accuracy(np.zeros((2, 3)))


def test_resamples_are_of_whole_units() -> None:
    weights = unit_weights(7, SEED, 100)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    np.testing.assert_allclose(weights * 7, np.round(weights * 7), atol=1e-9)
    assert np.isnan(interval(np.array([np.nan]))).all()
