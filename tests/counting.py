"""How much work something is, in numbers that do not depend on the machine or on what else it does."""

import sys
import time
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_made(work: Callable[[], object]) -> int:
    """How many calls of Python functions some work consists of."""
    made = 0

    def count(_: FrameType, event: str, __: Any) -> None:
        nonlocal made
        made += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return made


def takes_no_longer(whole: Callable[[], object], parts: Callable[[], object], times: float) -> bool:
    """Whether one piece of work is less than `times` the other, for what leaves nothing to count.

    The two must be the same work but for its division: a machine that is slow or busy is so for both. What matters is
    processor time of this thread, and the best of several attempts.
    """

    def seconds(work: Callable[[], object]) -> float:
        begin = time.thread_time()
        work()
        return time.thread_time() - begin

    return any(seconds(whole) < times * seconds(parts) for _ in range(5))
