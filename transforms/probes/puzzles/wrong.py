"""Wrong answers and wrong chains of thought, to train on or to set against the right ones.

Each is drawn from a stream of its own, keyed by the seed, the number of people and the puzzle's number: it is the same
in all languages.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.kernels import kernel
from transforms.base.streams import below, stream_key, stream_start, stream_word
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, Puzzles, Traces


def wrong_solutions(puzzles: Puzzles, seed: bytes) -> npt.NDArray[np.bool_]:
    """An assignment other than the solution for each puzzle, bool[size, n], any with the same probability."""
    return np.asarray(
        _wrong_solutions(stream_key(seed, "wrong answer", puzzles.people), puzzles.index, puzzles.solution)
    )


def wrong_step(puzzles: Puzzles, traces: Traces, seed: bytes) -> Traces:
    """The traces with one step turned into a false one.

    A role that nothing rules out is said to contradict the person's own claim, or one that is ruled out is said to
    fit. Since the search is exact, the step is false; all others stay as they are.
    """
    events = _wrong_step(
        stream_key(seed, "wrong step", puzzles.people), puzzles.index, traces.events.copy(), traces.offsets
    )
    return Traces(np.asarray(events), traces.offsets)


def shuffled(thoughts: pa.LargeStringArray, puzzles: Puzzles, seed: bytes) -> pa.LargeStringArray:
    """Chains of thought whose steps, between the first line and the last, are in another order; null where none is."""
    key = stream_key(seed, "shuffled thought", puzzles.people)
    out: list[str | None] = []
    for number, text in zip(puzzles.index.tolist(), thoughts.to_pylist(), strict=True):
        lines = text.split("\n") if text is not None else []
        steps = lines[1:-1]
        if len(set(steps)) < 2:
            out.append(None)
            continue
        start, counter, order = np.uint64(stream_start(key, number)), 0, list(steps)
        while order == steps:
            for at in range(len(order) - 1):
                other = at + int(below(np.uint64(stream_word(start, counter)), len(order) - at))
                counter += 1
                order[at], order[other] = order[other], order[at]
        out.append("\n".join([lines[0], *order, lines[-1]]))
    return pa.array(out, pa.large_string())


@kernel
def _wrong_solutions(
    key: np.uint64, index: npt.NDArray[np.int64], solution: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    out = solution.copy()
    for row in range(len(index)):
        start = stream_start(key, index[row])
        counter = 0
        changed = False
        while not changed:
            for person in range(solution.shape[1]):
                flip = below(stream_word(start, counter), 2) == 1
                counter += 1
                out[row, person] = solution[row, person] != flip
                changed |= flip
    return out


@kernel
def _wrong_step(
    key: np.uint64, index: npt.NDArray[np.int64], events: npt.NDArray[np.int16], offsets: npt.NDArray[np.int64]
) -> npt.NDArray[np.int16]:
    for row in range(len(index)):
        tries = 0
        for step in range(offsets[row], offsets[row + 1]):
            tries += events[step, 0] == ASSIGN or events[step, 0] == CONFLICT
        if tries == 0:
            continue
        left = below(stream_word(stream_start(key, index[row]), 0), tries)
        for step in range(offsets[row], offsets[row + 1]):
            kind = events[step, 0]
            if kind in (ASSIGN, CONFLICT):
                if left == 0:
                    events[step, 0] = CONFLICT if kind == ASSIGN else ASSIGN
                    events[step, 3] = events[step, 1] if kind == ASSIGN else -1
                left -= 1
    return events
