"""Ctrl-C and SIGTERM end a run tidily, wherever it is."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.running import signals
from pipelines.running.signals import interrupted, stopped_by_signals


@pytest.fixture(autouse=True)
def _uninterrupted() -> None:
    interrupted.clear()


def interrupt_within(
    stop_now: Callable[[], object],
    number: signal.Signals = signal.SIGINT,
    on_the_way_out: Callable[[], object] = lambda: None,
) -> None:
    with stopped_by_signals(stop_now):
        try:
            os.kill(os.getpid(), number)
            time.sleep(5)
        finally:
            on_the_way_out()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts_and_the_handlers_come_back(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        interrupt_within(lambda: None, number)
    assert interrupted.is_set()
    assert signal.getsignal(number) is before


def test_a_run_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "GRACE_SECONDS", 0.05)
    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        interrupt_within(ended.set, on_the_way_out=lambda: ended.wait(5))
    assert ended.is_set()


def test_a_run_that_ends_by_itself_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "GRACE_SECONDS", 0.05)
    ended = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        interrupt_within(ended.set)
    assert not ended.wait(0.2)
    with stopped_by_signals(ended.set):
        assert not interrupted.is_set()


def test_in_another_thread_nothing_is_changed() -> None:
    handlers: list[object] = []

    def inside() -> None:
        with stopped_by_signals(lambda: None):
            handlers.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGINT)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough text for a scan of some seconds on one thread."""
    words = np.array([f"word{number}" for number in range(5000)])
    path = tmp_path_factory.mktemp("signals") / "in"
    path.mkdir()
    text = [" ".join(row) for row in words[np.random.default_rng(1).integers(0, len(words), (2000, 400))]]
    pq.write_table(pa.table({"text": text * 4}), path / "00.parquet")
    for part in range(1, 40):
        (path / f"{part:02}.parquet").hardlink_to(path / "00.parquet")
    return path


@pytest.mark.parametrize(
    ("number", "flags"),
    [
        (signal.SIGTERM, ["--threads", "1"]),
        pytest.param(
            signal.SIGINT,
            ["--direct_running_mode=multi_processing", "--direct_num_workers=2", "--threads", "1"],
            marks=pytest.mark.slow,
        ),
    ],
    ids=["SIGTERM", "SIGINT to two processes"],
)
def test_a_scan_is_stopped_in_its_middle(
    number: signal.Signals, flags: list[str], corpus: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "pipelines.cli",
        "dedup",
        "--input",
        str(corpus),
        "--output",
        str(tmp_path / "out"),
    ]
    process = subprocess.Popen([*command, *flags], stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("out/.work/*/scan/*.parquet")) and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
    assert process.returncode == 1
    assert "trapline: stopped; run the same command again to continue" in said
    assert "KeyboardInterrupt" not in said
    assert not (tmp_path / "out/_SUCCESS").exists()
    assert not list(tmp_path.glob("out/.work/*/scan.json"))
