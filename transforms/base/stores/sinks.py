"""What files are written into: sinks that hash and count, and the upload of what is whole."""

import contextlib
import errno
import hashlib
import mmap
import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

import pyarrow as pa
import pyarrow.fs as pafs

from transforms.base.errors import CorpusError

DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_T = TypeVar("_T")


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


class Unbuffered:
    """Writes whole buffers to a descriptor: `write` of a raw file may stop early."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, view: memoryview) -> None:
        """Write all of it."""
        left = view.cast("B") if view.nbytes else view
        while left.nbytes:
            left = left[os.write(self._descriptor, left) :]


@contextlib.contextmanager
def uploaded(filesystem: pafs.FileSystem, path: str, scratch: bool = False) -> Iterator[HashingFile]:
    """A sink for an object: nothing is sent before the block has ended without an exception.

    What is written waits in a file without a name in the temporary folder, so that a killed process leaves nothing.
    Until the whole is there, and if the block or the upload fails, the object stays what it was.

    Raises:
        CorpusError: if the temporary folder is full.
        OSError: if the upload fails.
    """
    with tempfile.TemporaryFile(buffering=0) as spool:
        sink = HashingFile(Unbuffered(spool.fileno()), hashed=not scratch)
        try:
            yield sink
        except OSError as error:
            if error.errno in DISK_FULL:
                raise CorpusError(
                    f"{tempfile.gettempdir()}: is full ({error.strerror}), and a file waits there before it is "
                    "uploaded; free some space or set TMPDIR, and run the same command again: it goes on from where it "
                    "stopped"
                ) from error
            raise
        finally:
            sink.abandon()
        # Unmapped when Arrow has let it go: it may still hold parts of an upload that failed.
        whole = mmap.mmap(spool.fileno(), sink.size, access=mmap.ACCESS_READ) if sink.size else b""
        _aside(lambda: _put(filesystem, path, pa.py_buffer(whole)))


def _put(filesystem: pafs.FileSystem, path: str, whole: pa.Buffer) -> None:
    """Send an object with one call of Arrow, then see that it has arrived.

    Arrow ends an upload that it is not told to end when the stream is collected: one that were fed piece by piece would
    then be published cut off. It takes the whole at once, or none of it.
    """
    stream = filesystem.open_output_stream(path, compression=None)
    stream.write(whole)
    stream.close()
    found = filesystem.get_file_info(path)
    if found.type != pafs.FileType.File or found.size != whole.size:
        raise OSError(f"{path}: {whole.size} bytes were uploaded, and {found.size} are there: run again")


def _aside(do: Callable[[], _T]) -> _T:
    """Do something on a thread of its own: a signal that interrupts the caller does not cut it short."""
    found: list[_T] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            found.append(do())
        except BaseException as error:  # noqa: BLE001 - handed to the caller
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="trapline-upload")
    thread.start()
    thread.join()
    if failed:
        raise failed[0]
    return found[0]
