"""A job whose workers are gone is given up with a reason; one that gets on is left alone."""

import itertools
import socket
import threading
from typing import Any

import pytest

from pipelines.jobs.watchdog import VARIABLE, Watchdog, stall_seconds
from pipelines.running.errors import RunError, UsageError


class Job:
    """A job that ends when it is cancelled, or after a while."""

    def __init__(self, seconds: float | None = None, error: Exception | None = None) -> None:
        self.cancelled = threading.Event()
        self._seconds, self._error = seconds, error

    def wait_until_finish(self) -> str:
        self.cancelled.wait(self._seconds)
        if self._error is not None:
            raise self._error
        return "CANCELLED" if self.cancelled.is_set() else "DONE"

    def cancel(self) -> None:
        self.cancelled.set()


def test_a_job_without_a_sign_of_life_is_cancelled() -> None:
    job = Job()
    with pytest.raises(RunError, match=r"no task was finished for .* run the same command again"):
        Watchdog(job, lambda: 3, "", stall=0.2).wait()
    assert job.cancelled.is_set()


def test_a_job_that_gets_on_may_take_longer_than_the_limit() -> None:
    counter = itertools.count()
    assert Watchdog(Job(0.6), lambda: next(counter), "", stall=0.2).wait() == "DONE"


def test_without_limits_nothing_is_watched() -> None:
    def never() -> Any:
        raise AssertionError("asked")

    assert Watchdog(Job(0.05), never, "", stall=0).wait() == "DONE"


def test_a_pool_that_is_gone_ends_the_job() -> None:
    with socket.socket() as pool:
        pool.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{pool.getsockname()[1]}"
    job = Job()
    with pytest.raises(RunError, match=f"the worker pool {address} has not answered"):
        Watchdog(job, lambda: 0, address, stall=0, lost=0.2).wait()
    assert job.cancelled.is_set()


def test_a_pool_that_answers_is_no_reason() -> None:
    with socket.socket() as pool:
        pool.bind(("127.0.0.1", 0))
        pool.listen(100)
        address = f"127.0.0.1:{pool.getsockname()[1]}"
        assert Watchdog(Job(0.5), lambda: 0, address, stall=0, lost=0.2).wait() == "DONE"


def test_the_jobs_own_error_comes_through() -> None:
    with pytest.raises(OSError, match="the disk is on fire"):
        Watchdog(Job(0.01, OSError("the disk is on fire")), lambda: 0, "", stall=5).wait()


@pytest.mark.parametrize("text", ["soon", "-1", "inf", "nan"])
def test_a_limit_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(UsageError, match=f"{VARIABLE}={text}"):
        stall_seconds()
