"""From steps to places: a whole training order of row numbers, with scheduled rows where they belong."""

import numpy as np
import numpy.typing as npt

from transforms.ordering.planning.shuffle import Rows, words

_WITHIN, _PASSES = "trapline/v1/order-within", "trapline/v1/order-passes"


def queued(wanted: Rows, tie: npt.NDArray[np.uint64], batch: int, total: int) -> Rows:
    """The place of each scheduled row, int64[n]: a step takes `batch` rows, and what it cannot take waits for the next.

    Rows are served by the step that they want, of equal ones by the smaller `tie`. Those that the last steps cannot
    take end the order. So a row stands in the step that it wants, unless the rows before it fill that step.

    Args:
        wanted: int64[n], the step of each.
        tie: uint64[n], keyed words.
        batch: rows of a step.
        total: rows of the whole order, at least n.
    """
    order = np.lexsort((tie, wanted))
    at = np.arange(len(wanted))
    # Place p_i is the larger of batch * wanted_i and p_(i-1) + 1: p_i - i is a running maximum.
    first = np.maximum.accumulate(wanted[order] * batch - at) + at
    places = np.empty(len(wanted), np.int64)
    places[order] = np.minimum(first, total - len(wanted) + at)
    return places


def merged(places: Rows, rows: Rows, others: Rows) -> Rows:
    """`rows` at their places and `others` (int64[k]), in their order, in those that are left: int64[n + k]."""
    order = np.empty(len(rows) + len(others), np.int64)
    free = np.ones(len(order), np.bool_)
    free[places] = False
    order[places] = rows
    order[free] = others
    return order


def mixed_within_steps(order: Rows, key: bytes, batch: int) -> Rows:
    """The same rows in the same steps, those of a step in a keyed order: scheduled ones would else begin it."""
    if batch == 1:
        return order
    steps = np.arange(len(order)) // batch
    return order[np.lexsort((words(key, _WITHIN, len(order)), steps))]


def repeated_share(rows: int, share: float, times: int) -> int:
    """How many of `rows` documents are repeated, so that what is seen of them is a `share` of all that is seen.

    Of n documents, k of them seen E times, n + (E - 1) k are seen, and E k of these are repeats: k follows.
    """
    part = share / times
    return round(rows * part / (part + 1 - share))


def repeats(once: Rows, repeated: Rows, times: int, key: bytes) -> Rows:
    """An order in which the rows of `repeated` stand `times` times and those of `once` once.

    Training is cut into as many parts as there are times. Each part holds every repeated row once and its share of the
    others, all of them in a keyed order.

    Args:
        once: int64[n], shuffled already.
        repeated: int64[k].
        times: 1 or more.
        key: of the order.

    Returns:
        int64[n + times * k].
    """
    edges = np.arange(times + 1) * len(once) // times
    part = np.concatenate([np.repeat(np.arange(times), np.diff(edges)), np.repeat(np.arange(times), len(repeated))])
    rows = np.concatenate([once, np.tile(repeated, times)])
    return rows[np.lexsort((words(key, _PASSES, len(rows)), part))]
