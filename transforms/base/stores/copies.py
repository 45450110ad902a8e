"""Copies on this machine of what stands in a store, for libraries that read local files only."""

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import uuid
from functools import lru_cache
from pathlib import Path

import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.stores.address import call_it, canonical, is_local, shown, split
from transforms.base.stores.clients import client
from transforms.base.stores.folders import files_below

VARIABLE = "TRAPLINE_CACHE"
"""Environment variable with the folder of fetched files; by default a private one in the temporary folder."""

_HASHES = "hashes.json"
_CHUNK = 8 << 20


def fetched(given: str) -> Path:
    """The local path of a file or folder: a path as it stands, of an address in a store a copy on this machine.

    A copy is kept for later runs, under a name that depends on the sizes and times in the store. Each process reads it
    once more and compares its hashes with those of what was fetched; a copy that was changed is fetched again.

    Raises:
        FileNotFoundError: if there is nothing under an address in a store.
        CorpusError, OSError: if it cannot be read.
    """
    return Path(given) if is_local(given) else _fetched(canonical(given))


@lru_cache(maxsize=256)
def _fetched(uri: str) -> Path:
    store, path = split(uri)
    assert store is not None  # noqa: S101 - for the type checker
    filesystem = client(store)
    files = listed(filesystem, path)
    if not files:
        raise FileNotFoundError(2, "there is no such file or folder", shown(uri))
    facts = [[name, info.size, info.mtime_ns] for name, info in files.items()]
    identity = hashlib.sha256(json.dumps([str(store), path, facts]).encode()).hexdigest()[:32]
    folder = _cache() / identity
    copy = folder / (path.rpartition("/")[2] or store.bucket)
    call_it(str(copy), uri)
    if not _is_intact(folder, copy):
        shutil.rmtree(folder, ignore_errors=True)
        _fetch(filesystem, files, folder, copy.name)
    return copy


def listed(filesystem: pafs.FileSystem, path: str) -> dict[str, pafs.FileInfo]:
    """The objects under a path by their names below it; the object itself under the name "".

    Raises:
        CorpusError: for a name that would lead out of a folder on this machine.
    """
    whole = filesystem.get_file_info(path)
    if whole.type == pafs.FileType.File:
        return {"": whole}
    found = {info.path[len(path) + 1 :]: info for info in files_below(filesystem, path)}
    for name in found:
        if any(part in ("", ".", "..") for part in name.split("/")):
            raise CorpusError(f"{path}/{name}: is no name of a file on this machine: rename the object")
    return found


def download(filesystem: pafs.FileSystem, path: str, target: Path) -> str:
    """Copy an object to a new file that only its owner may read; returns its sha256 in hexadecimal."""
    private_folder(target.parent)
    digest = hashlib.sha256()
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file, filesystem.open_input_stream(path, compression=None) as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def private_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner only."""
    for one in reversed([one for one in (path, *path.parents) if not one.is_dir()]):
        with contextlib.suppress(FileExistsError):
            one.mkdir(mode=0o700)
            one.chmod(0o700)


def _fetch(filesystem: pafs.FileSystem, files: dict[str, pafs.FileInfo], folder: Path, name: str) -> None:
    """Make the folder of a copy, whole or not at all; one that another process has made meanwhile stays."""
    draft = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        hashes = {
            below: download(filesystem, info.path, draft / name / below if below else draft / name)
            for below, info in files.items()
        }
        (draft / _HASHES).write_text(json.dumps(hashes), encoding="utf-8")
        with contextlib.suppress(FileExistsError, OSError):
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    if not folder.is_dir():
        raise CorpusError(f"{folder}: cannot be made: is the disk full? {VARIABLE} names another place for copies")


def _is_intact(folder: Path, copy: Path) -> bool:
    try:
        hashes = json.loads((folder / _HASHES).read_bytes())
        return all(_sha256(copy / below if below else copy) == found for below, found in hashes.items())
    except (OSError, ValueError, AttributeError):
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cache() -> Path:
    """The folder of copies: among them are secrets, so that it must be its owner's alone.

    Raises:
        CorpusError: if others may enter it.
    """
    folder = Path(os.environ.get(VARIABLE) or Path(tempfile.gettempdir()) / f"trapline-fetched-{os.getuid()}")
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise CorpusError(f"{folder}: is not a folder of its owner's alone: chmod 700, or set {VARIABLE} to another")
    return folder
