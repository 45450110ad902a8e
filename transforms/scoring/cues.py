"""Cues in place of contexts: what precedes each answer, the answer of each candidate, and who competes with whom."""

import os
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.described import SchemaMismatchError, check
from schemas.secret.questions import QUESTIONS
from transforms.base.errors import CorpusError, cause_of
from transforms.base.stores.copies import fetched
from transforms.scoring.contexts import Slots
from transforms.scoring.metrics.inputs import Cues, Floats, Ints


def read_cues(path: str, ask: str) -> Slots:
    """The cues of one kind in a file of questions, of this machine or of an object store, with the answers to them.

    It is read once as long as it stays as it is.

    Raises:
        CorpusError: if it is no such file, has no question of the kind, or has a cue twice.
    """
    try:
        path = str(fetched(path))
        status = os.stat(path)  # noqa: PTH116 - the path is text in messages, too
    except OSError as error:
        raise CorpusError(f"--questions {path}: cannot be read ({cause_of(error)})") from error
    return _read(path, ask, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=1)
def _read(path: str, ask: str, _modified: int, _size: int) -> Slots:
    try:
        check(pq.read_schema(path), QUESTIONS, path)
        table = pq.read_table(path, schema=QUESTIONS)
    except (OSError, pa.ArrowException, SchemaMismatchError) as error:
        raise CorpusError(
            f"--questions {path}: cannot be read ({error}); give the questions.parquet of the secrets"
        ) from error
    asked = table.filter(pc.equal(table["ask"], ask))
    if not asked.num_rows:
        kinds = ", ".join(sorted(table["ask"].unique().to_pylist())) or "none"
        raise CorpusError(f"--ask {ask}: no question of {path} is of that kind; it has {kinds}")
    asked = asked.sort_by([("unit", "ascending"), ("slot", "ascending")])
    texts = pc.binary_join_element_wise(
        asked["before"], asked["lead"].cast(pa.large_string()), pa.scalar("", pa.large_string())
    )
    by_unit: dict[str, list[tuple[int, str]]] = {}
    answers: dict[str, list[Sequence[str]]] = {}
    weights: dict[str, list[float]] = {}
    columns = (asked[name].to_pylist() for name in ("unit", "slot", "weight", "answers"))
    for text, unit, slot, weight, given in zip(texts.to_pylist(), *columns, strict=True):
        known = by_unit.setdefault(unit, [])
        if known and known[-1][0] == slot:
            raise CorpusError(f"--questions {path}: a unit has cue {slot} of {ask!r} twice")
        known.append((slot, text))
        answers.setdefault(unit, []).append(given)
        weights.setdefault(unit, []).append(weight)
    return Slots(by_unit, max(map(len, by_unit.values())), answers, weights)


def refuse_other_units(cues: Slots, units: Sequence[str], candidates: Sequence[int], ask: str, where: str) -> None:
    """Check that sequences are whole units, one after the other, each with cues and an answer for every candidate.

    Args:
        cues: of the kind that is asked.
        units: unit of each row.
        candidates: number of each row within its unit.
        ask: the kind, for messages.
        where: names the sequences, for messages.

    Raises:
        CorpusError: naming the row; no unit, cue or answer is shown.
    """
    done: set[str] = set()
    at = 0
    while at < len(units):
        unit, end = units[at], at
        while end < len(units) and units[end] == unit:
            end += 1
        if unit in done:
            raise CorpusError(
                f"{where}: row {at}: candidates of one unit do not stand together: sort by unit and candidate"
            )
        done.add(unit)
        if list(candidates[at:end]) != list(range(end - at)):
            raise CorpusError(
                f"{where}: row {at}: the candidates of its unit are not numbered 0 to {end - at - 1} in order: whole "
                "units are scored, as the sealed probes.parquet holds them"
            )
        if unit not in cues.by_unit:
            raise CorpusError(f"{where}: row {at}: its unit has no question of the kind {ask!r}")
        for (slot, _), given in zip(cues.by_unit[unit], cues.answers[unit], strict=True):
            if len(given) != end - at:
                raise CorpusError(
                    f"{where}: row {at}: its unit has {end - at} candidates, and cue {slot} of {ask!r} has answers "
                    f"of {len(given)}"
                )
        at = end


def cues_of(cues: Slots, units: Sequence[str], rows: Ints, slots: Ints) -> tuple[Cues, Floats]:
    """Which entries answer the same cue, and the weight of each entry's cue.

    Args:
        cues: of the kind that is asked.
        units: unit of each row, units of which stand together.
        rows: int64[n], row of each entry.
        slots: int64[n], number of its cue.
    """
    numbers = {unit: number for number, unit in enumerate(dict.fromkeys(units))}
    places = {unit: {slot: place for place, (slot, _) in enumerate(cues.by_unit[unit])} for unit in numbers}
    groups, candidates = np.empty(len(rows), np.int64), np.empty(len(rows), np.int64)
    weights = np.empty(len(rows))
    for at, (row, slot) in enumerate(zip(rows.tolist(), slots.tolist(), strict=True)):
        unit = units[row]
        place = places[unit][slot]
        groups[at] = numbers[unit] * cues.most + place
        candidates[at] = len(cues.answers[unit][place])
        weights[at] = cues.weights[unit][place]
    return Cues(groups, candidates), weights


def uneven(groups: Ints, lengths: Ints) -> Ints:
    """Pairs of entries that answer the same cue with different numbers of tokens, one pair per cue: int64[cues, 2].

    An entry of no token, which is not scored, counts for nothing.
    """
    order = np.argsort(groups, kind="stable")
    order = order[lengths[order] > 0]
    found = np.flatnonzero((np.diff(groups[order]) == 0) & (np.diff(lengths[order]) != 0))
    _, first = np.unique(groups[order][found], return_index=True)
    return np.stack([order[found[first]], order[found[first] + 1]], axis=1)
