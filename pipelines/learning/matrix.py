"""Scores by stage and task, and the metrics of transfer between tasks."""

from typing import TYPE_CHECKING, Any

from pipelines.learning.arms import LEAST_UNITS, seed_of, split_arms
from pipelines.learning.gather import Gathered
from pipelines.running.errors import UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.learning.dynamics import DynamicsConfig

Tree = dict[str, Any]


def transfer_matrix(
    gathered: Gathered, config: "DynamicsConfig", values: "NDArray[np.float64]", ask: str
) -> Tree | None:
    """Scores by stage and task, and the metrics of transfer, in two values: AUC within units and the difference."""
    import numpy as np

    from transforms.scoring.metrics.analysis import transfer
    from transforms.scoring.metrics.analysis.arms import recognition
    from transforms.scoring.metrics.analysis.gains import interval, unit_weights

    tasks = _tasks(gathered, config)
    if tasks is None:
        return None
    names, members, rows, fresh_row = tasks
    found: Tree = {
        "ask": ask,
        "tasks": names,
        "stages": [gathered.names[at] for at in rows],
        "fresh": gathered.names[fresh_row],
        "values": {},
    }
    chosen = [fresh_row, *rows]
    columns: dict[str, list[tuple[NDArray[np.float64], NDArray[np.float64]]]] = {"auc": [], "difference": []}
    for name, own in zip(names, members, strict=True):
        own = own[np.isfinite(values[:, own]).all(axis=(0, 2))]
        if len(own) < LEAST_UNITS and not config.tasks:
            return None  # nobody asked for these tasks: they are the phases of the events
        if len(own) < LEAST_UNITS:
            raise UsageError(f"--tasks: {name!r} has fewer than {LEAST_UNITS} units with scores")
        seen, foils = split_arms(values[:, own][chosen], gathered.judged.arms[own])
        by_unit = {
            "auc": np.stack([recognition(one, other) for one, other in zip(seen, foils, strict=True)]),
            "difference": seen - foils.mean(axis=2),
        }
        draws = unit_weights(len(own), seed_of(gathered, "matrix", ask, name))
        for kind, one in by_unit.items():
            columns[kind].append((one.mean(axis=1), draws @ one.T))
    for kind, parts in columns.items():
        means = np.stack([one for one, _ in parts], axis=-1)
        many = np.stack([one for _, one in parts], axis=-1)
        figures = {}
        for metric in ("average_accuracy", "backward_transfer", "forward_transfer", "forgetting"):
            function = getattr(transfer, metric)
            extra = [(means[0],), (many[:, 0],)] if metric == "forward_transfer" else [(), ()]
            low, high = interval(function(many[:, 1:], *extra[1]))
            figures[metric] = {"value": float(function(means[1:], *extra[0])), "low": low, "high": high}
        found["values"][kind] = {"fresh": means[0].tolist(), "matrix": means[1:].tolist(), **figures}
    return found


def _tasks(
    gathered: Gathered, config: "DynamicsConfig"
) -> "tuple[list[str], list[NDArray[np.int64]], list[int], int] | None":
    """Names and units of the tasks in the order of learning, the checkpoint after each, and the one before all."""
    import numpy as np

    steps = gathered.steps
    if config.tasks:
        unknown = [name for name in config.tasks if name not in gathered.groups]
        if unknown:
            raise UsageError(f"--tasks {unknown[0]}: is none of the groups, which are {', '.join(gathered.groups)}")
        missing = [stage for stage in config.stages if stage not in steps]
        if missing:
            raise UsageError(f"--stages {missing[0]}: no checkpoint has that step; there are {_listed(steps)}")
        rows = [int(np.flatnonzero(steps == stage)[0]) for stage in config.stages]
        if rows[0] == 0:
            raise UsageError(
                f"--stages {config.stages[0]}: is the first checkpoint: another one must lie before the first stage"
            )
        return list(config.tasks), [gathered.groups[name] for name in config.tasks], rows, 0
    if not gathered.phases or len(set(gathered.phases)) < LEAST_UNITS:
        return None
    first: dict[str, int] = {}
    for phase, one in zip(gathered.phases, gathered.events, strict=True):
        first[phase] = min(first.get(phase, int(one[0])), int(one[0]))
    names = sorted(first, key=first.__getitem__)
    ends = [first[name] for name in names[1:]] + [int(steps[-1])]
    rows = [int(np.searchsorted(steps, end, "right")) - 1 for end in ends]
    fresh = int(np.searchsorted(steps, first[names[0]], "right")) - 1
    if fresh < 0 or len({fresh, *rows}) < len(rows) + 1:
        return None  # without a checkpoint at the end of every phase, and one before the first, there is no matrix
    phases = np.array(gathered.phases)
    return names, [np.flatnonzero(phases == name) for name in names], rows, fresh


def _listed(steps: "NDArray[np.int64]") -> str:
    return ", ".join(map(str, steps.tolist()))
