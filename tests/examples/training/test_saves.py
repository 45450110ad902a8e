"""Steps at which models are asked, as they are described and as events have them."""

import pytest

from examples.training.saves import save_steps


@pytest.mark.parametrize(
    ("wanted", "steps"),
    [
        ("0,5,20", [0, 5, 20]),
        ("end", [40]),
        ("events+0,1,3", [10, 11, 13, 20, 21, 23]),
        ("last+8,...", [28, 36]),
        ("events+1,2,4,...", [11, 12, 14, 18, 21, 22, 24, 26, 28, 36]),
        ("0 events+0 last+0,20 end", [0, 10, 20, 40]),
    ],
)
def test_steps_are_listed_once_and_rise(wanted: str, steps: list[int]) -> None:
    assert save_steps(wanted, 40, (10, 20)) == steps


def test_times_since_events_end_with_the_training() -> None:
    assert save_steps("events+0,1,2", 11, (10,)) == [10, 11]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("41", "training has 40 steps; give 0 to 40"),
        ("first+1", "times are since 'events[+]' or 'last[+]'"),
        ("1,x", "give whole numbers"),
        ("events+-1", "give whole numbers"),
        ("0,...", "must be above 0"),
        ("...", "give whole numbers"),
    ],
)
def test_what_names_no_step_is_refused(wanted: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        save_steps(wanted, 40, (10,))


def test_without_events_there_is_nothing_to_count_from() -> None:
    with pytest.raises(ValueError, match="give --events"):
        save_steps("events+0", 40)
