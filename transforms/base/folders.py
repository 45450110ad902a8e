"""Folders on a local disk or an object store: atomic creation of files, and one hash for all files in one."""

import contextlib
import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.fs as pafs

from transforms.base.errors import CorpusError

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]*)://(.*)$", re.IGNORECASE | re.DOTALL)
_TEMPORARY = re.compile(r"^\..+\.[0-9a-f]{32}\.tmp$")


@lru_cache(maxsize=64)
def _root(scheme: str, bucket: str) -> pafs.FileSystem:
    filesystem, _ = pafs.FileSystem.from_uri(f"{scheme}://{bucket}")
    return filesystem


def resolve(uri: str) -> tuple[pafs.FileSystem, str]:
    """The Arrow file system of `uri` and the path within it; a plain path is local and becomes absolute.

    Only the bucket goes through Arrow's URI parser: names with spaces, `%` or `#` stay as they are.
    """
    match = _SCHEME.match(uri)
    if match is None:
        return pafs.LocalFileSystem(), str(Path(uri).absolute())
    scheme, rest = match.group(1).lower(), match.group(2)
    if scheme == "file":
        return pafs.LocalFileSystem(), "/" + rest.lstrip("/")
    bucket = rest.split("/", 1)[0]
    return _root(scheme, bucket), rest.rstrip("/")


def is_local(uri: str) -> bool:
    """Whether `uri` stands on this machine's file system."""
    match = _SCHEME.match(uri)
    return match is None or match.group(1).lower() == "file"


def sha256(data: bytes) -> str:
    """Hex digest of the bytes of a file."""
    return hashlib.sha256(data).hexdigest()


class HashingFile:
    """A binary sink that counts what passes through it, and hashes it unless it is told not to."""

    def __init__(self, sink: object, *, hashed: bool = True) -> None:
        self._sink = sink
        self._sha256 = hashlib.sha256()
        self._hashed = hashed
        self._abandoned = False
        self.size = 0
        self.closed = False

    def abandon(self) -> None:
        """Drop whatever is still written: a Parquet writer that failed sends its footer when it is collected.

        By then the descriptor may be closed, or belong to another file.
        """
        self._abandoned = True

    def write(self, data: object) -> int:
        """Write a bytes-like object; returns its length in bytes."""
        view = memoryview(data)  # type: ignore[arg-type]
        if self._abandoned:
            return view.nbytes
        if self._hashed:
            self._sha256.update(view)
        self._sink.write(view)  # type: ignore[attr-defined]
        self.size += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Bytes written so far."""
        return self.size

    def flush(self) -> None:
        """Nothing to do: the file is flushed when it is committed."""

    def close(self) -> None:
        """Nothing to do: whoever opened the sink closes it."""

    def writable(self) -> bool:
        """Always true."""
        return True

    def readable(self) -> bool:
        """Always false."""
        return False

    def seekable(self) -> bool:
        """Always false."""
        return False

    @property
    def sha256(self) -> str:
        """Hex digest of what was written so far.

        Raises:
            ValueError: if this file is not hashed.
        """
        if not self._hashed:
            raise ValueError("a scratch file is not hashed")
        return self._sha256.hexdigest()


@dataclass(frozen=True)
class Folder:
    """A folder by URI. Files in it appear whole or not at all.

    On a local disk a file is written under a unique temporary name in its final folder, synced and renamed.
    On an object store it is uploaded to its final name, which is atomic there.
    """

    uri: str

    @classmethod
    def of(cls, flag: str) -> "Folder":
        """The folder that a flag names: a URI as it stands, a path made absolute."""
        return cls(flag if "://" in flag else os.path.abspath(flag))  # noqa: PTH100 - takes `..` out too

    def child(self, name: str) -> "Folder":
        """The folder `name` inside this one."""
        return Folder(self.at(name))

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
        with _create_local(Path(path), mode, scratch) if self.local else _upload(filesystem, path, scratch) as sink:
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
        """Bytes of the file `name`; None if there is none."""
        filesystem, path = resolve(self.at(name))
        size: int | None = filesystem.get_file_info(path).size
        return size

    def names(self, name: str = "") -> list[str]:
        """Names of what stands directly in the folder, sorted, without temporary files; empty if there is none."""
        return [entry for entry in self._all_names(name) if not _TEMPORARY.match(entry)]

    def _all_names(self, name: str) -> list[str]:
        filesystem, path = resolve(self.at(name) if name else self.uri)
        infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        return sorted(info.base_name for info in infos)

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
        infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True, recursive=True))
        below = len(path.rstrip("/")) + 1
        return sorted(info.path[below:] for info in infos if info.type == pafs.FileType.File)

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
        elif filesystem.get_file_info(path).type == pafs.FileType.Directory:
            filesystem.delete_dir(path)

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


@contextlib.contextmanager
def _create_local(final: Path, mode: int, scratch: bool) -> Iterator[HashingFile]:
    temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(temporary, flags, mode), "wb", buffering=0) as raw:
            sink = HashingFile(_Unbuffered(raw.fileno()), hashed=not scratch)
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
        if isinstance(error, OSError) and error.errno in _DISK_FULL:
            raise CorpusError(
                f"{final}: cannot be written, the disk is full ({error.strerror}); free some space and run the same "
                "command again: it goes on from where it stopped"
            ) from error
        raise


@contextlib.contextmanager
def _upload(filesystem: pafs.FileSystem, path: str, scratch: bool) -> Iterator[HashingFile]:
    stream = filesystem.open_output_stream(path)
    sink = HashingFile(stream, hashed=not scratch)
    try:
        yield sink
    except BaseException:
        sink.abandon()
        # Arrow offers no way to give an upload up: it is ended, and what it made is taken away.
        with contextlib.suppress(OSError):
            stream.close()
            filesystem.delete_file(path)
        raise
    sink.abandon()
    stream.close()


class _Unbuffered:
    """Writes whole buffers to a descriptor: `write` of a raw file may stop early."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, view: memoryview) -> None:
        left = view.cast("B") if view.nbytes else view
        while left.nbytes:
            left = left[os.write(self._descriptor, left) :]


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
