"""Scores made outside, checked and brought to the form of our own: every candidate once, finite, high for memorised."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.public.outside import CHECKPOINT, OUTSIDE
from schemas.public.scores import scores
from transforms.base.errors import CorpusError
from transforms.base.readable import counted

_COLUMNS = ("id", "score")


def conform_outside(table: pa.Table, where: str) -> pa.Table:
    """The table with the columns of `OUTSIDE`.

    Args:
        table: columns id and score, and checkpoint if several models were scored; ids and names as text, scores as
            numbers.
        where: names the file, for messages.

    Raises:
        CorpusError: for a missing, doubled or unknown column, a type that cannot be one of these, or a missing value.
    """
    names = table.column_names
    faults = [
        *(f"no column {name!r}" for name in _COLUMNS if name not in names),
        *(f"a column {name!r} that is none of the table's" for name in names if name not in OUTSIDE.names),
        *(f"two columns {name!r}" for name in OUTSIDE.names if names.count(name) > 1),
    ]
    if faults:
        raise CorpusError(f"{where}: {faults[0]}; it has id, score and, for several checkpoints, checkpoint")
    columns = []
    for wanted in OUTSIDE:
        if wanted.name not in table.column_names:
            columns.append(pa.array([CHECKPOINT] * table.num_rows, pa.string()))
            continue
        found = table[wanted.name]
        number = pa.types.is_integer(found.type) or pa.types.is_floating(found.type)
        if wanted.name == "score" and not number:
            raise CorpusError(f"{where}: column 'score' is {found.type}; give numbers")
        try:
            cast = found.cast(wanted.type)
        except pa.ArrowException as error:
            raise CorpusError(
                f"{where}: column {wanted.name!r} ({found.type}) is no {wanted.type} ({error})"
            ) from error
        empty = found.is_null() if wanted.name == "score" else pc.fill_null(pc.equal(cast, ""), True)
        if (row := empty.index(True).as_py()) >= 0:
            raise CorpusError(f"{where}: row {row}: {wanted.name} is missing")
        columns.append(cast)
    return pa.table(columns, schema=OUTSIDE)


def outside_scores(
    table: pa.Table, ids: Sequence[str], metric: str, *, high: bool, slots: Sequence[int], where: str
) -> pa.Table:
    """Rows of `schemas.public.scores`, by checkpoint and then in the order of `ids`; high means memorised.

    Args:
        table: as `conform_outside` gives it.
        ids: of all candidates.
        metric: name of the column.
        high: whether a high score means remembered; if not, its sign is turned.
        slots: for each candidate how many cues were asked; 0 for its text alone.
        where: names the file, for messages.

    Raises:
        CorpusError: for a candidate that is missing, unknown or there twice, or a score that is not finite. No id is
            shown: rows are.
    """
    values = table["score"].to_numpy()
    if not np.isfinite(values).all():
        raise CorpusError(f"{where}: row {int(np.flatnonzero(~np.isfinite(values))[0])}: the score is not finite")
    wanted = pa.array(ids, pa.string())
    places = pc.index_in(table["id"], value_set=wanted)
    if places.null_count:
        row = places.is_null().index(True).as_py()
        raise CorpusError(
            f"{where}: row {row}: its id is none of --sequences ({counted(places.null_count, 'such row')}): score the "
            "sealed candidates alone"
        )
    parts = []
    for name in table["checkpoint"].unique().to_pylist():
        own = pc.equal(table["checkpoint"], name)
        place, score = places.filter(own).to_numpy(), table["score"].filter(own).to_numpy()
        times = np.bincount(place, minlength=len(ids))
        for number, what in (((times > 1).sum(), "more than once"), ((times == 0).sum(), "nowhere")):
            if number:
                raise CorpusError(
                    f"{where}: {counted(int(number), 'candidate')} of {len(ids)} stand {what} under the checkpoint "
                    f"{name!r}: give one row for each candidate, planted or held out"
                )
        stored = np.empty(len(ids))
        stored[place] = score if high else -score
        names, tokens = pa.array([name] * len(ids), pa.string()), pa.array([0] * len(ids), pa.int32())
        parts.append(pa.table([wanted, names, pa.array(slots, pa.int32()), tokens, stored], schema=scores([metric])))
    if not parts:
        raise CorpusError(f"{where}: there is no row in it")
    return pa.concat_tables(parts)
