"""The secrets of a campaign: one folder, 0700, that appears whole or not at all; or one in a bucket of its own."""

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
from transforms.base.stores.address import shown
from transforms.base.stores.copies import private_folder
from transforms.planting.mirror import held, mirror, publish, remote_of

KEY, COMMITMENT, PLAN, RECORD = "key", "commitment.json", "plan.json", "seal.json"
PROBES, UNITS, EARLIER = "probes/probes.parquet", "units.parquet", "earlier.parquet"
DRAW_RECORD, DRAW, BURNED, ATTACHED = "draw.json", "draw.parquet", "burned.json", "attached"
DRAWN = "drawn.json"
QUESTIONS = "questions.parquet"
LEDGER, SLOTS = "ledger/ledger.parquet", "slots.parquet"
CERTIFICATES = "certificates"
PLANTING, PLANTED, REPLACED = "planting.json", "planted.json", "replaced"
SEALED = (PLAN, PROBES, UNITS)
"""Files that `seal.json` lists with their hashes, and with them `QUESTIONS` where there are any."""

PUBLIC = (COMMITMENT, DRAWN, PLANTED)
"""The files in the folder that are no secret: they are there to be published."""


def secrets_path(secrets: str, flag: str = "--secrets") -> Path:
    """The folder that `--secrets`, or another `flag`, names; of one in a bucket a private copy, see `mirror`.

    Raises:
        SealError: if it is elsewhere, or the bucket cannot be read.
    """
    if not is_local(secrets):
        if not secrets.startswith(("gs://", "s3://")):
            raise SealError(f"{flag} {secrets}: give a local folder, or one under gs:// or s3://")
        try:
            return mirror(secrets)
        except OSError as error:
            raise SealError(f"{flag} {secrets}: cannot be read ({error})") from error
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

    Until then it has a temporary name beside `path`; what a killed run left under such a name is removed. A bucket gets
    its files one by one, that by which they are recognised as the last.

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
            if remote_of(path) is not None:
                publish(draft, path, RECORD if (draft / RECORD).exists() else Path(PROBES).name)
                return
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
        with _held(path) if remote_of(path) is None else held(path):
            yield
    except BlockingIOError:
        raise SealError(f"--secrets {path}: another command is writing there; wait for it") from None


def write(folder: Path, name: str, data: bytes) -> None:
    """Write the file `name` whole: for its owner only, unless it is to be published."""
    target, remote = folder / name, remote_of(folder)
    if remote is not None:
        remote.write(name, data)
    private_folder(target.parent)
    Folder(str(target.parent)).write(target.name, data, 0o644 if name in PUBLIC else 0o600)


def remove(folder: Path, name: str) -> None:
    """Remove a file, from the bucket last: what is there can be removed again."""
    (folder / name).unlink(missing_ok=True)
    remote = remote_of(folder)
    if remote is not None:
        remote.remove(name)


def overlap(output: Folder, secrets: Path) -> bool:
    """Whether one of two folders is the other, or lies in it."""
    remote = remote_of(secrets)
    if (remote is None) != output.local:
        return False
    one, other = (
        f"{shown(folder.uri).rstrip('/')}/" if remote is not None else f"{folder.local_path().resolve()}/"
        for folder in (output, remote or Folder(str(secrets)))
    )
    return one.startswith(other) or other.startswith(one)


def parquet(table: pa.Table, compression: str = "zstd") -> bytes:
    """A table as a Parquet file in memory."""
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression=compression)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def read_parquet(data: bytes) -> pa.Table | None:
    """The table in a Parquet file; None if it cannot be read as one."""
    try:
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            table = file.read(use_threads=False)
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
