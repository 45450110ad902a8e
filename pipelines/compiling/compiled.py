"""Which kernels this machine has compiled: a small file in the folder of Numba's cache, read before Numba is."""

import hashlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterable, Mapping
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

from pipelines.compiling.needed import Kernel

_ROOT = Path(__file__).resolve().parents[2]
_NAME = "trapline-compiled.json"


def cache_folder() -> Path | None:
    """Where Numba keeps what it compiles, as `transforms.base.kernels` has it; None if nothing can be written there."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    within = _ROOT / "transforms" / "base"
    private = False
    if named:
        folder = Path(named)
    elif os.access(within, os.W_OK):
        folder = within / "__pycache__"
    else:
        folder, private = Path(tempfile.gettempdir()) / f"trapline-kernels-{os.getuid()}", True
    try:
        folder.mkdir(mode=0o700 if private else 0o777, parents=True, exist_ok=True)
        status = folder.stat()
    except OSError:
        return None
    if private and (status.st_uid != os.getuid() or status.st_mode & 0o077):
        return None  # `transforms.base.kernels` then makes a folder for this process alone
    return folder if os.access(folder, os.W_OK) else None


class Compiled:
    """What was compiled here before, for this processor, by these versions, from the source as it stands.

    Numba looks at the same things, at the cost of being imported. If the two should not agree, a kernel is compiled
    when it is called, as ever.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / _NAME if folder else None

    @property
    def can_be_kept(self) -> bool:
        """Whether another process will find what this one compiles."""
        return self._path is not None

    def __contains__(self, kernel: Kernel) -> bool:
        entry = self._entries.get(str(kernel))
        return entry is not None and entry[0] == self._stamp(kernel) and Path(entry[1]).exists()

    def add(self, paths: Mapping[Kernel, str]) -> None:
        """Note what was compiled, and where its index is; without a word if that cannot be written."""
        if self._path is None or not paths:
            return
        entries = _read(self._path) | {str(kernel): [self._stamp(kernel), path] for kernel, path in paths.items()}
        new = self._path.with_name(f"{_NAME}.{os.getpid()}.tmp")
        try:
            new.write_text(json.dumps(entries, indent=1, sort_keys=True), encoding="utf-8")
            new.replace(self._path)
        except OSError:
            new.unlink(missing_ok=True)

    @cached_property
    def _entries(self) -> dict[str, list[str]]:
        return {} if self._path is None else _read(self._path)

    @cached_property
    def _machine(self) -> str:
        """The processor, Python and Numba, and Numba's settings."""
        settings = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("NUMBA_"))
        parts = (sys.version, version("numba"), version("llvmlite"), platform.machine(), *_processor(), *settings)
        return "\n".join(parts)

    def _stamp(self, kernel: Kernel) -> str:
        source = (_ROOT / kernel.module.replace(".", "/")).with_suffix(".py")
        try:
            status = source.stat()
            content = f"{source}\n{status.st_mtime_ns}\n{status.st_size}"
        except OSError:
            content = "no source"
        return hashlib.sha256(f"{self._machine}\n{content}".encode()).hexdigest()


def _read(path: Path) -> dict[str, list[str]]:
    """The file's entries that are made like one; nothing if it is not there or not ours."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: entry for name, entry in found.items() if _is_entry(entry)}


def _is_entry(entry: object) -> bool:
    return isinstance(entry, list) and len(entry) == 2 and all(isinstance(part, str) for part in entry)


def _processor() -> Iterable[str]:
    """What tells one processor from another: on Linux its name and what it can do, as Numba's cache has them."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            first = [line.strip() for line in iter(lines.readline, "\n") if line]
    except OSError:
        return (platform.processor(),)
    return [line for line in first if line.partition(":")[0].strip() in ("model name", "flags", "Features", "CPU part")]
