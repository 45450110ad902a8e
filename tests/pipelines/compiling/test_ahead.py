"""Kernels are compiled by helpers when there is something to compile, and never by more than that."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.compiling.ahead import KernelsAhead, kernels_ahead
from pipelines.compiling.compiled import Compiled, cache_folder
from pipelines.compiling.needed import ALL, Kernel
from pipelines.running.progress import Progress

SMALL = [kernel for kernel in ALL if kernel.name in ("_fold", "_count_occurrences")]
SLOW = [kernel for kernel in ALL if kernel.name in ("choose_slots", "scan_texts")]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for Numba's cache in which nothing was compiled."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def ahead() -> Iterator[Callable[..., KernelsAhead]]:
    made: list[KernelsAhead] = []

    def make(helpers: int) -> KernelsAhead:
        made.append(KernelsAhead(helpers=helpers))
        return made[-1]

    yield make
    for one in made:
        one.close()


def test_helpers_leave_kernels_in_the_cache_and_the_next_run_starts_none(
    cache: Path, ahead: Callable[..., KernelsAhead], capsys: pytest.CaptureFixture[str]
) -> None:
    first = ahead(2)
    first.ask(SMALL[:1])
    first.ask(SMALL)
    assert first.started == 1
    assert first.wait(Progress()) > 0
    assert len(list(cache.rglob("*.nbi"))) == 2
    assert "compiling kernels for the first run" in capsys.readouterr().err
    second = ahead(2)
    second.ask(SMALL)
    assert (second.started, second.wait(Progress())) == (0, 0.0)
    assert capsys.readouterr().err == ""


def test_what_is_changed_or_gone_is_compiled_again(cache: Path) -> None:
    cache.mkdir()
    index = cache / "index.nbi"
    index.touch()
    compiled = Compiled(cache)
    compiled.add({SMALL[0]: str(index)})
    assert SMALL[0] in Compiled(cache)
    assert SMALL[1] not in Compiled(cache)
    index.unlink()
    assert SMALL[0] not in Compiled(cache)


def test_other_settings_of_numba_make_other_kernels(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.mkdir()
    Compiled(cache).add({SMALL[0]: str(cache)})
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert SMALL[0] not in Compiled(cache)


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "\x00", "[" * 100_000])
def test_a_damaged_note_counts_as_none(cache: Path, content: str) -> None:
    cache.mkdir()
    (cache / "trapline-compiled.json").write_text(content)
    compiled = Compiled(cache)
    assert SMALL[0] not in compiled
    compiled.add({SMALL[0]: str(cache)})
    assert SMALL[0] in Compiled(cache)


def test_one_core_and_a_cache_that_cannot_be_written_do_without_helpers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ahead: Callable[..., KernelsAhead]
) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "one"))
    alone = ahead(1)
    alone.ask(SMALL)
    assert alone.started == 0
    assert alone.wait(Progress(quiet=True)) > 0
    (tmp_path / "file").touch()
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert cache_folder() is None
    unable = ahead(4)
    unable.ask(SMALL)
    assert unable.started == 0
    assert unable.wait(Progress(quiet=True)) > 0


def test_a_kernel_that_is_not_there_stops_nothing(
    cache: Path, ahead: Callable[..., KernelsAhead], monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = Kernel("transforms.dedup.buckets", "_gone", "i64")
    monkeypatch.setattr("pipelines.compiling.ahead.ALL", (*ALL, gone))
    one = ahead(2)
    one.ask([gone, *SMALL])
    assert one.wait(Progress(quiet=True)) > 0
    assert [kernel in Compiled(cache) for kernel in (gone, *SMALL)] == [False, True, True]


@pytest.mark.parametrize(
    ("flags", "helpers"),
    [
        ([], True),
        (["--runner=DirectRunner"], True),
        (["--runner", "FnApiRunner"], True),
        (["--runner=DataflowRunner"], False),
        (["--temp_location=x", "--runner", "FlinkRunner"], False),
    ],
)
def test_only_workers_of_this_machine_are_compiled_for(
    cache: Path, monkeypatch: pytest.MonkeyPatch, flags: list[str], helpers: bool
) -> None:
    asked: list[Kernel] = []
    monkeypatch.setattr(KernelsAhead, "ask", lambda _, kernels: asked.extend(kernels))
    with kernels_ahead(SMALL, flags) as found:
        assert (asked, found is not None) == ((SMALL, True) if helpers else ([], False))


def test_helpers_do_not_outlive_a_killed_process(tmp_path: Path) -> None:
    program = (
        "import json, time; from pipelines.compiling.ahead import KernelsAhead; import sys\n"
        "from pipelines.compiling.needed import ALL\n"
        "ahead = KernelsAhead(helpers=2); ahead.ask([k for k in ALL if k.name in ('choose_slots', 'scan_texts')])\n"
        "print(json.dumps([one.pid for one in ahead._helpers]), flush=True); time.sleep(600)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, env=environment)
    assert process.stdout is not None
    pids = json.loads(process.stdout.readline())
    assert len(pids) == 2
    assert all(alive(pid) for pid in pids)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    until = time.monotonic() + 30
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_giving_up_ends_the_helpers_at_once(cache: Path) -> None:
    with kernels_ahead(SLOW, []) as one:
        assert one is not None
        pids = [helper.pid for helper in one._helpers]
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    """Whether a process is there and has not ended: one that nobody has waited for is a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
