from hypothesis import given
from hypothesis import strategies as st

from transforms.dedup.plan import SLICE_KEYS, band_tasks


@given(st.integers(1, 64), st.integers(0, 40 * SLICE_KEYS))
def test_tasks_look_at_every_band_and_slice_once_and_hold_a_bounded_number_of_keys(bands: int, rows: int) -> None:
    tasks = band_tasks(bands, rows)
    assert [task.number for task in tasks] == list(range(len(tasks)))
    (parts,) = {task.parts for task in tasks}
    seen = [(band, task.part) for task in tasks for band in task.bands]
    assert sorted(seen) == [(band, part) for band in range(bands) for part in range(parts)]
    assert all(len(task.bands) * rows / task.parts <= SLICE_KEYS for task in tasks)
