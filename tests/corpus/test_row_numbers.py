"""Row numbers count the records of each file, added documents among them or not."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.corpus.input.addresses import address
from transforms.corpus.row_numbers import row_numbers, rows_of_added, with_added, without_added

records = st.dictionaries(
    st.tuples(st.integers(0, 3) | st.just((1 << 24) - 1), st.integers(0, 60) | st.integers(0, 1 << 39)), st.booleans()
)


def packed(places: list[tuple[int, int]]) -> np.ndarray:
    return np.array([address(file, position) for file, position in places], np.uint64)


@given(found=records)
def test_they_are_the_rank_of_a_record_in_its_file(found: dict[tuple[int, int], bool]) -> None:
    places = sorted(found)
    ranks = {place: sum(other[0] == place[0] for other in places[:at]) for at, place in enumerate(places)}
    own, others = ([place for place in places if found[place] is side] for side in (True, False))
    wanted = packed([(place[0], ranks[place]) for place in own])
    assert row_numbers(packed(own), packed(others)).tolist() == wanted.tolist()


@given(
    sizes=st.lists(st.integers(0, 6), min_size=1, max_size=4),
    chosen=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=12),
)
def test_added_documents_count_as_rows_and_can_be_taken_out_again(
    sizes: list[int], chosen: list[tuple[int, int]]
) -> None:
    behind = sorted((file, row) for file, row in chosen if file < len(sizes) and row < sizes[file])
    rows, own = [], []
    for file, size in enumerate(sizes):
        at = 0
        for row in range(size):
            rows.append((file, at))
            at += 1
            for _ in range(behind.count((file, row))):
                own.append((file, at))
                at += 1
    before = packed([(file, row) for file, size in enumerate(sizes) for row in range(size)])
    added = packed(behind)
    assert with_added(before, added).tolist() == packed(rows).tolist()
    assert rows_of_added(added).tolist() == packed(own).tolist()
    assert without_added(packed(rows), packed(own)).tolist() == before.tolist()
