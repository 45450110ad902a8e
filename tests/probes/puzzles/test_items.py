"""Arrow columns of complete items."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.probes.puzzles.columns import spread

TYPES = {
    pa.large_string(): st.text(max_size=5),
    pa.string(): st.text(max_size=5),
    pa.int32(): st.integers(-9, 9),
    pa.list_(pa.int16()): st.lists(st.integers(-9, 9), max_size=4),
    pa.list_(pa.bool_()): st.lists(st.booleans(), max_size=4),
    pa.large_list(pa.int16()): st.lists(st.integers(-9, 9), max_size=4),
}


@pytest.mark.parametrize("of", TYPES, ids=str)
@given(data=st.data())
def test_values_are_spread_over_the_rows_that_are_there_and_the_others_are_null(
    of: pa.DataType, data: st.DataObject
) -> None:
    there = np.array(data.draw(st.lists(st.booleans(), max_size=20)), np.bool_)
    size = int(there.sum())
    values = data.draw(st.lists(st.none() | TYPES[of], min_size=size, max_size=size))
    before = data.draw(st.lists(TYPES[of], max_size=3))
    column = pa.array([*before, *values], of).slice(len(before))
    got = spread(column, there)
    got.validate(full=True)
    rest = iter(values)
    assert got.type == of
    assert got.to_pylist() == [next(rest) if one else None for one in there]
