"""Secrets in a bucket of their own: a private copy on this machine while a command runs, written through to the bucket.

Commands that hold the key work on files. What they write is in the bucket before they go on, so that a killed command
leaves there what it would have left on a disk. Where the system has a folder in memory, the copy is in it.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from transforms.base.errors import SealError
from transforms.base.folders import Folder, resolve
from transforms.base.stores.address import call_it, shown
from transforms.base.stores.claims import ClaimedError, claimed
from transforms.base.stores.copies import download, listed
from transforms.base.stores.sinks import DISK_FULL

_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder in memory; what is made there is its owner's alone
_PREFIX = f"trapline-secrets-{os.getuid()}-"
WORK = "work"
"""Folder, within the secrets, of what runs share with their workers."""

_mirrors: dict[Path, Folder] = {}
_held: set[Path] = set()


def mirror(uri: str) -> Path:
    """The copy of secrets in a bucket; it is removed when the process ends, or by the next command if it is killed.

    Raises:
        CorpusError, OSError: if the bucket cannot be read.
    """
    path = _place(Folder.of(uri).uri)
    if path not in _held:
        _copy(path)
    return path


@lru_cache(maxsize=16)
def _place(uri: str) -> Path:
    root = _MEMORY if os.access(_MEMORY, os.W_OK) else Path(tempfile.gettempdir())
    _remove_abandoned(root)
    holder = _new_folder(root)
    atexit.register(shutil.rmtree, holder, ignore_errors=True)
    path = holder / (uri.rstrip("/").rpartition("/")[2].rpartition("@")[2] or "secrets")
    _mirrors[path] = Folder(uri)
    call_it(str(path), shown(uri))
    return path


def _new_folder(root: Path) -> Path:
    """A private folder under a lock that this process keeps until it ends, however it ends."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
        descriptor = os.open(folder, os.O_RDONLY)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if folder.is_dir():
                return folder
        os.close(descriptor)  # Another command took it for an abandoned one before it was locked.


def remote_of(path: Path) -> Folder | None:
    """The folder in a bucket of which `path` is the copy; None for secrets of this machine."""
    return _mirrors.get(path)


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the secrets in the bucket against other commands, and copy them again: another may have written meanwhile.

    Raises:
        SealError: if another command holds them.
    """
    remote = _mirrors[path]
    filesystem, inside = resolve(remote.uri)
    try:
        with claimed(filesystem, inside):
            _copy(path)
            _held.add(path)
            try:
                yield
            finally:
                _held.discard(path)
    except ClaimedError as error:
        raise SealError(
            f"--secrets {remote.uri}: another command is writing there, or was killed ({error.holder}); if it is gone, "
            f"remove {remote.at(error.name)}"
        ) from error


def publish(draft: Path, path: Path, last: str) -> None:
    """Put new secrets into the bucket, the file `last` at the end: without it they are none.

    Raises:
        SealError: if something is there already, or another command is putting secrets there.
    """
    remote = _mirrors[path]
    filesystem, inside = resolve(remote.uri)
    names = sorted(one.relative_to(draft).as_posix() for one in draft.rglob("*") if one.is_file())
    try:
        with claimed(filesystem, inside):
            if any(not _is_claim(name) for name in remote.all_files()):
                raise SealError(f"{remote.uri}: holds something, and secrets are never replaced: choose another")
            for name in sorted(names, key=lambda name: (name == last, name)):
                remote.write(name, (draft / name).read_bytes())
            _copy(path)
    except ClaimedError as error:
        raise SealError(f"{remote.uri}: another command is writing there ({error.holder})") from error


def _copy(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    filesystem, inside = resolve(_mirrors[path].uri)
    for name, info in listed(filesystem, inside).items():
        if not name:
            raise SealError(f"{_mirrors[path].uri}: is an object, give the folder of the secrets")
        # Of the work of a run only that it was begun is asked.
        if name.partition("/")[0] == WORK or _is_claim(name):
            continue
        try:
            download(filesystem, info.path, path / name)
        except OSError as error:
            if error.errno in DISK_FULL:
                root = path.parent.parent
                raise SealError(
                    f"{root}: is full, and the private copy of {_mirrors[path].uri} stands there while a command runs: "
                    "give it more room (for a container: docker run --shm-size)"
                ) from error
            raise


def _is_claim(name: str) -> bool:
    return name.startswith("lock.") and "/" not in name


def _remove_abandoned(root: Path) -> None:
    """Remove the copies of killed commands: nobody holds their locks."""
    for entry in root.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(entry, ignore_errors=True)
            finally:
                os.close(descriptor)
