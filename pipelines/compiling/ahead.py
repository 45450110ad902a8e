"""Compile kernels in helper processes from the first moment of a run, and wait for them where they are needed.

Helpers are new processes, started before this one has threads, and share nothing with it but pipes: what they make is
handed over by Numba's cache on disk. They end with this process, however it ends.
"""

import contextlib
import itertools
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.compiling.compiled import Compiled, cache_folder
from pipelines.compiling.needed import ALL, Kernel
from pipelines.running.machine import cores
from pipelines.running.progress import Progress
from transforms.base.readable import counted

MOST_HELPERS = 4
"""More would not end sooner: the kernel that takes longest takes a third of the time of all of them."""

PATIENCE_SECONDS = 180.0
"""After so long without a kernel done, what is left is compiled in this process."""

_PROGRAM = (
    "import sys; sys.path.append(sys.argv[1]); from pipelines.compiling.helper import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]))"
)
_ENVIRONMENT = {"PYTHONSAFEPATH": "1", "NUMBA_DISABLE_ERROR_MESSAGE_HIGHLIGHTING": "1"}
"""Numba sets the colours of thousands of messages that nobody sees: how it finds out which types fit."""
_ROOT = Path(__file__).resolve().parents[2]


class KernelsAhead:
    """The kernels of one run: started with `ask`, waited for with `wait`, given up with `close`."""

    def __init__(self, *, helpers: int | None = None) -> None:
        self._compiled = Compiled(cache_folder())
        self._most = min(cores(), MOST_HELPERS) if helpers is None else helpers
        self.started = 0
        """How many helpers were started."""
        self._helpers: list[subprocess.Popen[bytes]] = []
        self._missing: list[Kernel] = []
        self._tasks = self._results = -1

    def ask(self, kernels: Sequence[Kernel]) -> None:
        """Begin to compile those that this machine has not compiled yet."""
        missing = [kernel for kernel in kernels if kernel not in self._missing and kernel not in self._compiled]
        if not missing:
            return
        self._missing += missing
        # One helper on one core would only import Numba once more; without a cache it could hand nothing over.
        if not self._helpers and self._most > 1 and self._compiled.can_be_kept and sys.executable:
            self._start(min(self._most, len(missing)))
        if self._tasks >= 0:
            with contextlib.suppress(OSError):
                os.write(self._tasks, bytes(ALL.index(kernel) for kernel in missing))

    def wait(self, progress: Progress) -> float:
        """Wait until all are compiled, those that no helper has compiled in this process; returns the seconds."""
        if not self._missing:
            return 0.0
        began = time.perf_counter()
        done: dict[Kernel, str] = {}
        text = "compiling kernels for the first run" if self._compiled.can_be_kept else "compiling kernels"
        with progress.counting(text, len(self._missing)) as show:
            for kernel, path in self._from_helpers():
                done[kernel] = path
                show(len(done))
            for kernel in self._missing:
                if kernel not in done:
                    from pipelines.compiling.helper import compile_kernel

                    with contextlib.suppress(Exception):  # it is compiled, or its fault seen, when it is called
                        done[kernel] = compile_kernel(kernel)
                    show(len(done))
        self._compiled.add(done)
        seconds = time.perf_counter() - began
        progress.say(f"{'compile':<8} {seconds:7.1f} s  {counted(len(self._missing), 'kernel')}")
        self._missing = []
        return seconds

    def close(self) -> None:
        """End the helpers, whatever they are at."""
        for end in (self._tasks, self._results):
            if end >= 0:
                os.close(end)
        self._tasks = self._results = -1
        for helper in self._helpers:
            helper.kill()
        for helper in self._helpers:
            helper.wait()
            if helper.stdin:
                helper.stdin.close()
        self._helpers = []

    def _start(self, number: int) -> None:
        tasks, self._tasks = os.pipe()
        self._results, results = os.pipe()
        command = [sys.executable, "-c", _PROGRAM, str(_ROOT), str(tasks), str(results)]
        try:
            for _ in range(number):
                self._helpers.append(
                    subprocess.Popen(  # noqa: S603 - this interpreter and a program of ours
                        command,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        pass_fds=(tasks, results),
                        env={**os.environ, **_ENVIRONMENT},
                    )
                )
        except OSError:
            pass  # too many processes, or too little memory for one more: those that there are do it
        finally:
            os.close(tasks)
            os.close(results)
            self.started = len(self._helpers)

    def _from_helpers(self) -> Iterator[tuple[Kernel, str]]:
        """What helpers have compiled, as they report it; ends when all of it is done, or nothing more will come."""
        if not self._helpers:
            return
        os.close(self._tasks)
        self._tasks = -1
        left, rest = len(self._missing), b""
        while left and select.select([self._results], [], [], PATIENCE_SECONDS)[0]:
            read = os.read(self._results, 1 << 16)
            if not read:
                break
            *lines, rest = (rest + read).split(b"\n")
            for line in lines:
                number, _, path = line.decode().partition(" ")
                left -= 1
                yield ALL[int(number)], path
        self.close()


@contextlib.contextmanager
def kernels_ahead(kernels: Sequence[Kernel], beam_flags: Sequence[str]) -> Iterator[KernelsAhead | None]:
    """Compile ahead while the block runs; None for a runner whose workers are elsewhere.

    Args:
        kernels: what is known to be needed.
        beam_flags: Beam's own flags, `--runner` among them.
    """
    if not _runs_here(beam_flags):
        yield None
        return
    ahead = KernelsAhead()
    try:
        ahead.ask(kernels)
        yield ahead
    finally:
        ahead.close()


def _runs_here(beam_flags: Sequence[str]) -> bool:
    """Whether the pipeline's workers are on this machine: without `--runner` they are in this process."""
    words = [word for flag in beam_flags for word in flag.split("=", 1)]
    names = [value.lower() for flag, value in itertools.pairwise(words) if flag == "--runner"]
    return not names or "direct" in names[-1] or "fnapi" in names[-1]
