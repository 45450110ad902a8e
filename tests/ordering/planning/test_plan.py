"""A whole order: every row once, scheduled ones at their steps."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.errors import CorpusError
from transforms.ordering.planning.plan import Plan, PlantedUnit, places_of, plan_order
from transforms.ordering.planning.rules import ScheduleFile

KEY = bytes(32)


def units(count: int, copies: int, *, strata: int = 1, kind: str = "k", first: int = 0) -> list[PlantedUnit]:
    """Units whose copies stand in neighbouring rows from row `first` on."""
    rows = iter(range(first, first + count * copies))
    return [
        PlantedUnit(f"{kind}{at}", kind, f"s{at % strata}", tuple(next(rows) for _ in range(copies)))
        for at in range(count)
    ]


def seen(plan: Plan, batch: int, unit: PlantedUnit) -> list[int]:
    """The step at which each copy is seen."""
    return [int(np.flatnonzero(plan.order == row)[0]) // batch for row in unit.rows]


@given(st.integers(1, 8), st.integers(0, 6), st.sampled_from(["every:2x3", "massed", "spaced", "power:1"]))
def test_every_row_is_seen_once_and_copies_at_their_steps(batch: int, count: int, schedule: str) -> None:
    planted = units(count, 3)
    file = ScheduleFile.single(schedule) if planted else ScheduleFile()
    plan = plan_order(200, file, planted, batch, KEY)
    assert sorted(plan.order.tolist()) == list(range(200))
    if batch > 3 * count:  # no step can be full
        for number, unit in enumerate(planted):
            own = plan.wanted.unit == number
            assert seen(plan, batch, unit) == plan.wanted.step[own].tolist()


def test_what_has_no_schedule_is_shuffled_whatever_is_scheduled() -> None:
    plain = plan_order(300, ScheduleFile(), [], 1, KEY).order
    planted = plan_order(300, ScheduleFile.single("every:10x4"), units(3, 4), 1, KEY).order
    assert planted[planted >= 12].tolist() == plain[plain >= 12].tolist()
    assert plain.tolist() != list(range(300))


def test_a_unit_does_not_depend_on_the_others() -> None:
    few = plan_order(300, ScheduleFile.single("spaced"), units(2, 4), 2, KEY)
    more = plan_order(300, ScheduleFile.single("spaced"), units(9, 4), 2, KEY)
    assert few.wanted.step.tolist() == more.wanted.step[:8].tolist()


def test_phases_hold_what_their_rules_say() -> None:
    text = """
    [[phase]]
    name = "before"
    steps = 30
    [[phase]]
    name = "study"
    steps = 10
    [[phase]]
    name = "after"
    [[rule]]
    kind = "a"
    phase = "study"
    schedule = "massed"
    [[rule]]
    kind = "b"
    phase = "after"
    schedule = "once"
    """
    planted = [*units(5, 2, kind="a"), *units(7, 1, kind="b", first=10), *units(3, 2, kind="c", first=17)]
    plan = plan_order(600, ScheduleFile.parse(text), planted, 10, KEY)
    assert plan.phase_starts == (0, 30, 40, 60)
    for unit in planted[:5]:
        first, second = seen(plan, 10, unit)
        assert 30 <= first < second == first + 1 <= 40
    assert all(40 <= seen(plan, 10, unit)[0] < 60 for unit in planted[5:12])
    assert [rule and rule.kind for rule in plan.rules] == ["a"] * 5 + ["b"] * 7 + [None] * 3


def test_tasks_follow_each_other_and_rehearsals_come_later() -> None:
    text = '[[rule]]\nschedule = "power:1"\ntasks = ["s1", "s0", "s2"]'
    planted = units(60, 5, strata=3)
    plan = plan_order(3000, ScheduleFile.parse(text), planted, 10, KEY)
    for unit in planted:
        block = ["s1", "s0", "s2"].index(unit.stratum)
        steps = seen(plan, 10, unit)
        assert 100 * block <= steps[0] <= 100 * (block + 1)
        assert all(later >= steps[0] for later in steps[1:])
    ages = [step - seen(plan, 10, unit)[0] for unit in planted if unit.stratum == "s1" for step in seen(plan, 10, unit)]
    # Under 1/age half of the mass up to 300 lies at ages below 10.
    assert 0.35 < np.mean([age < 10 for age in ages if age]) < 0.65


def test_blocked_and_interleaved_share_training_differently() -> None:
    planted = units(30, 6, strata=3)
    blocked = plan_order(1800, ScheduleFile.parse('[[rule]]\nschedule="blocked"\ntasks=true'), planted, 6, KEY)
    mixed = plan_order(1800, ScheduleFile.single("interleaved"), planted, 6, KEY)
    for unit in planted:
        assert {step // 100 for step in seen(blocked, 6, unit)} == {int(unit.stratum[1])}
        assert [step // 50 for step in seen(mixed, 6, unit)] == list(range(6))


def test_repeated_units_are_seen_as_often_as_said_and_all_else_once() -> None:
    planted = units(4, 1)
    file = ScheduleFile.parse('[[rule]]\nschedule = "repeat:0.5,5"')
    plan = plan_order(600, file, planted, 1, KEY)
    counts = Counter(plan.order.tolist())
    assert set(counts) == set(range(600))
    repeated = [row for row, times in counts.items() if times > 1]
    assert {counts[row] for row in repeated} == {5}
    assert set(range(4)) <= set(repeated)
    assert len(repeated) * 5 / len(plan.order) == pytest.approx(0.5, abs=0.01)
    index, places = places_of(plan, np.arange(4))
    assert index.tolist() == [row for row in range(4) for _ in range(5)]
    assert plan.order[places].tolist() == index.tolist()


def test_a_document_with_two_scheduled_copies_is_seen_when_the_first_of_them_is_wanted() -> None:
    planted = [PlantedUnit("a", "k", "s", (0, 1)), PlantedUnit("b", "k", "s", (2, 1))]
    plan = plan_order(100, ScheduleFile.single("every:7x2"), planted, 3, KEY)
    assert sorted(plan.order.tolist()) == list(range(100))
    wanted = plan.wanted.step[plan.wanted.row == 1]
    assert int(np.flatnonzero(plan.order == 1)[0]) // 3 == min(wanted)


@pytest.mark.parametrize(
    ("text", "planted", "said"),
    [
        ('[[rule]]\nkind = "none"\nschedule = "once"', units(2, 1), r"rule 1 \(once\): no planted unit meets it"),
        ('[[rule]]\nschedule = "once"', units(2, 3), "dose 3"),
        ('[[rule]]\nschedule = "massed"', [PlantedUnit("a", "k", "s", (5, 5))], "copies of one unit stand in one"),
        ('[[phase]]\nname = "a"\nsteps = 999\n[[rule]]\nschedule = "once"', units(2, 1), "the corpus makes 100"),
        ('[[rule]]\nschedule = "once"\ntasks = ["s0", "s9"]', units(2, 1), "list each stratum once"),
        ('[[rule]]\nschedule = "repeat:0.01,50"', units(9, 1), "9 with planted copies must be"),
        ('[[rule]]\nschedule = "every:60x3"', units(2, 3), "121 steps from the first copy to the last"),
    ],
)
def test_what_does_not_fit_the_corpus_is_refused(text: str, planted: list[PlantedUnit], said: str) -> None:
    with pytest.raises(CorpusError, match=said):
        plan_order(100, ScheduleFile.parse(text), planted, 1, KEY)
