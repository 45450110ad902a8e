"""The secrets of a campaign on disk: one folder, 0700, that appears whole or not at all."""

import contextlib
import fcntl
import itertools
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import SealError
from transforms.base.folders import Folder, is_local

KEY, COMMITMENT, PLAN, RECORD = "key", "commitment.json", "plan.json", "seal.json"
PROBES, UNITS, EARLIER = "probes/probes.parquet", "units.parquet", "earlier.parquet"
DRAW_RECORD, DRAW, BURNED, ATTACHED = "draw.json", "draw.parquet", "burned.json", "attached"
DRAWN = "drawn.json"
LEDGER, SLOTS = "ledger/ledger.parquet", "slots.parquet"
CERTIFICATES = "certificates"
PLANTING, PLANTED, REPLACED = "planting.json", "planted.json", "replaced"
SEALED = (PLAN, PROBES, UNITS)
"""Files that `seal.json` lists with their hashes."""

PUBLIC = (COMMITMENT, DRAWN, PLANTED)
"""The files in the folder that are no secret: they are there to be published."""


def secrets_path(secrets: str, flag: str = "--secrets") -> Path:
    """The folder that `--secrets`, or another `flag`, names.

    Raises:
        SealError: if it is on an object store: secrets stay on this machine.
    """
    if not is_local(secrets):
        raise SealError(f"{flag} {secrets}: secrets stay on this machine: give a local folder")
    path = Folder(secrets).local_path()
    return path.parent.resolve() / path.name if not path.is_symlink() else path.resolve()


def refuse_existing(path: Path, flag: str = "--secrets") -> None:
    """Check that nothing stands where new secrets will; `flag` is what named the path, for messages.

    Raises:
        SealError: if something does; whatever it is, it is left alone.
    """
    if path.is_dir() and not path.is_symlink():
        if any(path.iterdir()):
            raise SealError(f"{flag} {path}: holds something, and secrets are never replaced: choose another")
    elif path.exists() or path.is_symlink():
        raise SealError(f"{flag} {path}: is a file: give a new folder")


@contextlib.contextmanager
def new_secrets(path: Path, flag: str = "--secrets") -> Iterator[Path]:
    """A folder in which to prepare secrets: it becomes `path` when the block ends without an exception.

    Until then it has a temporary name beside `path`; what a killed run left under such a name is removed.

    Raises:
        SealError: if something stands at `path`, or the folder cannot be made.
    """
    refuse_existing(path, flag)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.mkdir(mode=0o700)
    except OSError as error:
        raise SealError(f"{flag} {path}: cannot be made ({error.strerror}: {error.filename})") from error
    try:
        with _held(draft):
            draft.chmod(0o700)
            _remove_abandoned(path)
            yield draft
            _sync(draft)
            # A rename onto a folder succeeds only if that is empty: nothing is ever replaced.
            try:
                draft.rename(path)
            except OSError as error:
                raise SealError(f"{flag} {path}: cannot be put in place ({error.strerror}): choose another") from error
            _sync(path.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Lock a folder while the block runs, so that another run can tell a draft in work from an abandoned one."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _remove_abandoned(path: Path) -> None:
    pattern = re.compile(re.escape(f".{path.name}.") + r"[0-9a-f]{32}\.tmp")
    for entry in path.parent.iterdir():
        if pattern.fullmatch(entry.name) and entry.is_dir() and not entry.is_symlink():
            with contextlib.suppress(OSError), _held(entry):
                shutil.rmtree(entry, ignore_errors=True)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the secrets against another command that would write into them.

    Raises:
        SealError: if there is no such folder, or another command holds it.
    """
    if not path.is_dir():
        raise SealError(f"--secrets {path}: there is no such folder; trapline seal makes one")
    try:
        with _held(path):
            yield
    except BlockingIOError:
        raise SealError(f"--secrets {path}: another command is writing there; wait for it") from None


def write(folder: Path, name: str, data: bytes) -> None:
    """Write the file `name` whole: for its owner only, unless it is to be published."""
    target = folder / name
    missing = [one for one in (target.parent, *target.parent.parents) if not one.is_dir()]
    for one in reversed(missing):
        one.mkdir(mode=0o700)
        one.chmod(0o700)
    Folder(str(target.parent)).write(target.name, data, 0o644 if name in PUBLIC else 0o600)


def parquet(table: pa.Table, compression: str = "zstd") -> bytes:
    """A table as a Parquet file in memory."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(data: bytes) -> pa.Table | None:
    """The table in a Parquet file; None if it cannot be read as one."""
    try:
        table = pq.read_table(pa.BufferReader(data), use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError):
        return None
    return table


def open_to_others(path: Path) -> list[str]:
    """Secret files and folders that others than their owner may read, enter or write, by name."""
    found = ["."] if path.stat().st_mode & 0o077 else []
    for entry in _entries(path):
        name = entry.relative_to(path).as_posix()
        public = name in PUBLIC or name.split("/")[0] == ATTACHED
        mode = entry.lstat().st_mode
        if not stat.S_ISLNK(mode) and mode & (0o022 if public else 0o077):
            found.append(name)
    return found


def links_in(path: Path) -> list[str]:
    """Symbolic links below a folder of secrets, by name: what they lead to may be anyone's, and may be exchanged.

    The folder itself may be reached through a link: its user has named it.
    """
    return [entry.relative_to(path).as_posix() for entry in _entries(path) if entry.is_symlink()]


def _entries(path: Path) -> list[Path]:
    """All that is below a folder, sorted; what a symbolic link leads to is not entered."""
    return sorted(Path(folder, name) for folder, *names in os.walk(path) for name in itertools.chain(*names))
