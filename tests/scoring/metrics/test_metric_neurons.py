"""Inverse participation ratios and paired differences against brute force."""

import cmath
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from transforms.scoring.metrics.neurons import inverse_participation_ratio, paired_difference, periodicity

VALUES = st.floats(-100, 100, allow_subnormal=False).map(lambda value: round(value, 3))


def slow_ratio(row: list[float]) -> float:
    """By the definition, one frequency after the other."""
    p = len(row)
    power = [
        abs(sum(value * cmath.exp(-2j * cmath.pi * k * at / p) for at, value in enumerate(row))) ** 2
        for k in range(p // 2 + 1)
    ]
    return sum(one * one for one in power) / sum(power) ** 2 if any(row) else math.nan


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 4), st.integers(1, 12)), elements=VALUES))
def test_the_ratio_is_its_definition(rows: np.ndarray) -> None:
    found = inverse_participation_ratio(rows)
    np.testing.assert_allclose(found, [slow_ratio(row) for row in rows.tolist()], rtol=1e-6)
    alive = found[~np.isnan(found)]
    assert np.all(alive <= 1 + 1e-9)
    assert np.all(alive >= 1 / (rows.shape[1] // 2 + 1) - 1e-9)


@pytest.mark.parametrize("p", [7, 97])
def test_a_cosine_has_1_and_the_full_transform_half_of_it(p: int) -> None:
    rows = np.stack([np.cos(2 * np.pi * k * np.arange(p) / p + k) for k in range(1, p // 2 + 1)])
    np.testing.assert_allclose(inverse_participation_ratio(rows), 1)
    mixed = rows[:2].sum(axis=0, keepdims=True)
    full = np.abs(np.fft.fft(mixed)) ** 2
    np.testing.assert_allclose(inverse_participation_ratio(mixed), 2 * (full**2).sum() / full.sum() ** 2)


def test_a_single_weight_has_all_frequencies_alike() -> None:
    row = np.zeros((1, 97))
    row[0, 5] = 3.0
    np.testing.assert_allclose(inverse_participation_ratio(row), 1 / 49)


def test_tiny_weights_keep_their_ratio() -> None:
    row = np.cos(2 * np.pi * 3 * np.arange(97) / 97)[None] + 0.1
    np.testing.assert_allclose(inverse_participation_ratio(row * 1e-200), inverse_participation_ratio(row))


def test_dead_neurons_are_counted_and_come_first() -> None:
    at = np.arange(11)
    wave, spike = np.cos(2 * np.pi * at / 11), np.eye(11)[0]
    found = periodicity([np.stack([wave, wave, spike]), np.stack([wave, 0 * wave, spike])])
    assert found.dead.tolist() == [False, True, False]
    np.testing.assert_allclose(found.ipr, [1, np.nan, 1 / 6])
    assert found.lowest_first().tolist() == [1, 2, 0]
    with pytest.raises(ValueError, match="of the same neurons"):
        periodicity([np.ones((2, 3)), np.ones((3, 3))])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_paired_difference_is_its_definition(data: st.DataObject) -> None:
    units, candidates, neurons = (data.draw(st.integers(2, 6)) for _ in range(3))
    activations = data.draw(hnp.arrays(np.float64, (units, candidates, neurons), elements=VALUES))
    planted = data.draw(hnp.arrays(np.int64, units, elements=st.integers(0, candidates - 1)))
    found = paired_difference(activations, planted)
    for neuron in range(neurons):
        differences = []
        for unit in range(units):
            values = activations[unit, :, neuron].tolist()
            own = values.pop(planted[unit])
            differences.append(own - sum(values) / len(values))
        mean = sum(differences) / units
        spread = math.sqrt(sum((one - mean) ** 2 for one in differences) / (units - 1))
        assert found.mean[neuron] == pytest.approx(mean, abs=1e-9)
        if spread > 1e-6:
            assert found.t[neuron] == pytest.approx(mean / (spread / math.sqrt(units)), rel=1e-6)


def test_what_all_candidates_share_cancels_and_equal_differences_have_no_t() -> None:
    activations = np.arange(4.0)[:, None, None] + np.zeros((4, 3, 2))
    activations[np.arange(4), [0, 1, 2, 0], 0] += 2.0
    found = paired_difference(activations, np.array([0, 1, 2, 0]))
    np.testing.assert_allclose(found.mean, [2, 0])
    assert np.isnan(found.t).all()


@pytest.mark.parametrize(
    ("shape", "planted"), [((1, 3, 2), [0]), ((4, 1, 2), [0] * 4), ((4, 3, 2), [0, 1, 2]), ((4, 3, 2), [0, 1, 2, 3])]
)
def test_shapes_that_do_not_agree_are_refused(shape: tuple[int, ...], planted: list[int]) -> None:
    with pytest.raises(ValueError, match="expected"):
        paired_difference(np.zeros(shape), np.array(planted))
