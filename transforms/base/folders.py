"""Folders on a local disk or an object store: atomic creation of files, and one hash for all files in one."""

import contextlib
import hashlib
import os
import re
import shutil
import stat
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.stores.address import canonical, is_local, split
from transforms.base.stores.clients import client
from transforms.base.stores.folders import files_below, names_in, remove_tree
from transforms.base.stores.sinks import DISK_FULL, HashingFile, Unbuffered, uploaded

__all__ = ["Folder", "HashingFile", "canonical", "folder_sha256", "is_local", "make_folder", "resolve", "sha256"]

_TEMPORARY = re.compile(r"^\..+\.[0-9a-f]{32}\.tmp$")


def resolve(uri: str) -> tuple[pafs.FileSystem, str]:
    """The Arrow file system of `uri` and the path within it; a plain path is local and becomes absolute.

    Names with spaces, `%`, `?` or `#` stay as they are: Arrow's own URI parser sees none of them.

    Raises:
        CorpusError: if the store cannot be reached, or no credentials for it are found.
    """
    store, path = split(uri)
    return (pafs.LocalFileSystem(), str(Path(path).absolute())) if store is None else (client(store), path)


def sha256(data: bytes) -> str:
    """Hex digest of the bytes of a file."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Folder:
    """A folder by URI. Files in it appear whole or not at all.

    On a local disk a file is written under a unique temporary name in its final folder, synced and renamed.
    On an object store it is uploaded to its final name once it is whole, which is atomic there.
    """

    uri: str

    @classmethod
    def of(cls, flag: str) -> "Folder":
        """The folder that a flag names: a URI with the options of its store, or a path, made absolute.

        Raises:
            CorpusError: for options that a store does not have.
        """
        return cls(canonical(flag) if "://" in flag else os.path.abspath(flag))  # noqa: PTH100 - takes `..` out too

    def child(self, name: str) -> "Folder":
        """The folder `name` inside this one."""
        return Folder(self.at(name))

    def parents(self) -> Iterator["Folder"]:
        """The folders that this one lies in, the next one first, up to the root or the bucket."""
        if self.local:
            yield from (Folder(str(path)) for path in self.local_path().parents)
            return
        uri = self.uri.rstrip("/")
        while uri.partition("://")[2].count("/"):
            uri = uri.rpartition("/")[0]
            yield Folder(uri)

    def at(self, name: str) -> str:
        """The URI of `name` inside this folder."""
        return f"{self.uri.rstrip('/')}/{name}"

    @property
    def local(self) -> bool:
        """Whether the folder is on this machine's file system."""
        return is_local(self.uri)

    def local_path(self, name: str = "") -> Path:
        """The path of `name` on this machine; only for a local folder."""
        return Path(resolve(self.at(name) if name else self.uri)[1])

    @contextlib.contextmanager
    def create(self, name: str, mode: int = 0o666, *, scratch: bool = False) -> Iterator[HashingFile]:
        """Write the file `name`: it exists when the block ends without an exception, and not before.

        `mode` is that of a local file, less the process's mask: 0o600 for what is secret. `scratch` is for large
        files of a run's own: they are neither hashed nor synced, so one may lack its content after a power failure.

        Raises:
            CorpusError: if the disk is full.
        """
        filesystem, path = resolve(self.at(name))
        with _create_local(Path(path), mode, scratch) if self.local else uploaded(filesystem, path, scratch) as sink:
            yield sink

    def write(self, name: str, data: bytes, mode: int = 0o666) -> None:
        """Write a small file at once."""
        with self.create(name, mode) as sink:
            sink.write(data)

    def read(self, name: str) -> bytes:
        """The whole of a small file; `FileNotFoundError` if there is none."""
        filesystem, path = resolve(self.at(name))
        with filesystem.open_input_stream(path) as stream:
            data: bytes = stream.read()
            return data

    def open(self, name: str) -> pa.NativeFile:
        """Open a file for random access; local files are mapped into memory."""
        filesystem, path = resolve(self.at(name))
        return pa.memory_map(path) if self.local else filesystem.open_input_file(path)

    def exists(self, name: str) -> bool:
        """Whether the file or folder `name` exists."""
        filesystem, path = resolve(self.at(name))
        return bool(filesystem.get_file_info(path).type != pafs.FileType.NotFound)

    def size_of(self, name: str) -> int | None:
        """Bytes of a file; None if there is none."""
        filesystem, path = resolve(self.at(name))
        info = filesystem.get_file_info(path)
        return int(info.size) if info.type == pafs.FileType.File else None

    def names(self, name: str = "") -> list[str]:
        """Names of what stands directly in the folder, sorted, without temporary files; empty if there is none."""
        return [entry for entry in self._all_names(name) if not _TEMPORARY.match(entry)]

    def _all_names(self, name: str) -> list[str]:
        filesystem, path = resolve(self.at(name) if name else self.uri)
        return names_in(filesystem, path)

    def sha256_of(self, name: str) -> str:
        """Hex digest of a file of any size; `OSError` if it cannot be read."""
        filesystem, path = resolve(self.at(name))
        digest = hashlib.sha256()
        with filesystem.open_input_stream(path, compression=None) as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def all_files(self) -> list[str]:
        """Names of everything in the folder and below that is no folder, sorted, with `/` between their parts.

        A link to a folder is one such thing: it is not followed.
        """
        if self.local:
            root = self.local_path()
            found = [
                Path(folder, name).relative_to(root).as_posix()
                for folder, folders, files in os.walk(root)
                for name in (*files, *(name for name in folders if Path(folder, name).is_symlink()))
            ]
            return sorted(found)
        filesystem, path = resolve(self.uri)
        below = len(path.rstrip("/")) + 1
        return sorted(info.path[below:] for info in files_below(filesystem, path))

    def sizes(self, names: Iterable[str]) -> dict[str, int]:
        """Bytes of all files in the folders `names` of this one, by name with `/` between its parts."""
        found: dict[str, int] = {}
        for name in names:
            filesystem, path = resolve(self.at(name))
            below = len(path) - len(name)
            found |= {info.path[below:]: int(info.size) for info in files_below(filesystem, path)}
        return found

    def remove(self, name: str) -> None:
        """Remove one file if it is there."""
        filesystem, path = resolve(self.at(name))
        with contextlib.suppress(FileNotFoundError):
            filesystem.delete_file(path)

    def remove_folder(self, name: str) -> None:
        """Remove a folder and what is in it, if it is there."""
        filesystem, path = resolve(self.at(name))
        if self.local:
            shutil.rmtree(path, ignore_errors=True)
        else:
            remove_tree(filesystem, path)

    def remove_if_empty(self, name: str) -> None:
        """Remove a local folder that holds nothing; object stores have no empty folders."""
        if self.local:
            with contextlib.suppress(OSError):
                self.local_path(name).rmdir()

    def remove_temporaries(self, name: str) -> None:
        """Remove what a killed run left under temporary names directly in the folder `name`."""
        for entry in self._all_names(name):
            if _TEMPORARY.match(entry):
                self.child(name).remove(entry)


def make_folder(path: Path) -> None:
    """Make a local folder, and those above it that are missing.

    Where others may write into the folder that it is made in, they may write into it, whatever the process's mask:
    workers may run under another user than the command. A folder that all may write into, but not remove what is
    others' (`/tmp`), says nothing of what is in it.
    """
    for one in reversed([one for one in (path, *path.parents) if not one.is_dir()]):
        with contextlib.suppress(FileExistsError):
            one.mkdir()
            above = one.parent.stat().st_mode
            if above & 0o022 and not above & stat.S_ISVTX:
                one.chmod((one.stat().st_mode | above) & 0o2777)


@contextlib.contextmanager
def _create_local(final: Path, mode: int, scratch: bool) -> Iterator[HashingFile]:
    temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")
    try:
        make_folder(final.parent)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, mode), "wb", buffering=0) as raw:
            sink = HashingFile(Unbuffered(raw.fileno()), hashed=not scratch)
            try:
                yield sink
            finally:
                sink.abandon()
            if not scratch:
                os.fsync(raw.fileno())
        temporary.replace(final)
        _sync_folder(final.parent)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise CorpusError(
                f"{final}: cannot be written, the disk is full ({error.strerror}); free some space and run the same "
                "command again: it goes on from where it stopped"
            ) from error
        raise


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_sha256(folder: Path) -> str:
    """SHA-256 over the names and contents of all files in `folder`, hidden ones left out; hex digits.

    What is hashed is, for each file in byte order of its path within the folder (with `/` between names): the length
    of the path (8 bytes, big-endian), the path in UTF-8, and the 32 bytes of the file's own SHA-256.

    Raises:
        FileNotFoundError: if there is no file in it.
    """
    paths = {
        path.relative_to(folder).as_posix().encode(): path
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    }
    if not paths:
        raise FileNotFoundError(2, "there is no file in it", str(folder))
    whole = hashlib.sha256()
    for name, path in sorted(paths.items()):
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").digest()
        whole.update(len(name).to_bytes(8, "big") + name + digest)
    return whole.hexdigest()
