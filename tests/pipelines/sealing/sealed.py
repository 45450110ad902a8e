"""Probes of a campaign that a test seals, and the commands around them."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipelines.cli import main

SECRET = "xyzzy"
STRATUM = "plugh"
BEACON = "c0ffee" * 10
Run = Callable[..., int]


def rows(units: int = 12, m: int = 2, name: str = SECRET) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{name}-id-{unit}-{at}",
            "kind": "trap",
            "unit": f"{name}-unit-{unit}",
            "candidate": at,
            "stratum": f"{STRATUM}{unit % 2}",
            "dose": 10 if unit % 3 else 1000,
            "text": f"{name} text {unit} {at} \u00e9\u4e2d\U0001f600",
            "perplexity": 3.25 * at,
            "answer": "yes" if at % 2 else None,
        }
        for unit in range(units)
        for at in range(m + 1)
    ]


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check(*flags: object) -> int:
    return main(["check", *map(str, flags)])


KILL_AT = """
import os, signal, sys
from transforms.base import folders as storage
left = int(sys.argv[1])
replace, rename = type(storage.Path()).replace, os.rename
def counted(real):
    def call(*arguments):
        global left
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        return real(*arguments)
    return call
type(storage.Path()).replace = counted(replace)
type(storage.Path()).rename = counted(type(storage.Path()).rename)
from pipelines.cli import main
sys.exit(main(sys.argv[2:]))
"""


def killed_at(write: int, *arguments: str) -> int:
    """Run a command that is killed just before its file number `write` gets its final name."""
    environment = {**os.environ, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "-c", KILL_AT, str(write), *arguments]
    return subprocess.run(command, env=environment, cwd=Path(__file__).parents[3], check=False).returncode


def replaced(table: pa.Table, name: str, values: list[Any]) -> pa.Table:
    field = table.schema.field(name)
    return table.set_column(table.column_names.index(name), field, pa.array(values, field.type))


def flipped(data: bytes, at: int, by: int = 1) -> bytes:
    return bytes([*data[:at], data[at] ^ by, *data[at + 1 :]])
