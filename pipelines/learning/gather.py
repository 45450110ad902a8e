"""What `trapline dynamics` is given: scores by checkpoint and step, the draw, and when each unit was seen."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipelines.running.errors import RunError, UsageError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from pipelines.learning.dynamics import DynamicsConfig
    from pipelines.scoring.folder import ScoresFolder
    from pipelines.verdict.sealed_scores import Judged
    from transforms.planting.ledger.check_secrets import Sealed


@dataclass(frozen=True, repr=False)
class Gathered:
    """Scores and all that groups and orders them.

    Attributes:
        sealed: the secrets, drawn.
        judged: all units, in the order of their leaves, which is keyed.
        metric: that is followed, and its version.
        names: of the checkpoints, by step.
        hashes: sha256 of each.
        steps: int64[checkpoints], rising.
        scores: by kind of question (empty for whole texts): float64[checkpoints, units, candidates].
        groups: by name the numbers of the units, int64, in order.
        events: for each unit the steps done before it was seen, int64, rising; empty without any.
        phases: for each unit the phase in which it was first seen; empty without any.
        events_sha256: of the file of events; empty without.
    """

    sealed: "Sealed"
    judged: "Judged"
    metric: tuple[str, int]
    names: Sequence[str]
    hashes: Sequence[str]
    steps: "NDArray[np.int64]"
    scores: "Mapping[str, NDArray[np.float64]]"
    groups: "Mapping[str, NDArray[np.int64]]"
    events: "Sequence[NDArray[np.int64]]" = ()
    phases: Sequence[str] = ()
    events_sha256: str = ""


def gather(config: "DynamicsConfig") -> Gathered:
    """Read secrets, scores and events, and check that they belong together.

    Raises:
        RunError, SealError, UsageError: with what does not.
    """
    import hashlib

    import numpy as np

    from pipelines.verdict.sealed_scores import judged_units
    from transforms.base.errors import SealError
    from transforms.planting.folder import PROBES, secrets_path
    from transforms.planting.ledger.check_secrets import open_secrets

    secrets = secrets_path(config.secrets)
    sealed = open_secrets(secrets)
    if sealed.randomness is None:
        raise SealError(f"--secrets {secrets}: nothing was drawn yet, so nothing was planted: run trapline draw first")
    judged = judged_units(sealed, None)
    metric = config.metric or sealed.plan.metric
    folders = _folders(config, hashlib.sha256((secrets / PROBES).read_bytes()).hexdigest(), metric)
    listed = next(iter(folders.values()))[1]
    steps = steps_of([name for name, _ in listed], config.steps)
    order = np.argsort(steps, kind="stable")
    scores = {ask: _stacked(folder, [name for name, _ in listed], sealed, judged, metric)[order]
              for ask, (folder, _) in folders.items()}  # fmt: skip
    events, phases, events_sha256 = _events(config, sealed, judged)
    version = next(iter(folders.values()))[0][0].metrics[metric]
    return Gathered(
        sealed,
        judged,
        (metric, version),
        [listed[at][0] for at in order],
        [listed[at][1] for at in order],
        steps[order],
        scores,
        _groups(config.by, sealed, judged),
        events,
        phases,
        events_sha256,
    )


def steps_of(names: Sequence[str], given: Sequence[int]) -> "NDArray[np.int64]":
    """The training step of each checkpoint: as given, or the last number in its name; int64.

    Raises:
        UsageError: if a name has no number, numbers are not as many as checkpoints, or two steps are the same.
    """
    import numpy as np

    if given and len(given) != len(names):
        raise UsageError(
            f"--steps: {len(given)} numbers for {len(names)} checkpoints ({', '.join(names)}): give one for each"
        )
    found = list(given)
    if not given:
        for name in names:
            numbers = re.findall(r"\d+", name)
            if not numbers:
                raise UsageError(f"--steps: checkpoint {name!r} has no number in its name: give a step for each")
            found.append(int(numbers[-1]))
    if len(set(found)) < len(found) or min(found) < 0:
        raise UsageError(f"--steps: the checkpoints' steps are {', '.join(map(str, found))}: give 0 or more, each once")
    return np.array(found, np.int64)


_Listed = Sequence[tuple[str, str]]


def _folders(
    config: "DynamicsConfig", probes_sha256: str, metric: str
) -> "dict[str, tuple[list[ScoresFolder], _Listed]]":
    """Folders of scores by the kind of question that was asked, and the checkpoints, which all kinds share."""
    from pipelines.scoring.folder import read_scores
    from pipelines.verdict.sealed_scores import refuse_other_sequences

    found: dict[str, list[ScoresFolder]] = {}
    for uri in config.scores:
        folder = read_scores(uri)
        refuse_other_sequences(folder, probes_sha256)
        if metric not in folder.metrics:
            raise RunError(f"--scores {uri}: has no metric {metric!r}; it has {', '.join(sorted(folder.metrics))}")
        found.setdefault(str(folder.settings.get("ask", "")), []).append(folder)
    listed: dict[str, list[tuple[str, str]]] = {}
    for ask, folders in found.items():
        listed[ask] = [one for folder in folders for one in folder.checkpoints]
        names = [name for name, _ in listed[ask]]
        if len(set(names)) < len(names):
            raise RunError(f"--scores: two folders have a checkpoint of the same name: {_twice(names)!r}")
    first = next(iter(listed.values()))
    for ask, one in listed.items():
        if sorted(one) != sorted(first):
            raise RunError(
                f"--scores: the scores of {ask!r} are of other checkpoints than those before: score the same"
            )
    return {ask: (folders, first) for ask, folders in found.items()}


def _twice(names: Sequence[str]) -> str:
    return next(name for name in names if names.count(name) > 1)


def _stacked(
    folders: "Sequence[ScoresFolder]", names: Sequence[str], sealed: "Sealed", judged: "Judged", metric: str
) -> "NDArray[np.float64]":
    import numpy as np

    from pipelines.verdict.sealed_scores import score_matrices

    found: dict[str, NDArray[np.float64]] = {}
    for folder in folders:
        for (_, name), values in score_matrices(folder, sealed, judged, [metric], planned=False).items():
            found[name] = values
    return np.stack([found[name] for name in names])


def _groups(by: str, sealed: "Sealed", judged: "Judged") -> "dict[str, NDArray[np.int64]]":
    """Numbers of the units by the value of what groups them, values in order."""
    import numpy as np

    if by in ("stratum", "kind", "dose"):
        values: list[str | None] = [str(getattr(unit, by)) for unit in judged.units]
        if by == "dose":
            width = max(len(str(value)) for value in values)
            values = [str(value).rjust(width) for value in values]
    elif by in sealed.covariates:
        if sealed.covariates[by] == "text":
            values = judged.shared(by)
        else:
            values = [f"{value:g}" if value == value else None for value in judged.means(by)]
    else:
        known = ", ".join(["stratum", "kind", "dose", *sealed.covariates])
        raise UsageError(f"--by {by}: is no column of the probes that groups units; choose from {known}")
    found: dict[str, NDArray[np.int64]] = {}
    for value in sorted({one for one in values if one is not None}):
        found[value.strip()] = np.array([at for at, one in enumerate(values) if one == value], np.int64)
    if not found:
        raise UsageError(f"--by {by}: no unit has a value of it that all of its candidates share")
    return found


def _events(
    config: "DynamicsConfig", sealed: "Sealed", judged: "Judged"
) -> "tuple[list[NDArray[np.int64]], list[str], str]":
    """For each unit when it was seen and in which phase first, and the hash of the file that says so."""
    import hashlib

    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    if config.event is not None:
        return [np.array([config.event], np.int64)] * len(judged.units), [], ""
    if not config.events:
        return [], [], ""
    from transforms.base.stores.copies import fetched

    where = f"--events {config.events}"
    try:
        data = fetched(config.events).read_bytes()
        table = pq.read_table(pa.BufferReader(data))
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{where}: cannot be read ({str(error).splitlines()[0]}): give events.parquet") from error
    missing = sorted({"step", "unit", "candidate", "phase"} - set(table.column_names))
    if missing:
        raise RunError(f"{where}: has no column {missing[0]!r}: give the events.parquet that trapline order wrote")
    return (*_seen(table, sealed, judged, where), hashlib.sha256(data).hexdigest())


def _seen(
    table: "pa.Table", sealed: "Sealed", judged: "Judged", where: str
) -> "tuple[list[NDArray[np.int64]], list[str]]":
    import numpy as np

    planted = {unit.id: unit.candidates[arm].id for unit, arm in zip(judged.units, sealed.arms, strict=True)}
    seen: dict[str, list[tuple[int, str]]] = {unit.id: [] for unit in judged.units}
    columns = (table[name].to_pylist() for name in ("unit", "candidate", "step", "phase"))
    for unit, candidate, step, phase in zip(*columns, strict=True):
        if planted.get(unit) != candidate:
            raise RunError(
                f"{where}: has events of candidates that these secrets did not plant: is of another campaign"
            )
        seen[unit].append((step, phase))
    fewer = sum(len(seen[unit.id]) < unit.dose for unit in judged.units)
    if fewer:
        raise RunError(
            f"{where}: has fewer events than copies of {fewer} of {len(seen)} units: give the events of the whole run"
        )
    ordered = [sorted(seen[unit.id]) for unit in judged.units]
    steps = [np.unique(np.array([step for step, _ in one], np.int64)) for one in ordered]
    phases = [one[0][1] for one in ordered]
    return steps, phases if all(phases) else []
