"""Edit distances of token ids, with and without a bound."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.texts import Ragged
from transforms.scoring.metrics.edit_distance import edit_distances

rows = st.lists(st.integers(0, 3), max_size=14)


def levenshtein(left: list[int], right: list[int]) -> int:
    above = list(range(len(right) + 1))
    for row, one in enumerate(left, 1):
        here = [row]
        for column, other in enumerate(right, 1):
            here.append(min(above[column - 1] + (one != other), above[column] + 1, here[-1] + 1))
        above = here
    return above[-1]


def distance(left: list[int], right: list[int], at_most: int, cut: int = 0) -> int:
    one, other = Ragged.from_rows([left]), Ragged.from_rows([right])
    return int(
        edit_distances(
            one.values, one.offsets, other.values, other.offsets, np.zeros(1, np.int64), np.array([at_most]), cut
        )[0]
    )


@pytest.mark.parametrize(
    ("left", "right", "wanted"),
    [
        ([], [], 0),
        ([7, 8], [], 2),
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2, 3], [1, 9, 3], 1),
        ([1, 2, 3], [2, 3], 1),
        (list(b"kitten"), list(b"sitting"), 3),
        ([70_000, 1 << 40], [70_000, (1 << 40) + 1], 1),
    ],
)
def test_distances_known_by_hand(left: list[int], right: list[int], wanted: int) -> None:
    assert distance(left, right, 20) == wanted


@given(rows, rows, st.integers(0, 20), st.integers(0, 9))
def test_distances_agree_with_the_whole_table_up_to_the_bound(
    left: list[int], right: list[int], at_most: int, cut: int
) -> None:
    wanted = levenshtein(left[:cut] if cut else left, right[:cut] if cut else right)
    assert distance(left, right, at_most, cut) == min(wanted, at_most + 1)
    assert distance(right, left, at_most, cut) == min(wanted, at_most + 1)


@given(st.lists(st.tuples(rows, rows, st.integers(0, 6)), max_size=6))
def test_many_pairs_at_once_are_as_each_by_itself(pairs: list[tuple[list[int], list[int], int]]) -> None:
    left, right = Ragged.from_rows([one for one, _, _ in pairs]), Ragged.from_rows([one for _, one, _ in pairs][::-1])
    pairing = np.arange(len(pairs))[::-1].copy()
    bounds = np.array([bound for _, _, bound in pairs], np.int64)
    got = edit_distances(left.values, left.offsets, right.values, right.offsets, pairing, bounds, 0)
    assert got.tolist() == [distance(*pair) for pair in pairs]
