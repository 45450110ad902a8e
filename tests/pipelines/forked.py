"""Commands in processes of their own that send themselves a signal at a chosen moment.

`Forked` saves the seconds of a start: one process imports what a command needs, runs it once, and forks for every
further run. `stopped_at` starts a process for one run, and keeps what it said.

A moment is a file that the run puts in place, by its number (counted from 1) or its name, or the first call of a
function (`module:function`). No clock decides, so a busy machine changes nothing.
"""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

_TIMEOUT = 120


@dataclass(frozen=True)
class Ended:
    """How a run ended.

    Attributes:
        code: the exit code; minus the number of the signal if the run was killed.
        commits: how many files a run that was not killed has put in place.
    """

    code: int
    commits: int

    @property
    def killed(self) -> bool:
        """Whether the run killed itself."""
        return self.code == -signal.SIGKILL


class Forked:
    """Runs commands of `trapline`, each in a new process. Close it at the end."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", "from tests.pipelines import forked; forked.serve()"]
        settings = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=settings
        )

    def run(self, *arguments: object, kill_at: int | str | None = None, after: bool = False) -> Ended:
        """Run a command to its end.

        Args:
            arguments: the command and its flags.
            kill_at: the moment at which the run kills itself; None for a run that is left alone. Other threads are
                then wherever they are.
            after: whether the file is in place at that moment; else it is whole under its temporary name.
        """
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = {"arguments": [str(one) for one in arguments], "kill_at": kill_at, "after": after}
        print(json.dumps(request), file=self._server.stdin, flush=True)
        return Ended(**json.loads(self._server.stdout.readline()))

    def close(self) -> None:
        """End the process that forks; it holds nothing."""
        self._server.kill()
        self._server.communicate()


def stopped_at(
    moment: str, number: signal.Signals, *arguments: object, after: bool = False
) -> "subprocess.CompletedProcess[str]":
    """Run a command that sends itself the signal `number` at `moment`; its exit code and what it said."""
    program = "import json, sys; from tests.pipelines import forked; forked.alone(**json.loads(sys.argv[1]))"
    request = {"arguments": [str(one) for one in arguments], "kill_at": moment, "after": after, "number": number.value}
    settings = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    command = [sys.executable, "-c", program, json.dumps(request)]
    return subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, env=settings, check=False)


def alone(arguments: Sequence[str], kill_at: str, after: bool, number: int) -> None:
    """What the process of `stopped_at` does."""
    sys.exit(_counted(arguments, kill_at, after, number)[0])


def serve() -> None:
    """Run the commands that stand on standard input, a JSON object per line, and say how each ended."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    _warm_up()
    for line in sys.stdin:
        print(json.dumps(_forked(**json.loads(line))), file=answers, flush=True)


def _warm_up() -> None:
    from pipelines.cli import main

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "in"
        source.mkdir()
        (source / "a.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n')
        if main(["dedup", "--input", str(source), "--output", str(Path(folder) / "out")]):
            raise RuntimeError("the first run failed")


def _forked(arguments: Sequence[str], kill_at: int | str | None, after: bool) -> dict[str, int]:
    reads, writes = os.pipe()
    child = os.fork()
    if not child:
        code = 70
        try:
            code, commits = _counted(arguments, kill_at, after)
            os.write(writes, str(commits).encode())
        finally:
            os._exit(code)
    os.close(writes)
    code = _waited(child)
    with os.fdopen(reads) as said:
        return {"code": code, "commits": int(said.read() or 0)}


def _waited(child: int) -> int:
    def too_long(_: int, __: FrameType | None) -> None:
        os.kill(child, signal.SIGTERM)

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(_TIMEOUT)
    try:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    finally:
        signal.alarm(0)


def _counted(
    arguments: Sequence[str], kill_at: int | str | None, after: bool, number: int = signal.SIGKILL
) -> tuple[int, int]:
    """Run a command in this process: its exit code, and how many files it put in place."""
    from pipelines.cli import main

    commits: list[str] = []
    rename = Path.replace

    def replace(self: Path, target: Path) -> Path:
        commits.append(str(target))
        is_moment = kill_at in (len(commits), Path(target).name)
        if is_moment and not after:
            os.kill(os.getpid(), number)
        found = rename(self, target)
        if is_moment and after:
            os.kill(os.getpid(), number)
        return found

    Path.replace = replace  # type: ignore[assignment, method-assign]
    if isinstance(kill_at, str) and ":" in kill_at:
        _signal_when_called(kill_at, number)
    return main(list(arguments)), len(commits)


def _signal_when_called(function: str, number: int) -> None:
    module, name = importlib.import_module(function.split(":")[0]), function.split(":")[1]
    real: Callable[..., Any] = getattr(module, name)

    @functools.wraps(real)
    def called(*arguments: Any, **named: Any) -> Any:
        os.kill(os.getpid(), number)
        return real(*arguments, **named)

    setattr(module, name, called)
