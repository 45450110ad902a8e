"""What an order leaves among the secrets: when each planted copy is seen, and how that was decided."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.documents import to_bytes
from schemas.secret.events import EVENTS
from transforms.ordering.planning.plan import Plan, PlantedUnit, places_of
from transforms.ordering.planning.rules import ScheduleFile
from transforms.ordering.planning.shuffle import Rows

VERSION = 1


@dataclass(frozen=True)
class OrderRecord:
    """The content of `order.json`, which is secret."""

    run: str
    """Name of the run, as the manifest of the ordered corpus has it."""
    manifest: bytes
    """SHA-256 of that manifest."""
    planted: bytes
    """SHA-256 of the manifest of the planted corpus that was ordered."""
    schedule: str
    """As it was given: one schedule, or the content of the file."""
    settings: Mapping[str, Any]
    """Seed and documents per step."""
    counts: Mapping[str, int]
    """Events, scheduled copies, and those that are seen in another step than they want."""
    files: Mapping[str, bytes]
    """SHA-256 of each file beside this one."""

    def to_bytes(self) -> bytes:
        """The document."""
        content = {
            "run": self.run,
            "manifest": self.manifest.hex(),
            "planted": self.planted.hex(),
            "schedule": self.schedule,
            "settings": dict(self.settings),
            "counts": dict(self.counts),
            "files": {name: sha256.hex() for name, sha256 in self.files.items()},
        }
        return to_bytes("order", VERSION, content)


def planted_units(ledger: pa.Table, file_starts: Rows) -> tuple[list[PlantedUnit], Rows, Rows]:
    """The units of a ledger by their ids, the number of the unit of each row of it, and the row of the input it is in.

    Args:
        ledger: columns of `LEDGER`.
        file_starts: int64[shards + 1], rows of the input before each of the planted shards.
    """
    rows = file_starts[ledger["shard"].to_numpy()] + ledger["row"].to_numpy()
    names, kinds, strata, copies = (ledger[name].to_pylist() for name in ("unit", "kind", "stratum", "copy"))
    held: dict[str, list[int]] = {}
    for at, name in enumerate(names):
        held.setdefault(name, []).append(at)
    units, numbers = [], np.empty(len(names), np.int64)
    for number, name in enumerate(sorted(held)):
        own = sorted(held[name], key=copies.__getitem__)
        numbers[own] = number
        units.append(PlantedUnit(name, kinds[own[0]], strata[own[0]], tuple(rows[own].tolist())))
    return units, numbers, rows


def moved(plan: Plan, batch: int) -> int:
    """Scheduled copies that are seen in another step than they want."""
    index, places = places_of(plan, plan.wanted.row)
    return int(np.count_nonzero(places // batch != plan.wanted.step[index]))


def events(
    plan: Plan, file: ScheduleFile, ledger: pa.Table, units: Rows, rows: Rows, batch: int, starts: Sequence[int]
) -> pa.Table:
    """The table of events.

    Args:
        plan: the order.
        file: whose phases are named.
        ledger: columns of `LEDGER`.
        units: int64[n], the number of the unit of each of the ledger's rows.
        rows: int64[n], the row of the input that holds it.
        batch: documents per step.
        starts: first place of each shard of the output, and behind them the number of places.

    Returns:
        Columns of `EVENTS`.
    """
    index, places = places_of(plan, rows)
    first = np.searchsorted(index, index)
    exposure = np.arange(len(index)) - first
    order = np.lexsort((index, places))
    index, places, exposure = index[order], places[order], exposure[order]
    steps, edges = places // batch, np.array(starts, np.int64)
    shards = np.searchsorted(edges, places, side="right") - 1
    wanted = _wanted_steps(plan, ledger, units)[index]
    phases = np.array([*(phase.name for phase in file.phases), ""], object)
    phase = np.minimum(np.searchsorted(plan.phase_starts, steps, side="right") - 1, len(phases) - 1)
    schedules = np.array([*("" if rule is None else rule.schedule.text for rule in plan.rules), ""], object)
    own = ledger.take(pa.array(index))
    columns = {
        "event": pa.array(np.arange(len(index))),
        "position": pa.array(places),
        "step": pa.array(steps),
        "wanted": pa.array(wanted, mask=wanted < 0),
        "phase": pa.array(phases[phase].tolist(), pa.string()),
        "shard": pa.array(shards.astype(np.int32)),
        "row": pa.array(places - edges[shards]),
        "exposure": pa.array(exposure.astype(np.int32)),
        "schedule": pa.array(schedules[units[index]].tolist(), pa.string()),
    }
    return pa.table([columns[name] if name in columns else own[name] for name in EVENTS.names], schema=EVENTS)


def _wanted_steps(plan: Plan, ledger: pa.Table, units: Rows) -> Rows:
    """The step that the schedule wants for each row of the ledger, -1 for none: int64[n]."""
    asked = zip(*(column.tolist() for column in (plan.wanted.unit, plan.wanted.copy, plan.wanted.step)), strict=True)
    steps = {(unit, copy): step for unit, copy, step in asked}
    pairs = zip(units.tolist(), ledger["copy"].to_pylist(), strict=True)
    return np.array([steps.get(pair, -1) for pair in pairs], np.int64)
