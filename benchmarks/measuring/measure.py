"""Wall time, CPU time and peak memory of one command, from its start to its end, with all its children."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

POLL_SECONDS = 0.25
LAUNCHER = Path(__file__).resolve().with_name("launcher.py")


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
    """Adds up the memory of what a process has started, until told to stop."""

    def __init__(self, root: psutil.Process) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._cpu: dict[psutil.Process, float] = {}
        self._root = root
        self._done = threading.Event()

    def run(self) -> None:
        """Look at the tree again and again."""
        while not self._done.wait(POLL_SECONDS):
            total = 0
            for process in _below(self._root):
                try:
                    with process.oneshot():
                        total += process.memory_info().rss
                        times = process.cpu_times()
                        self._cpu[process] = times.user + times.system
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total)

    def stop(self) -> float:
        """End the watch; returns the CPU seconds seen."""
        self._done.set()
        self.join()
        return sum(self._cpu.values())


def _below(root: psutil.Process) -> list[psutil.Process]:
    try:
        return root.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def run(command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> Measured:
    """Run `command` to its end; its output goes to `log`.

    What earlier runs have left to write goes to disk first, outside the measured time.

    Raises:
        CommandFailedError: if it ends with another code than 0; the message has the end of its output.
    """
    os.sync()
    log.parent.mkdir(parents=True, exist_ok=True)
    found = log.with_suffix(".json")
    found.unlink(missing_ok=True)
    words = [str(part) for part in command]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", LAUNCHER, found, *words],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
        )
        watcher = _Watcher(psutil.Process(process.pid))
        watcher.start()
        try:
            process.wait()
        except BaseException:
            for child in _below(psutil.Process(process.pid)):
                child.kill()
            process.kill()
            raise
        finally:
            seen = watcher.stop()
    outcome = json.loads(found.read_text()) if found.exists() else {"code": process.returncode}
    if outcome["code"]:
        tail = log.read_text(errors="replace")[-4000:]
        raise CommandFailedError(f"{command[0]} ended with code {outcome['code']}:\n{tail}")
    return Measured(outcome["wall_s"], max(seen, outcome["cpu_s"]), max(watcher.peak, outcome["peak_rss"]))
