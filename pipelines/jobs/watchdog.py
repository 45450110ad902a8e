"""A watch on a job whose workers may have died without its runner noticing."""

import os
import threading
import time
from collections.abc import Callable
from typing import Any

from pipelines.jobs.runners import answers
from pipelines.running.errors import RunError, UsageError

VARIABLE = "TRAPLINE_STALL_SECONDS"
"""Environment variable: seconds without a sign of life after which a job is given up; 0: never."""

STALL_SECONDS = 1800.0
POOL_SECONDS = 60.0
_LOOKS = 20
_CANCEL_SECONDS = 4.0


def stall_seconds() -> float:
    """How long a job may show no sign of life.

    Raises:
        UsageError: if the variable holds no number of seconds.
    """
    text = os.environ.get(VARIABLE, "")
    try:
        seconds = float(text) if text else STALL_SECONDS
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise UsageError(f"{VARIABLE}={text}: give a number of seconds, or 0 for no limit")
    return seconds


class Watchdog:
    """Cancels a job once its worker pool is gone, or once nothing has changed for too long.

    Args:
        result: the running job, as Beam gives it.
        sign: anything that differs when the job has got on, such as the number of committed files.
        pool: HOST:PORT of a worker pool that answered when the job began; empty: none is watched.
        stall: seconds without a new sign; 0: no limit.
        lost: seconds for which the pool may refuse connections.
    """

    def __init__(
        self, result: Any, sign: Callable[[], object], pool: str, stall: float, lost: float = POOL_SECONDS
    ) -> None:
        self._result, self._sign, self._pool, self._stall, self._lost = result, sign, pool, stall, lost
        self._over = threading.Event()
        self.reason = ""
        """Why the job was given up; empty as long as it was not."""

    def wait(self) -> Any:
        """The job's final state.

        Raises:
            RunError: if the job was given up.
        """
        waiting = threading.Thread(target=self._wait, name="job", daemon=True)
        waiting.start()
        try:
            self._watch()
        except BaseException:  # Ctrl-C: the job would go on without its launcher
            threading.Thread(target=self._cancel, name="cancel", daemon=True).start()
            self._over.wait(_CANCEL_SECONDS)
            raise
        if self.reason:
            raise RunError(self.reason)
        waiting.join()
        if self._error is not None:
            raise self._error
        return self._state

    _error: BaseException | None = None
    _state: Any = None

    def _wait(self) -> None:
        try:
            self._state = self._result.wait_until_finish()
        except BaseException as error:  # noqa: BLE001 - it is raised again by the thread that waits
            self._error = error
        finally:
            self._over.set()

    def _watch(self) -> None:
        limits = [limit for limit in (self._stall, self._lost if self._pool else 0) if limit]
        pause = min(limits) / _LOOKS if limits else 3600.0
        sign, moved = self._sign() if self._stall else None, time.monotonic()
        heard = looked = moved
        while not self._over.wait(pause):
            now = time.monotonic()
            if self._stall and now - looked >= self._stall / _LOOKS:
                new, looked = self._sign(), now
                sign, moved = (new, now) if new != sign else (sign, moved)
            if self._pool and answers(self._pool, min(pause, 5.0)):
                heard = now
            if self._pool and now - heard >= self._lost:
                self._give_up(f"the worker pool {self._pool} has not answered for {now - heard:.0f} s")
            elif self._stall and now - moved >= self._stall:
                self._give_up(
                    f"no task was finished for {now - moved:.0f} s: a worker may have died without the runner noticing "
                    f"(the limit is {VARIABLE})"
                )
            else:
                continue
            return

    def _give_up(self, why: str) -> None:
        self.reason = f"{why}; the job was given up: start the workers and run the same command again to continue"
        threading.Thread(target=self._cancel, name="cancel", daemon=True).start()
        self._over.wait(_CANCEL_SECONDS)

    def _cancel(self) -> None:
        try:
            self._result.cancel()
        except Exception:  # noqa: BLE001 - whatever the runner answers, the command ends with the reason above
            return
