"""At which steps a model is asked and saved: a list of steps, or times since events of the training order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

MORE = "..."


def event_steps(events: Path) -> list[int]:
    """Steps, each once and in order, in which `trapline order` lets planted copies be seen.

    Args:
        events: `orders/RUN/events.parquet` of the secrets. A copy of step s is seen in the update that makes s + 1 of
            s steps: the model after s steps has not seen it yet.
    """
    import pyarrow.parquet as pq

    return [int(one) for one in np.unique(pq.read_table(events, columns=["step"])["step"].to_numpy())]


def save_steps(wanted: str, steps: int, events: Sequence[int] = ()) -> list[int]:
    """The steps that a description names, 0 (before training) to `steps`, each once and rising.

    Args:
        wanted: parts with spaces between them: `0,100,200` are steps; `events+0,1,2,4` are times since each event, and
            `last+8,16` since the last one; `end` is `steps`. A list that ends with `...` is continued by doubling its
            last number. Times since an event that lie after the next one are taken as well.
        steps: of the training.
        events: steps done before each event.

    Raises:
        ValueError: if a part is none of these, lies beyond the training, or there are no events to count from.
    """
    found: set[int] = set()
    for part in wanted.split():
        if part == "end":
            found.add(steps)
            continue
        name, plus, numbers = part.rpartition("+")
        if plus and name not in ("events", "last"):
            raise ValueError(f"--save-at {part}: times are since 'events+' or 'last+'; give one of these, or steps")
        if plus and not events:
            raise ValueError(f"--save-at {part}: there are no events to count from: give --events")
        starts = [0] if not plus else list(events) if name == "events" else [max(events)]
        listed = _numbers(numbers, steps, part)
        # Times since an event may end with the training; plain steps may not lie behind it.
        if not plus and max(listed) > steps:
            raise ValueError(f"--save-at {part}: training has {steps} steps; give 0 to {steps}")
        found |= {start + one for start in starts for one in listed if start + one <= steps}
    return sorted(found)


def _numbers(text: str, most: int, part: str) -> list[int]:
    names = text.split(",")
    more = names[-1] == MORE
    names = names[:-1] if more else names
    if not names or not all(one.isdecimal() for one in names):
        raise ValueError(f"--save-at {part}: give whole numbers of 0 or more with commas between them, and ... at most")
    found = [int(one) for one in names]
    if more and found[-1] == 0:
        raise ValueError(f"--save-at {part}: {MORE} doubles the number before it, which must be above 0")
    while more and 2 * found[-1] <= most:
        found.append(2 * found[-1])
    return found
