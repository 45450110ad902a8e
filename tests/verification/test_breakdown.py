"""Groups of units and the effect in each."""

import numpy as np
import pytest

from transforms.verification.breakdown import Groups, binned, by_value, cells
from transforms.verification.effect import auc, exposure, unit_p_values
from transforms.verification.table import ScoreTable

SEED = bytes(32)


def test_few_values_are_groups_and_many_are_quarters() -> None:
    few = binned(np.array([50.0, 25.0, np.nan, 50.0]))
    assert few.labels == ("25", "50")
    assert few.codes.tolist() == [1, 0, -1, 1]
    many = binned(np.append(np.arange(100.0), np.nan))
    assert many.labels == ("0 to 24.8", "24.8 to 49.5", "49.5 to 74.2", "74.2 to 99")
    assert np.bincount(many.codes[:-1]).tolist() == [25, 25, 25, 25]
    assert many.codes[-1] == -1
    assert binned(np.full(3, np.nan)).labels == ()


def test_a_column_that_is_mostly_one_value_has_fewer_groups() -> None:
    found = binned(np.array([1.0] * 90 + [*range(2, 12)]))
    assert found.labels == ("1 to 11",)
    assert found.codes.tolist() == [0] * 100


def test_each_cell_is_of_its_own_units() -> None:
    rng = np.random.default_rng(0)
    scores, arms = rng.standard_normal((40, 4)), rng.integers(0, 4, 40)
    doses = np.repeat([1, 10], 20)
    table = ScoreTable(scores, arms, np.zeros(40, int), np.ones(1), doses, np.arange(40))
    colour = Groups(np.arange(40) % 3 - 1, ("red", "blue"))
    found = {one.labels: one for one in cells(table, [by_value(doses), colour], SEED)}
    assert set(found) == {("1", "red"), ("1", "blue"), ("10", "red"), ("10", "blue")}
    for (dose, name), cell in found.items():
        own = table.take((doses == int(dose)) & (colour.codes == ("red", "blue").index(name)))
        p_values = unit_p_values(own.scores, own.arms)
        assert cell.auc == auc(own.scores, own.arms, SEED)
        assert cell.auc.units == len(own)
        assert cell.exposure == pytest.approx(exposure(p_values).mean())
        assert cell.rank_1 == pytest.approx((p_values == 0.25).mean())
