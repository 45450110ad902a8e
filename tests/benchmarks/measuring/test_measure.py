import hashlib
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.measuring.measure import CommandFailedError, run

COPY = Path(__file__).resolve().parents[3] / "benchmarks" / "dedup" / "parquet_copy.py"


def python(code: str, log: Path) -> tuple[float, float, int]:
    found = run([sys.executable, "-c", code], log)
    return found.wall_s, found.cpu_s, found.peak_rss


def test_wall_time_and_memory_of_a_command(tmp_path: Path) -> None:
    wall, _, peak = python("import time; x = b'1' * 300_000_000; time.sleep(0.3)", tmp_path / "log")
    assert 0.3 <= wall < 20
    assert 300e6 < peak < 400e6


def test_memory_of_this_process_is_not_counted(tmp_path: Path) -> None:
    ballast = b"1" * 200_000_000
    assert python("pass", tmp_path / "log")[2] < 60e6
    del ballast


def test_memory_of_children_adds_up(tmp_path: Path) -> None:
    child = "import time; x = b'1' * 100_000_000; time.sleep(2)"
    code = (
        "import subprocess, sys\n"
        f"children = [subprocess.Popen([sys.executable, '-c', {child!r}]) for _ in range(2)]\n"
        "[child.wait() for child in children]"
    )
    assert 200e6 < python(code, tmp_path / "log")[2] < 350e6


def test_a_failing_command_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match=r"code 3:\nsorry"):
        python("import sys; print('sorry'); sys.exit(3)", tmp_path / "log")


def test_a_missing_command_fails(tmp_path: Path) -> None:
    with pytest.raises(CommandFailedError, match="no-such-program"):
        run(["no-such-program"], tmp_path / "log")


def test_the_copy_holds_the_same_rows_in_groups_of_the_byte_budget(tmp_path: Path) -> None:
    table = pa.table({"id": [str(i) for i in range(1000)], "text": ["x" * 100] * 1000})
    for name in "ab":
        pq.write_table(table, tmp_path / f"{name}.parquet", row_group_size=50)
    files = [tmp_path / "a.parquet", tmp_path / "b.parquet"]
    command = [sys.executable, COPY, "--output", tmp_path / "out", "--threads", "2", "--row-group-bytes", "20000"]
    printed = subprocess.run([*command, "--input", *files], check=True, capture_output=True, text=True).stdout.split()
    copies = sorted((tmp_path / "out").iterdir())
    assert printed == [hashlib.sha256(copy.read_bytes()).hexdigest() for copy in copies]
    assert [pq.read_table(copy) for copy in copies] == [table, table]
    assert pq.read_metadata(copies[0]).num_row_groups == 5
