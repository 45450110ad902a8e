"""From steps to places, against a walk through the places."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.ordering.planning.slow_order import served
from transforms.ordering.planning.places import merged, mixed_within_steps, queued, repeated_share, repeats
from transforms.ordering.planning.shuffle import shuffled, words

KEY = bytes(range(32))


@given(st.data(), st.integers(1, 5), st.integers(0, 20), st.integers(0, 30))
def test_rows_are_served_as_a_queue_at_each_step(data: st.DataObject, batch: int, rows: int, others: int) -> None:
    total = rows + others
    steps = -(-total // batch)
    wanted = data.draw(st.lists(st.integers(0, max(0, steps - 1)), min_size=rows, max_size=rows))
    ties = data.draw(st.lists(st.integers(0, 2**64 - 1), min_size=rows, max_size=rows, unique=True))
    found = queued(np.array(wanted, np.int64), np.array(ties, np.uint64), batch, total)
    assert found.tolist() == served(wanted, ties, batch, total)


@given(st.integers(0, 20), st.integers(0, 20), st.randoms())
def test_the_others_fill_what_is_left_in_their_order(rows: int, others: int, chance: object) -> None:
    places = np.array(sorted(chance.sample(range(rows + others), rows)), np.int64)  # type: ignore[attr-defined]
    order = merged(places, np.arange(100, 100 + rows), np.arange(others))
    assert order[places].tolist() == list(range(100, 100 + rows))
    assert order[order < 100].tolist() == list(range(others))


@given(st.integers(1, 60), st.integers(1, 9))
def test_mixing_keeps_each_row_in_its_step(rows: int, batch: int) -> None:
    order = np.arange(rows) * 3
    found = mixed_within_steps(order, KEY, batch)
    for begin in range(0, rows, batch):
        assert sorted(found[begin : begin + batch]) == order[begin : begin + batch].tolist()


def test_mixing_moves_rows_that_begin_a_step() -> None:
    found = mixed_within_steps(np.arange(4000), KEY, 4)
    assert 200 < np.count_nonzero(found[::4] % 4 == 0) < 300


@given(st.integers(50, 5000), st.sampled_from([0.1, 0.5, 0.9]), st.integers(2, 10))
def test_repeats_take_their_share_of_what_is_seen(rows: int, share: float, times: int) -> None:
    repeated = repeated_share(rows, share, times)
    lower, upper = ((k * times) / (rows - k + k * times) for k in (repeated - 1, repeated + 1))
    assert lower < share < upper


@given(st.integers(0, 50), st.integers(1, 8), st.integers(1, 7))
def test_every_pass_holds_each_repeated_row_once(once: int, repeated: int, times: int) -> None:
    found = repeats(np.arange(once), np.arange(1000, 1000 + repeated), times, KEY)
    assert Counter(found.tolist()) == Counter(list(range(once)) + list(range(1000, 1000 + repeated)) * times)
    place = 0
    for part in range(times):
        length = repeated + once * (part + 1) // times - once * part // times
        assert sorted(row for row in found[place : place + length] if row >= 1000) == list(range(1000, 1000 + repeated))
        place += length


def test_a_shuffle_is_the_order_of_keyed_words() -> None:
    found = shuffled(KEY, "d", 5000)
    own = words(KEY, "d", 5000).tolist()
    assert found.tolist() == sorted(range(5000), key=lambda row: (own[row], row))
    assert found.tolist() != shuffled(KEY[::-1], "d", 5000).tolist()
    # Neighbours end up anywhere: half of all pairs of neighbours are turned round.
    place = np.argsort(found)
    assert 2350 < np.count_nonzero(np.diff(place) < 0) < 2650
