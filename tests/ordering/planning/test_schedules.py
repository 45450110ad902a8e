"""Schedules against a walk through the steps."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.ordering.planning.slow_order import aged, uniform, walked
from transforms.base.errors import CorpusError
from transforms.ordering.planning.schedules import SCHEDULES, Schedule, Window

WORD = st.integers(0, 2**64 - 1)


@st.composite
def cases(draw: st.DrawFn, most: int = 6) -> tuple[int, Window, list[int]]:
    copies, first = draw(st.integers(1, most)), draw(st.integers(0, 20))
    end = first + draw(st.integers(1, 60))
    first_end = draw(st.integers(first + 1, end))
    return copies, Window(first, first_end, end), draw(st.lists(WORD, min_size=copies, max_size=copies))


def steps(text: str, case: tuple[int, Window, list[int]]) -> list[int]:
    try:
        return Schedule.parse(text).steps(*case)
    except CorpusError:  # the window is too short, of which there is a test
        assume(False)
        raise


@given(cases(), st.integers(1, 12))
def test_every_is_a_walk_with_equal_gaps(case: Any, gap: int) -> None:
    copies, window, words = case
    found = steps(f"every:{gap}x{copies}", case)
    last = min(window.first_end, window.end - (copies - 1) * gap)
    assert found == walked(uniform(words[0], window.first, last), gap, copies, window.end)
    assert len(found) == copies


@given(cases(), st.integers(1, 12))
def test_every_refuses_exactly_what_does_not_fit(case: Any, gap: int) -> None:
    copies, window, words = case
    fits = window.first + (copies - 1) * gap < window.end
    try:
        Schedule.parse(f"every:{gap}x{copies}").steps(copies, window, words)
    except CorpusError:
        assert not fits
    else:
        assert fits


@given(cases())
def test_massed_is_one_step_after_the_other(case: Any) -> None:
    copies, window, words = case
    found = steps("massed", case)
    start = uniform(words[0], window.first, min(window.first_end, window.end - copies + 1))
    assert found == walked(start, 1, copies, window.end)


@given(cases())
def test_spaced_copies_have_the_widest_equal_gaps_from_where_they_begin(case: Any) -> None:
    copies, window, words = case
    found = steps("spaced", case)
    part = (window.end - window.first) // copies
    start = uniform(words[0], window.first, min(window.first_end, window.first + part))
    # A gap as wide is left behind the last copy.
    widest = max(gap for gap in range(1, window.end + 1) if start + copies * gap <= window.end)
    assert found == walked(start, widest, copies, window.end)


@given(cases())
def test_interleaved_copies_are_in_passes_that_follow_each_other(case: Any) -> None:
    copies, window, words = case
    found = steps("interleaved", case)
    length = window.end - window.first
    for number, step in enumerate(found):
        lo, hi = (window.first + length * part // copies for part in (number, number + 1))
        assert step == uniform(words[number], lo, hi)


@given(cases())
def test_blocked_copies_stay_in_the_block(case: Any) -> None:
    copies, window, words = case
    found = steps("blocked", case)
    assert found == sorted(uniform(word, window.first, window.first_end) for word in words)
    assert len(found) == copies


@given(cases(), st.integers(1, 3))
def test_power_takes_ages_as_often_as_their_power_says(case: Any, exponent: int) -> None:
    masses = [Fraction(1, age**exponent) for age in range(1, 61)]
    _check_aged(f"power:{exponent}", case, masses)


@given(cases(), st.integers(1, 9))
def test_exponential_takes_ages_as_often_as_their_rate_says(case: Any, tenths: int) -> None:
    masses = [Fraction(tenths, 10) ** age for age in range(1, 61)]
    _check_aged(f"exponential:{tenths / 10}", case, masses)


def _check_aged(text: str, case: Any, masses: list[Fraction]) -> None:
    copies, window, words = case
    found = steps(text, case)
    first = uniform(words[0], window.first, min(window.first_end, window.end - (copies > 1)))
    assert found[0] == first
    for step, fine in zip(found[1:], aged(words, copies, window.end - 1 - first, masses), strict=True):
        assert step - first in fine


@given(cases(1))
def test_once_is_a_uniform_step(case: Any) -> None:
    _, window, words = case
    assert steps("once", case) == [uniform(words[0], window.first, window.first_end)]


@pytest.mark.parametrize(
    "text",
    [
        *("", "onc", "once:", "once:1", "every", "every:3", "every:0x2", "every:3x0", "every:3x2x1", "every:\uff13x2"),
        *("every:3x2\n", "power", "power:0", "power:x", "exponential:1", "exponential:0", "exponential:-1", "spaced:2"),
    ],
)
def test_what_is_no_schedule_is_refused_with_all_forms(text: str) -> None:
    with pytest.raises(ValueError, match="give one of once, every:NxK") as refused:
        Schedule.parse(text)
    assert all(kind.form in str(refused.value) for kind in SCHEDULES.values())


def test_another_number_of_copies_is_refused() -> None:
    for text, copies in (("every:5x3", 4), ("once", 2)):
        with pytest.raises(CorpusError, match=f"a unit has dose {copies}"):
            Schedule.parse(text).steps(copies, Window(0, 50, 50), [0] * copies)


@st.composite
def task_cases(draw: st.DrawFn) -> tuple[int, Window, list[int]]:
    copies = draw(st.integers(1, 6))
    lengths = draw(st.lists(st.integers(1, 15), min_size=1, max_size=5))
    ends = [sum(lengths[: at + 1]) for at in range(len(lengths))]
    window = Window(0, ends[0], ends[-1], tuple(ends[1:]))
    return copies, window, draw(st.lists(WORD, min_size=copies, max_size=copies))


LAWS = {"uniform": lambda _: 1.0, "power:1.5": lambda age: age**-1.5, "exponential:0.4": lambda age: 0.4**age}


@given(task_cases(), st.integers(1, 7), st.sampled_from(sorted(LAWS)))
def test_rehearsals_are_in_later_blocks_and_all_else_is_in_the_own_one(case: Any, wanted: int, law: str) -> None:
    copies, window, words = case
    found = steps(f"rehearsed:{wanted},{law}", case)
    rehearsals = min(wanted, copies - 1) if window.later else 0
    own = copies - rehearsals
    assert found == sorted(found)
    assert found[:own] == sorted(uniform(word, window.first, window.first_end) for word in words[:own])
    assert all(window.first_end <= step < window.end for step in found[own:])
    assert len(found) == copies


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("rehearsals", [1, 3])
def test_a_rehearsal_has_an_age_by_its_mass_and_any_step_of_its_block(law: str, rehearsals: int) -> None:
    """Over all fractions of an even grid: every step of a block as often as its age's mass says."""
    window, grid = Window(0, 10, 50, (20, 30, 40, 50)), 20_000
    counts = [0] * 50
    for number in range(grid):
        word = int(Fraction(2 * number + 1, 2 * grid) * 2**64)
        for step in Schedule.parse(f"rehearsed:{rehearsals},{law}").steps(rehearsals + 1, window, [word] * 4)[1:]:
            counts[step] += 1
    masses = [LAWS[law](age) for age in (1.0, 2.0, 3.0, 4.0)]
    for step in range(10, 50):
        expected = rehearsals * grid * masses[step // 10 - 1] / sum(masses) / 10
        assert abs(counts[step] - expected) <= 2 * rehearsals
    assert sum(counts[:10]) == 0


@pytest.mark.parametrize(
    "text", ["0,uniform", "2,uniform:1", "2,power", "2,power:0", "2,exponential:1", "2,other:1", "2"]
)
def test_a_law_of_rehearsal_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is unknown: give one of"):
        Schedule.parse(f"rehearsed:{text}")
