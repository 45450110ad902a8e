"""Token statistics as a table, and back."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.token_scores import TOKEN_SCORES
from transforms.base.texts import offsets_of
from transforms.scoring.metrics.inputs import TokenStatistics
from transforms.scoring.model.batches import Ints
from transforms.scoring.sequences import Prepared


def token_table(
    prepared: Prepared, statistics: npt.NDArray[np.float32], ids: pa.Array, first_row: int, checkpoint: str
) -> pa.Table:
    """One row an entry of `prepared`, columns of `TOKEN_SCORES`.

    Args:
        prepared: n entries.
        statistics: float32[scored, 4], as `Scorer.score` gives them.
        ids: string id of each row of the input.
        first_row: number of the first of those rows.
        checkpoint: its name.
    """
    sequences, count = prepared.sequences, len(prepared.reason)
    missing = np.array([one is not None for one in prepared.reason], bool)
    scored = np.where(missing, 0, sequences.scored)
    given = np.where(missing, 0, scored + 1)
    start = sequences.offsets[:-1] + sequences.first - 1
    before = np.cumsum(given) - given
    tokens = sequences.tokens[np.arange(int(given.sum())) + np.repeat(start - before, given)]
    names, floats = ("log_probs", "mean", "deviation"), [statistics[:, column] for column in range(3)]
    columns = {
        "row": pa.array(prepared.place + first_row),
        "id": ids.take(pa.array(prepared.place)),
        "checkpoint": pa.repeat(pa.scalar(checkpoint), count),
        "slot": pa.array(prepared.slot.astype(np.int32), mask=prepared.slot < 0),
        "reason": pa.array(prepared.reason, pa.string()),
        "context_tokens": pa.array(np.where(missing, 0, sequences.first).astype(np.int32)),
        "unscored": pa.array(prepared.unscored.astype(np.int32)),
        "text_bytes": pa.array(prepared.text_bytes.astype(np.int32), mask=prepared.text_bytes < 0),
        "token_ids": _lists(given, tokens.astype(np.int32), missing),
        **{name: _lists(scored, np.ascontiguousarray(one), missing) for name, one in zip(names, floats, strict=True)},
        "hit": _lists(scored, statistics[:, 3] > 0, missing),
    }
    return pa.table(columns, schema=TOKEN_SCORES)


def _lists(lengths: Ints, values: npt.NDArray[np.generic], missing: npt.NDArray[np.bool_]) -> pa.Array:
    offsets = offsets_of(lengths).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values), mask=pa.array(missing))


def statistics_of(table: pa.Table) -> TokenStatistics:
    """The statistics of rows that were scored (`reason` null), as metrics take them."""
    lists = {name: table[name].combine_chunks() for name in ("log_probs", "mean", "deviation", "hit")}
    flat = {name: np.asarray(one.flatten()) for name, one in lists.items()}
    lengths = np.asarray(lists["log_probs"].value_lengths(), np.int64)
    offsets = offsets_of(lengths)
    unscored = np.asarray(table["unscored"], np.int64)
    return TokenStatistics(offsets, flat["log_probs"], flat["mean"], flat["deviation"], flat["hit"], unscored)
