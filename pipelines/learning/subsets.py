"""Counterfactual memorisation, where the checkpoints are models trained on subsets of the sequences."""

from typing import TYPE_CHECKING, Any

from pipelines.learning.gather import Gathered
from pipelines.running.errors import RunError

if TYPE_CHECKING:
    from pipelines.learning.dynamics import DynamicsConfig

Tree = dict[str, Any]


def counterfactuals(gathered: Gathered, config: "DynamicsConfig") -> list[Tree]:
    """Mean counterfactual memorisation by group: the checkpoints are models, each trained on a subset of its own."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from schemas.secret.dynamics import SUBSETS_COLUMNS
    from transforms.base.stores.copies import fetched
    from transforms.scoring.metrics.analysis.arms import counterfactual

    where = f"--subsets {config.subsets}"
    try:
        table = pq.read_table(fetched(config.subsets))
    except (OSError, pa.ArrowException) as error:
        raise RunError(f"{where}: cannot be read ({str(error).splitlines()[0]})") from error
    missing = sorted(set(SUBSETS_COLUMNS) - set(table.column_names))
    if missing:
        raise RunError(f"{where}: has no column {missing[0]!r}; it needs {', '.join(SUBSETS_COLUMNS)}")
    ids = {one.id: at for at, one in enumerate(c for unit in gathered.judged.units for c in unit.candidates)}
    models = {name: at for at, name in enumerate(gathered.names)}
    included = np.full((len(models), len(ids)), -1, np.int8)
    columns = (table[name].to_pylist() for name in SUBSETS_COLUMNS)
    for row, (model, name, one) in enumerate(zip(*columns, strict=True)):
        if model not in models or name not in ids or one is None:
            raise RunError(f"{where}: row {row}: names a checkpoint or a sequence that has no scores, or says nothing")
        if included[models[model], ids[name]] >= 0:
            raise RunError(f"{where}: row {row}: says the same twice")
        included[models[model], ids[name]] = one
    if (included < 0).any():
        raise RunError(
            f"{where}: says nothing of {int((included < 0).sum())} pairs of checkpoint and sequence: give all"
        )
    found = []
    for ask, values in gathered.scores.items():
        by_candidate = counterfactual(values.reshape(len(values), -1), included == 1)
        by_unit = np.split(by_candidate, len(gathered.judged.units))
        for name, members in gathered.groups.items():
            own = np.concatenate([by_unit[at] for at in members])
            fine = own[np.isfinite(own)]
            mean = float(fine.mean()) if len(fine) else float("nan")
            found.append({"ask": ask, "group": name, "sequences": len(own), "defined": len(fine), "mean": mean})
    return found
