"""A tidy stop at Ctrl-C and at SIGTERM."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import NoReturn

GRACE_SECONDS = 5.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

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

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        interrupted.set()
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in _SIGNALS}
    try:
        with _last_resort(stop_now):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _last_resort(stop_now: Callable[[], object]) -> Iterator[None]:
    """From the first signal on, wait, then call `stop_now` unless the block has ended.

    A thread of its own hears of the signal: the main thread may be inside a library, such as a store's client that
    waits for an answer, and then Python calls no handler.
    """
    hears, tells = os.pipe()
    os.set_blocking(tells, False)
    ended = threading.Event()

    def listen() -> None:
        with os.fdopen(hears, "rb", buffering=0) as numbers:
            while number := numbers.read(1):
                if number[0] in _SIGNALS:
                    if not ended.wait(GRACE_SECONDS):
                        stop_now()
                    return

    threading.Thread(target=listen, daemon=True, name="trapline-signals").start()
    before = signal.set_wakeup_fd(tells, warn_on_full_buffer=False)
    try:
        yield
    finally:
        ended.set()
        signal.set_wakeup_fd(before)
        os.close(tells)
