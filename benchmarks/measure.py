"""Wall time, CPU time and peak memory of one command, from its start to its end, with all its children."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.25


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        wall_s: from before the process starts until it has ended.
        cpu_s: user and system time of the process and its children, those ended in time to be seen included.
        peak_rss: bytes; the largest sum over the processes of the tree, seen every 0.25 s (memory they share counts
            once each), or the largest single process as the kernel saw it, whichever is more.
    """

    wall_s: float
    cpu_s: float
    peak_rss: int


class CommandFailedError(RuntimeError):
    """A measured command ended with an error."""


class _Watcher(threading.Thread):
    """Adds up the memory of a process tree until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self.cpu: dict[tuple[int, float], float] = {}
        self._pid = pid
        self._done = threading.Event()

    def run(self) -> None:
        try:
            root = psutil.Process(self._pid)
        except psutil.NoSuchProcess:
            return
        while not self._done.wait(POLL_SECONDS):
            total = 0
            try:
                tree = [root, *root.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
            for process in tree:
                try:
                    with process.oneshot():
                        total += process.memory_info().rss
                        times = process.cpu_times()
                        self.cpu[process.pid, process.create_time()] = times.user + times.system
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> None:
        self._done.set()
        self.join()


def run(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run `command` to its end; its output goes to `log`.

    What earlier runs have left to write goes to disk first, outside the measured time.

    Raises:
        CommandFailedError: if it ends with another code than 0; the message has the end of its output.
    """
    os.sync()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        watcher = _Watcher(process.pid)
        watcher.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            raise
        finally:
            watcher.stop()
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        tail = log.read_text(errors="replace")[-4000:]
        raise CommandFailedError(f"{command[0]} ended with code {process.returncode}:\n{tail}")
    seen = sum(watcher.cpu.values())
    return Measured(wall, max(seen, usage.ru_utime + usage.ru_stime), max(watcher.peak, usage.ru_maxrss * 1024))
