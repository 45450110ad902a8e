"""Processes of a cluster: started in their own groups, with logs, and all ended in the end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WORKER = """#!/bin/sh
export PYTHONPATH='{root}' PYTHONSAFEPATH=1 TRAPLINE_SECRETS='{secrets}' OMP_NUM_THREADS=1
exec '{python}' -m pipelines.jobs.worker "$@" 2> '{logs}'/worker-$PPID-$$.log
"""
JAVA = [
    f"--add-opens=java.base/{name}=ALL-UNNAMED"
    for name in (
        "java.lang", "java.lang.invoke", "java.util", "java.util.concurrent", "java.nio", "java.net", "java.io",
        "sun.nio.ch", "java.time", "java.text", "sun.security.action", "sun.util.calendar",
    )
] + [
    "--add-exports=java.base/sun.net.util=ALL-UNNAMED", "-XX:+UseSerialGC", "-Xshare:auto",
]  # fmt: skip
"""What Flink, Spark and Beam need of Java 17."""
QUICK = "-XX:TieredStopAtLevel=1"
"""A quick start for what lives for seconds; checksums of whole jars, which Flink makes, would be slow."""


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def until(true: Callable[[], object], what: str, seconds: float = 120) -> None:
    """Wait for something; fails with `what` when it does not come."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what}: not after {seconds} s"
        time.sleep(0.2)


def listening(port: int, host: str = "127.0.0.1") -> bool:
    """Whether something listens."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
        return True
    return False


@dataclass
class Services:
    """The processes of one cluster, below a folder of its own."""

    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").mkdir(exist_ok=True)

    @property
    def logs(self) -> Path:
        """Where every process of the cluster writes its log."""
        return self.folder / "logs"

    @property
    def secrets(self) -> Path:
        """Where workers find the secrets; tests put them there."""
        return self.folder / "secrets"

    def start(self, name: str, command: Sequence[object], **variables: str) -> None:
        """Start a process in a group of its own, with a log of its name."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command],
                cwd=self.folder,
                env={**os.environ, "TMPDIR": str(self.folder / "tmp"), **variables},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def worker(self) -> Path:
        """A program that starts one Beam worker; its log is named by the process that called it and its own."""
        path = self.folder / "worker.sh"
        path.write_text(WORKER.format(root=ROOT, secrets=self.secrets, python=sys.executable, logs=self.logs))
        path.chmod(0o755)
        return path

    def close(self) -> None:
        """End all processes: asked first, then killed, with whatever they started."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            for process in reversed(self.running.values()):
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, sign)
            for process in self.running.values():
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
