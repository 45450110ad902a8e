"""A lock on a folder of an object store, by claims: no two runs that keep to it hold the folder at once.

Arrow offers no write that succeeds only if an object is missing. So each run first writes a claim of its own name and
then lists the claims: of two runs, the later listing sees both. A run that sees another's claim takes its own back and
is refused. Both are refused if they began at the same moment, and never both go on. It needs a store that lists what
was written before, as Amazon's and Google's do.
"""

import contextlib
import json
import os
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.fs as pafs

from transforms.base.stores.sinks import uploaded

NAME = "lock"


class ClaimedError(Exception):
    """Another run holds the folder: `name` is its claim, `holder` what that says."""

    def __init__(self, name: str, holder: str) -> None:
        super().__init__(f"{name}: {holder}")
        self.name = name
        self.holder = holder


@contextlib.contextmanager
def claimed(filesystem: pafs.FileSystem, folder: str) -> Iterator[None]:
    """Hold a folder while the block runs. The claim of a process of this machine that is gone is removed.

    Raises:
        ClaimedError: if another run holds it, or was killed elsewhere.
        OSError: if the store cannot be written.
    """
    own = f"{NAME}.{uuid.uuid4().hex}"
    with uploaded(filesystem, f"{folder}/{own}") as sink:
        sink.write(json.dumps({**_process(os.getpid()), "began": time.time()}).encode())
    try:
        for info in filesystem.get_file_info(pafs.FileSelector(folder, allow_not_found=True)):
            name = info.base_name
            if info.type == pafs.FileType.File and name != own and name.partition(".")[0] == NAME:
                _refuse_living(filesystem, info.path, name)
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            filesystem.delete_file(f"{folder}/{own}")


def _refuse_living(filesystem: pafs.FileSystem, path: str, name: str) -> None:
    try:
        with filesystem.open_input_stream(path, compression=None) as stream:
            holder = stream.read().decode(errors="replace")
    except FileNotFoundError:
        return  # It ended between the listing and now.
    if not _is_gone(holder):
        raise ClaimedError(name, holder)
    with contextlib.suppress(FileNotFoundError):
        filesystem.delete_file(path)


def _process(pid: int) -> dict[str, Any]:
    """What tells a process of this machine from all others, of whatever time; empty if there is no such process."""
    try:
        # The name of a program may hold spaces and brackets: fields are counted from behind it.
        began = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
        return {
            "host": socket.gethostname(),
            "boot": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip(),
            "processes": str(Path("/proc/self/ns/pid").readlink()),
            "pid": pid,
            "ticks": int(began),
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, IndexError):
        return {"host": socket.gethostname(), "pid": pid}


def _is_gone(holder: str) -> bool:
    """Whether a claim is surely that of a process of this machine that has ended."""
    try:
        claim = json.loads(holder)
        here = _process(os.getpid())
        if not here or any(claim.get(name) != here.get(name) for name in ("host", "boot", "processes")):
            return False
        return "boot" in claim and _process(int(claim["pid"])).get("ticks") != claim["ticks"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return False
