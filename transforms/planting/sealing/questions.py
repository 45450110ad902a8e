"""Questions about units: read from what a maker wrote, checked against the units, and put into one order."""

import unicodedata
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from schemas.described import SchemaMismatchError, check
from schemas.secret.questions import QUESTIONS
from transforms.base.errors import SealError
from transforms.planting.tables.unit import Unit


def conform_questions(tables: Sequence[tuple[str, pa.Table]], units: Sequence[Unit]) -> pa.Table:
    """All questions as one table in the order of the units, then by kind and number of the cue.

    Args:
        tables: name (for messages) and content of each file.
        units: all that are asked about; their order is that of the rows.

    Raises:
        SchemaMismatchError: naming the file that is no table of questions.
        SealError: naming file and row of a question that does not suit its unit, or that can be answered without
            having seen what was planted.
    """
    by_id = {unit.id: place for place, unit in enumerate(units)}
    parts, keys = [], []
    seen: dict[tuple[str, str, int], str] = {}
    for where, table in tables:
        check(table.schema, QUESTIONS, where)
        part = table.cast(QUESTIONS)
        if any(part[one.name].null_count for one in QUESTIONS if not one.nullable):
            raise SchemaMismatchError(f"{where}: holds nulls where none may be")
        for number, row in enumerate(part.to_pylist()):
            place = f"{where}: row {number}"
            if row["unit"] not in by_id:
                raise SealError(f"{place}: asks about a unit that the probes do not have")
            _refuse_bad(row, units[by_id[row["unit"]]], place)
            key = (row["unit"], row["ask"], row["slot"])
            if key in seen:
                raise SealError(f"{place}: the same cue number of the same unit and kind as in {seen[key]}")
            seen[key] = place
            keys.append((by_id[row["unit"]], row["ask"], row["slot"]))
        parts.append(part)
    _refuse_gaps(seen)
    whole = pa.concat_tables(parts).combine_chunks()
    order = sorted(range(len(keys)), key=keys.__getitem__)
    return whole.take(pa.array(order, pa.int64())).cast(QUESTIONS)


def without_questions(questions: pa.Table, ask: str, units: Sequence[Unit]) -> int:
    """Units that have no question of a kind."""
    return cues_of_units(questions, ask, units).count(0)


def cues_of_units(questions: pa.Table, ask: str, units: Sequence[Unit]) -> list[int]:
    """How many cues of a kind each unit has."""
    columns = (questions[name].to_pylist() for name in ("unit", "ask"))
    times = Counter(unit for unit, kind in zip(*columns, strict=True) if kind == ask)
    return [times[unit.id] for unit in units]


def plain(answer: str) -> str:
    """An answer without case, width and spacing: two answers that differ in no more are one."""
    return " ".join(unicodedata.normalize("NFKC", answer).casefold().split())


def _refuse_bad(row: dict[str, object], unit: Unit, place: str) -> None:
    """Raise for a row that does not suit its unit; the message shows neither cue nor answer."""
    answers, truth, weight = row["answers"], row["truth"], row["weight"]
    assert isinstance(answers, list) and isinstance(weight, float)  # noqa: S101, PT018 - the schema says so
    if not str(row["ask"]).strip():
        raise SealError(f"{place}: its kind (ask) is empty")
    if len(answers) != len(unit.candidates):
        raise SealError(f"{place}: {len(answers)} answers for a unit of {len(unit.candidates)} candidates")
    if not np.isfinite(weight) or weight <= 0:
        raise SealError(f"{place}: weight {weight}; give a number above 0")
    if not (str(row["before"]) + str(row["lead"])).strip():
        raise SealError(f"{place}: its cue is empty")
    for number, answer in enumerate(answers):
        if not answer or answer != answer.strip():
            raise SealError(
                f"{place}: answer {number} is empty, or begins or ends with white space: the lead holds what separates "
                "it from its cue"
            )
    if len({plain(one) for one in answers}) == 1:
        raise SealError(f"{place}: all candidates have one and the same answer, which tells nothing")
    if isinstance(truth, str) and plain(truth) in {plain(one) for one in answers}:
        raise SealError(
            f"{place}: the true answer is among the candidates': whoever infers it would prefer it in every unit "
            "without having seen what was planted; leave it out"
        )


def _refuse_gaps(seen: dict[tuple[str, str, int], str]) -> None:
    counts: dict[tuple[str, str], list[int]] = {}
    for unit, ask, slot in seen:
        counts.setdefault((unit, ask), []).append(slot)
    for (unit, ask), slots in counts.items():
        if sorted(slots) != list(range(len(slots))):
            where = seen[unit, ask, slots[0]]
            raise SealError(
                f"{where}: the {len(slots)} cues of its unit and kind are not numbered 0 to {len(slots) - 1}"
            )
