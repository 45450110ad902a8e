"""What stands around places in texts, against slices of Python's strings."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.texts import Texts
from transforms.planting.insertion import excerpts

PLACES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 60)), max_size=12)


@given(st.lists(st.text(max_size=40), min_size=1, max_size=6), PLACES, st.integers(0, 40), st.integers(0, 3))
def test_excerpts_are_slices(texts: list[str], places: list[tuple[int, int]], most: int, skip: int) -> None:
    chosen = sorted((row % len(texts), at % (len(texts[row % len(texts)]) + 1)) for row, at in places)
    array = Texts.of(pa.array(["b\u00e9fore"] * skip + texts, pa.large_string()).slice(skip))
    rows = np.array([row for row, _ in chosen], np.int64)
    at = np.array([len(texts[row][:place].encode()) for row, place in chosen], np.int64)
    before, behind = excerpts.neighbours(array, rows, at, most)
    assert before.to_pylist() == [texts[row][max(0, place - most) : place] for row, place in chosen]
    assert behind.to_pylist() == [texts[row][place : place + most] for row, place in chosen]
    ends = [texts[row][:place].encode() for row, place in chosen]
    expected = [end[max(0, len(end) - most) :].decode(errors="ignore") for end in ends]
    assert excerpts.before(array, rows, at, most).to_pylist() == expected
