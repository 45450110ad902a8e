"""Folders on a local disk or an object store, with atomic creation of files."""

import contextlib
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


class HashingFile:
    """A binary sink that counts and hashes what passes through it."""

    def __init__(self, sink: object) -> None:
        self._sink = sink
        self._sha256 = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: object) -> int:
        """Write a bytes-like object; returns its length in bytes."""
        view = memoryview(data)  # type: ignore[arg-type]
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
        """Hex digest of what was written so far."""
        return self._sha256.hexdigest()


@dataclass(frozen=True)
class Folder:
    """A folder by URI. Files in it appear whole or not at all.

    On a local disk a file is written under a unique temporary name in its final folder, synced and renamed.
    On an object store it is uploaded to its final name, which is atomic there.
    """

    uri: str

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
    def create(self, name: str) -> Iterator[HashingFile]:
        """Write the file `name`: it exists when the block ends without an exception, and not before."""
        filesystem, path = resolve(self.at(name))
        if not self.local:
            stream = filesystem.open_output_stream(path)
            sink = HashingFile(stream)
            try:
                yield sink
            except BaseException:
                with contextlib.suppress(AttributeError):
                    stream.abort()
                raise
            stream.close()
            return
        final = Path(path)
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")
        try:
            with temporary.open("xb", buffering=0) as raw:
                sink = HashingFile(_Unbuffered(raw.fileno()))
                yield sink
                os.fsync(raw.fileno())
            temporary.replace(final)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(final.parent)

    def write(self, name: str, data: bytes) -> None:
        """Write a small file at once."""
        with self.create(name) as sink:
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

    def names(self, name: str = "") -> list[str]:
        """Names of what stands directly in the folder, sorted, without temporary files; empty if there is none."""
        return [entry for entry in self._all_names(name) if not _TEMPORARY.match(entry)]

    def _all_names(self, name: str) -> list[str]:
        filesystem, path = resolve(self.at(name) if name else self.uri)
        infos = filesystem.get_file_info(pafs.FileSelector(path, allow_not_found=True))
        return sorted(info.base_name for info in infos)

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
