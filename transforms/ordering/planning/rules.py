"""The file of a schedule: phases of training, and rules that say which units follow which schedule."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from transforms.ordering.planning.schedules import Schedule

CORPUS = ("shuffle", "input")
_REPEAT = "repeat"


@dataclass(frozen=True)
class Repeat:
    """Some documents are seen several times: `repeat:f,E`.

    Attributes:
        share: of all documents that are seen, repeats counted.
        times: that each of them is seen.
    """

    share: float
    times: int

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{_REPEAT}:{self.share:g},{self.times}"

    @classmethod
    def parse(cls, text: str) -> "Repeat":
        """From 'repeat:0.1,100'.

        Raises:
            ValueError: with what is allowed.
        """
        try:
            share, times = text.removeprefix(f"{_REPEAT}:").split(",")
            found = cls(float(share), int(times))
        except ValueError:
            found = cls(0, 0)
        if not (0 < found.share < 1 and found.times >= 2):
            raise ValueError(f"{text!r}: give repeat:f,E with a share f between 0 and 1 and E times, 2 or more")
        return found


@dataclass(frozen=True)
class Phase:
    """A stretch of training, behind the one before it; None steps: to the end."""

    name: str
    steps: int | None


@dataclass(frozen=True)
class Rule:
    """The units that meet every condition follow a schedule. None, as a condition, is met by all.

    Attributes:
        schedule: what they follow.
        kind: of the probe.
        stratum: of the unit.
        dose: copies of the unit.
        phase: in which they are seen; empty: in all of training.
        tasks: the strata in the order in which they are learnt, each in a block of the window that holds the first
            copies of its units; empty: sorted by name; None: strata are no tasks.
    """

    schedule: Schedule | Repeat
    kind: str | None = None
    stratum: str | None = None
    dose: int | None = None
    phase: str = ""
    tasks: tuple[str, ...] | None = None

    def meets(self, kind: str, stratum: str, dose: int) -> bool:
        """Whether a unit meets the conditions."""
        wanted = ((self.kind, kind), (self.stratum, stratum), (self.dose, dose))
        return all(condition in (None, found) for condition, found in wanted)


@dataclass(frozen=True)
class ScheduleFile:
    """When what is planted is seen, and in which order all else.

    Attributes:
        corpus: order of the documents without a scheduled copy: 'shuffle' or 'input'.
        repeat: documents that are seen several times, chosen by a keyed hash; None for none.
        phases: of training; none: it is all one.
        rules: the first that a unit meets decides; a unit that meets none is shuffled with the corpus.
    """

    corpus: str = "shuffle"
    repeat: Repeat | None = None
    phases: tuple[Phase, ...] = ()
    rules: tuple[Rule, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "ScheduleFile":
        """From TOML.

        Raises:
            ValueError: with the key, and what is allowed.
        """
        found = tomllib.loads(text)
        _refuse_unknown(found, ("corpus", "phase", "rule"), "the file")
        corpus = found.get("corpus", "shuffle")
        phases = tuple(_phase(one) for one in _tables(found, "phase"))
        rules = tuple(_rule(one) for one in _tables(found, "rule"))
        return cls.of(corpus, phases, rules)

    @classmethod
    def single(cls, text: str) -> "ScheduleFile":
        """All units by one schedule.

        Raises:
            ValueError: with what is allowed.
        """
        return cls.of("shuffle", (), (_rule({"schedule": text}),))

    @classmethod
    def of(cls, corpus: object, phases: tuple[Phase, ...], rules: tuple[Rule, ...]) -> "ScheduleFile":
        """Check the parts together.

        Raises:
            ValueError: with what does not fit.
        """
        repeating = [one.schedule for one in rules if isinstance(one.schedule, Repeat)]
        if isinstance(corpus, str) and corpus.startswith(_REPEAT):
            repeating.append(Repeat.parse(corpus))
            corpus = "shuffle"
        if corpus not in CORPUS:
            raise ValueError(f"corpus = {corpus!r}: give 'shuffle', 'input' or 'repeat:f,E'")
        if len(set(repeating)) > 1:
            raise ValueError("repeat: one share and one number of times for the whole order")
        if repeating and corpus == "input":
            raise ValueError("corpus = 'input': an order with repeats is shuffled")
        _check_phases(phases, rules)
        return cls(str(corpus), repeating[0] if repeating else None, phases, rules)


def _check_phases(phases: Sequence[Phase], rules: Sequence[Rule]) -> None:
    names = [one.name for one in phases]
    if len(set(names)) < len(names):
        raise ValueError("phase: two have the same name")
    if any(one.steps is None for one in phases[:-1]):
        raise ValueError("phase: only the last may lack its steps; it is the rest of training")
    for rule in rules:
        if rule.phase and rule.phase not in names:
            raise ValueError(f"rule: phase {rule.phase!r} is not among the phases ({', '.join(map(repr, names))})")


def _tables(found: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    tables = found.get(name, [])
    if not isinstance(tables, list) or not all(isinstance(one, Mapping) for one in tables):
        raise ValueError(f"{name}: write [[{name}]] above its settings")
    return tables


def _phase(table: Mapping[str, Any]) -> Phase:
    _refuse_unknown(table, ("name", "steps"), "[[phase]]")
    name, steps = _typed(table, "name", str, "phase"), _typed(table, "steps", int, "phase")
    if not name or (steps is not None and steps < 1):
        raise ValueError("phase: give a name, and steps of 1 or more")
    return Phase(name, steps)


def _rule(table: Mapping[str, Any]) -> Rule:
    _refuse_unknown(table, ("schedule", "kind", "stratum", "dose", "phase", "tasks"), "[[rule]]")
    text = _typed(table, "schedule", str, "rule")
    if text is None:
        raise ValueError("rule: give its schedule")
    repeat = text.startswith(_REPEAT)
    schedule = Repeat.parse(text) if repeat else Schedule.parse(text)
    rule = Rule(
        schedule,
        kind=_typed(table, "kind", str, "rule"),
        stratum=_typed(table, "stratum", str, "rule"),
        dose=_typed(table, "dose", int, "rule"),
        phase=_typed(table, "phase", str, "rule") or "",
        tasks=_tasks(table.get("tasks", False)),
    )
    if isinstance(schedule, Repeat):
        if rule.phase or rule.tasks is not None:
            raise ValueError(f"rule: {text} goes on through all of training, without phase and tasks")
        return rule
    if schedule.kind.tasks == "must not" and rule.tasks is not None:
        raise ValueError(f"rule: {text} has no blocks of tasks: leave tasks out")
    if schedule.kind.tasks == "must" and rule.tasks is None:
        raise ValueError(f"rule: {text} needs tasks = true, or the strata in their order")
    return rule


def _tasks(value: object) -> tuple[str, ...] | None:
    if isinstance(value, bool):
        return () if value else None
    if not isinstance(value, list) or not value or not all(isinstance(one, str) for one in value):
        raise ValueError("rule: tasks is true, or the list of strata in the order in which they are learnt")
    return tuple(value)


def _typed(table: Mapping[str, Any], name: str, kind: type, where: str) -> Any:
    value = table.get(name)
    if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
        raise ValueError(f"{where}: {name} = {value!r} must be {'text' if kind is str else 'a whole number'}")
    return value


def _refuse_unknown(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise ValueError(f"{key!r} is unknown in {where}: it has {', '.join(known)}")
