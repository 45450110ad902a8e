"""A tidy stop at Ctrl-C and at SIGTERM."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 5.0

interrupted = threading.Event()
"""Set from the first signal on: Beam turns the `KeyboardInterrupt` into an error of the step that it met."""


@contextlib.contextmanager
def stopped_by_signals(stop_now: Callable[[], object]) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a `KeyboardInterrupt`; if nothing has come of that in 5 s, call `stop_now`.

    What a run holds is let go on the way out, such as the lock on an object store. Beam's own way out may wait for
    workers that never answer.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupted.clear()
    last_resort: list[threading.Timer] = []

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        interrupted.set()
        if not last_resort:
            last_resort.append(threading.Timer(GRACE_SECONDS, stop_now))
            last_resort[0].daemon = True
            last_resort[0].start()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for timer in last_resort:
            timer.cancel()
