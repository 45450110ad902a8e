"""The plan of an order: which row of the input stands at which place, decided on row numbers alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.errors import CorpusError
from transforms.base.keyed import numbers
from transforms.base.readable import count, counted
from transforms.ordering.planning.places import merged, mixed_within_steps, queued, repeated_share, repeats
from transforms.ordering.planning.rules import Repeat, Rule, ScheduleFile
from transforms.ordering.planning.schedules import Window
from transforms.ordering.planning.shuffle import Rows, shuffled

_ROWS, _SUBSET = "trapline/v1/order", "trapline/v1/order-repeated"
_STEPS, _TIES = "trapline/v1/order-steps", "trapline/v1/order-ties"


@dataclass(frozen=True, repr=False)
class PlantedUnit:
    """A unit whose copies stand in the corpus.

    Attributes:
        id: of the unit.
        kind: of the probe.
        stratum: of the unit.
        rows: row of each copy among all rows of the input, in the order of the copies.
    """

    id: str
    kind: str
    stratum: str
    rows: tuple[int, ...]


@dataclass(frozen=True, repr=False)
class Wanted:
    """What the schedules ask for, one entry a scheduled copy.

    Attributes:
        unit: int64[n], number of the unit.
        copy: int64[n].
        row: int64[n], row of the input that holds the copy.
        step: int64[n].
        tie: uint64[n], keyed words.
    """

    unit: Rows
    copy: Rows
    row: Rows
    step: Rows
    tie: npt.NDArray[np.uint64]


@dataclass(frozen=True, repr=False)
class Plan:
    """A training order.

    Attributes:
        order: int64[m], the row of the input at each place.
        rules: the rule that each unit follows; None for none.
        wanted: what the schedules ask for.
        phase_starts: first step of each phase, and behind them the one after the last.
    """

    order: Rows
    rules: tuple[Rule | None, ...]
    wanted: Wanted
    phase_starts: tuple[int, ...]


def plan_order(rows: int, file: ScheduleFile, units: Sequence[PlantedUnit], batch: int, key: bytes) -> Plan:
    """Decide the whole order.

    Every row of the input is seen once; those that `repeat` chooses, several times.

    Args:
        rows: of the input.
        file: phases and rules.
        units: planted ones.
        batch: documents per step.
        key: of the order, 32 bytes.

    Raises:
        CorpusError: if what is asked for does not fit.
    """
    rules = tuple(_rule_of(unit, file.rules) for unit in units)
    for number, rule in enumerate(file.rules, 1):
        if not any(rule is own for own in rules):
            raise CorpusError(
                f"rule {number} ({rule.schedule.text}): no planted unit meets it, or an earlier rule has them all"
            )
    forced = _forced(units, rules)
    held = _scheduled_rows(units, rules)
    if np.isin(forced, held).any():
        raise CorpusError("a document holds a copy that is repeated and one that is scheduled: name only one of them")
    background = shuffled(key, _ROWS, rows) if file.corpus == "shuffle" else np.arange(rows)
    if len(held):
        taken = np.zeros(rows, np.bool_)
        taken[held] = True
        background = background[~taken[background]]
    if file.repeat is not None:
        background = _with_repeats(background, forced, file.repeat, key)
    total = len(background) + len(held)
    steps = -(-total // batch)
    starts = _phase_starts(file, steps)
    wanted = _wanted(units, rules, file, starts, steps, key)
    if not len(held):
        return Plan(background, rules, wanted, starts)
    # A document with several scheduled copies follows the one that is wanted first.
    first = np.lexsort((wanted.tie, wanted.step, wanted.row))
    first = first[np.append(True, np.diff(wanted.row[first]) != 0)]
    places = queued(wanted.step[first], wanted.tie[first], batch, total)
    order = merged(places, wanted.row[first], background)
    return Plan(mixed_within_steps(order, key, batch), rules, wanted, starts)


def places_of(plan: Plan, rows: Rows) -> tuple[Rows, Rows]:
    """Every place at which the rows are seen: int64[k] indices into `rows`, ascending, and int64[k] places."""
    wanted = np.unique(rows)
    found = np.flatnonzero(np.isin(plan.order, wanted))
    found = found[np.lexsort((found, plan.order[found]))]
    lo, hi = (np.searchsorted(plan.order[found], rows, side=side) for side in ("left", "right"))
    times = hi - lo
    index = np.repeat(np.arange(len(rows)), times)
    within = np.arange(len(index)) - np.repeat(np.cumsum(times) - times, times)
    return index, found[lo[index] + within]


def _rule_of(unit: PlantedUnit, rules: Sequence[Rule]) -> Rule | None:
    return next((rule for rule in rules if rule.meets(unit.kind, unit.stratum, len(unit.rows))), None)


def _forced(units: Sequence[PlantedUnit], rules: Sequence[Rule | None]) -> Rows:
    """Rows of the units that are to be repeated, int64[k] ascending."""
    pairs = zip(units, rules, strict=True)
    found = [unit.rows for unit, rule in pairs if rule is not None and isinstance(rule.schedule, Repeat)]
    return np.unique(np.array([row for rows in found for row in rows], np.int64))


def _scheduled_rows(units: Sequence[PlantedUnit], rules: Sequence[Rule | None]) -> Rows:
    """Rows of the units with a step for each copy, int64[k] ascending.

    Raises:
        CorpusError: if two copies of a unit are in one document.
    """
    found: list[int] = []
    for unit, rule in zip(units, rules, strict=True):
        if rule is None or isinstance(rule.schedule, Repeat):
            continue
        if len(set(unit.rows)) < len(unit.rows):
            raise CorpusError(
                "copies of one unit stand in one document and so are seen together: no schedule can part them; plant "
                "with --placement corpus"
            )
        found += unit.rows
    return np.unique(np.array(found, np.int64))


def _with_repeats(background: Rows, forced: Rows, repeat: Repeat, key: bytes) -> Rows:
    chosen = repeated_share(len(background), repeat.share, repeat.times)
    if chosen < max(1, len(forced)):
        raise CorpusError(
            f"{repeat.text}: {counted(chosen, 'document')} of {count(len(background))} would be repeated, and "
            f"{count(len(forced))} with planted copies must be: take a larger share, or fewer times"
        )
    is_forced = np.isin(background, forced)
    others = background[~is_forced]
    picked = shuffled(key, _SUBSET, len(others))[: chosen - len(forced)]
    is_picked = np.zeros(len(others), np.bool_)
    is_picked[picked] = True
    return repeats(others[~is_picked], np.concatenate([forced, others[is_picked]]), repeat.times, key)


def _phase_starts(file: ScheduleFile, steps: int) -> tuple[int, ...]:
    """First step of each phase and the step after the last.

    Raises:
        CorpusError: if training is shorter than its phases.
    """
    if not file.phases:
        return (0, steps)
    starts = [0]
    for phase in file.phases:
        starts.append(starts[-1] + phase.steps if phase.steps is not None else max(steps, starts[-1] + 1))
    if starts[-1] > steps:
        raise CorpusError(f"the phases have {count(starts[-1])} steps and the corpus makes {count(steps)}: shorten one")
    return tuple(starts)


def _wanted(
    units: Sequence[PlantedUnit],
    rules: Sequence[Rule | None],
    file: ScheduleFile,
    starts: tuple[int, ...],
    steps: int,
    key: bytes,
) -> Wanted:
    columns: tuple[list[int], ...] = ([], [], [], [])
    ties: list[npt.NDArray[np.uint64]] = []
    names = [phase.name for phase in file.phases]
    tasks = {id(rule): _tasks(rule, units, rules) for rule in file.rules}
    for number, (unit, rule) in enumerate(zip(units, rules, strict=True)):
        if rule is None or isinstance(rule.schedule, Repeat):
            continue
        at = names.index(rule.phase) if rule.phase else None
        lo, hi = (0, steps) if at is None else (starts[at], starts[at + 1])
        copies = len(unit.rows)
        window = _window(lo, hi, tasks[id(rule)], unit.stratum)
        own = numbers(key, _STEPS, unit.id, count=copies).tolist()
        found = rule.schedule.steps(copies, window, own)
        for column, values in zip(columns, ([number] * copies, range(copies), unit.rows, found), strict=True):
            column.extend(values)
        ties.append(numbers(key, _TIES, unit.id, count=copies))
    unit_at, copy, row, step = (np.array(column, np.int64) for column in columns)
    return Wanted(unit_at, copy, row, step, np.concatenate([np.empty(0, np.uint64), *ties]))


def _tasks(rule: Rule, units: Sequence[PlantedUnit], rules: Sequence[Rule | None]) -> tuple[str, ...] | None:
    """The tasks of a rule in their order; None if it has none.

    Raises:
        CorpusError: if those that it lists are not the strata of its units.
    """
    if rule.tasks is None:
        return None
    strata = {unit.stratum for unit, own in zip(units, rules, strict=True) if own is rule}
    if rule.tasks and (set(rule.tasks) != strata or len(rule.tasks) > len(strata)):
        raise CorpusError(
            f"rule: the units have {count(len(strata))} strata, and tasks lists {count(len(rule.tasks))}: list each "
            "stratum once, or write tasks = true"
        )
    return rule.tasks or tuple(sorted(strata))


def _window(lo: int, hi: int, tasks: tuple[str, ...] | None, stratum: str) -> Window:
    if tasks is None:
        return Window(lo, hi, hi)
    at, length = tasks.index(stratum), hi - lo
    edges = [lo + length * part // len(tasks) for part in range(at, len(tasks) + 1)]
    if edges[0] == edges[1]:
        raise CorpusError(f"{counted(len(tasks), 'task')} share {counted(length, 'step')}: each needs one at least")
    return Window(edges[0], edges[1], hi, tuple(edges[2:]))
