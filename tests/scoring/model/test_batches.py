"""Sequences are divided into batches without loss, and each batch says exactly which tokens are scored where."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.scoring.model.batches import Sequences, packed_batch, padded_batch, plan_packed, plan_padded

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def made(lengths: list[int], first: int = 1) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Sequences(np.arange(offsets[-1]) + 100, offsets, np.full(len(lengths), first))


@given(LENGTHS, st.integers(1, 50))
def test_a_packed_plan_holds_each_sequence_once_and_no_row_overflows(lengths: list[int], capacity: int) -> None:
    array = np.array(lengths)
    rows = plan_packed(array, capacity)
    assert sorted(np.concatenate(rows).tolist()) == list(range(len(lengths)))
    assert all(array[row].sum() <= capacity or len(row) == 1 for row in rows)


@given(LENGTHS)
def test_a_packed_plan_never_opens_a_row_while_the_next_longest_fits_another(lengths: list[int]) -> None:
    array, capacity = np.array(lengths), 40
    rows = plan_packed(array, capacity)
    left = [capacity - int(array[row].sum()) for row in rows]
    for at, row in enumerate(rows[1:], 1):
        assert all(array[row].min() > room for room in left[:at])


@given(LENGTHS, st.integers(1, 200))
def test_a_padded_plan_holds_each_sequence_once_and_bounds_the_rectangles(lengths: list[int], most: int) -> None:
    array = np.array(lengths)
    plan = plan_padded(array, most)
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(lengths)))
    assert all(len(part) * array[part].max() <= most or len(part) == 1 for part in plan)


@given(LENGTHS, st.integers(1, 5), st.booleans())
def test_each_scored_token_is_the_one_after_its_place(lengths: list[int], first: int, packed: bool) -> None:
    sequences = made(lengths, first)
    which = np.arange(len(lengths))[::-1].copy()
    batch = packed_batch(sequences, which, sum(lengths) + 7) if packed else padded_batch(sequences, which)
    flat, positions = batch.ids.ravel(), batch.positions.ravel()
    wanted = [
        (sequences.tokens[sequences.offsets[one] + at - 1], at - 1, sequences.tokens[sequences.offsets[one] + at])
        for one in which
        for at in range(first, lengths[one])
    ]
    found = list(zip(flat[batch.pick], positions[batch.pick], batch.targets, strict=True))
    assert found == wanted


@given(LENGTHS, st.integers(0, 90))
def test_the_parts_of_a_packed_row_cover_it_and_none_is_longer_than_the_longest_sequence(
    lengths: list[int], spare: int
) -> None:
    batch = packed_batch(made(lengths), np.arange(len(lengths)), sum(lengths) + spare)
    parts = np.diff(batch.bounds)
    assert batch.bounds[0] == 0
    assert batch.bounds[-1] == batch.ids.shape[1] == sum(lengths) + spare
    assert parts[: len(lengths)].tolist() == lengths
    assert parts.min() >= 1
    assert parts.max() == max(lengths)
    begins = batch.bounds[:-1]
    assert (batch.positions[0, begins] == 0).all()
