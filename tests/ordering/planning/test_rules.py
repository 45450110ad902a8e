"""The file of a schedule: what it may say, and what is refused."""

import pytest

from transforms.ordering.planning.rules import Phase, Repeat, Rule, ScheduleFile
from transforms.ordering.planning.schedules import Schedule

WHOLE = """
corpus = "input"

[[phase]]
name = "background"
steps = 600

[[phase]]
name = "study"

[[rule]]
kind = "facts"
stratum = "once"
dose = 1
phase = "study"
schedule = "once"

[[rule]]
schedule = "power:1.5"
tasks = ["b", "a"]
"""


def test_a_file_is_read_as_it_says() -> None:
    assert ScheduleFile.parse(WHOLE) == ScheduleFile(
        corpus="input",
        phases=(Phase("background", 600), Phase("study", None)),
        rules=(
            Rule(Schedule("once", "once"), "facts", "once", 1, "study"),
            Rule(Schedule("power:1.5", "power", (1.5,)), tasks=("b", "a")),
        ),
    )


def test_a_rule_without_conditions_meets_all_and_each_condition_leaves_out_others() -> None:
    assert Rule(Schedule("once", "once")).meets("k", "s", 3)
    rule = Rule(Schedule("once", "once"), kind="k", stratum="s", dose=3)
    assert rule.meets("k", "s", 3)
    assert not any(rule.meets(*other) for other in (("l", "s", 3), ("k", "t", 3), ("k", "s", 2)))


def test_repeats_of_the_corpus_and_of_units_are_one() -> None:
    found = ScheduleFile.parse('corpus = "repeat:0.1,100"\n[[rule]]\nschedule = "repeat:0.1,100"')
    assert found.repeat == Repeat(0.1, 100)
    assert found.rules == (Rule(Repeat(0.1, 100)),)
    assert ScheduleFile.single("repeat:0.1,100").repeat == Repeat(0.1, 100)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1", "'x' is unknown in the file"),
        ('corpus = "random"', "give 'shuffle', 'input' or 'repeat:f,E'"),
        ('corpus = "repeat:2,3"', "a share f between 0 and 1"),
        ('corpus = "repeat:0.1,100"\n[[rule]]\nschedule = "repeat:0.2,100"', "one share"),
        ('corpus = "input"\n[[rule]]\nschedule = "repeat:0.2,100"', "is shuffled"),
        ("rule = 3", r"write \[\[rule\]\]"),
        ("[[rule]]\ndose = 1", "give its schedule"),
        ('[[rule]]\nschedule = "once"\nstrata = "a"', "'strata' is unknown"),
        ('[[rule]]\nschedule = "once"\ndose = "1"', "dose = '1' must be a whole number"),
        ('[[rule]]\nschedule = "once"\nphase = "late"', "phase 'late' is not among"),
        ('[[rule]]\nschedule = "blocked"', "needs tasks"),
        ('[[rule]]\nschedule = "interleaved"\ntasks = true', "leave tasks out"),
        ('[[rule]]\nschedule = "once"\ntasks = 3', "tasks is true, or the list"),
        ('[[rule]]\nschedule = "repeat:0.1,3"\ntasks = true', "without phase and tasks"),
        ('[[phase]]\nname = "a"\n[[phase]]\nname = "b"', "only the last"),
        ('[[phase]]\nname = "a"\nsteps = 1\n[[phase]]\nname = "a"', "the same name"),
        ('[[phase]]\nname = "a"\nsteps = 0', "steps of 1 or more"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_name(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        ScheduleFile.parse(text)
