"""A file of lines -> buffers of whole lines and their offsets: a plain file in ranges, a compressed one as a whole."""

from collections.abc import Iterator
from types import TracebackType

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs

from transforms.base.errors import CorpusError
from transforms.corpus.input.jsonl.compressed import begins_as, compression_of, decompressed
from transforms.corpus.input.jsonl.lines import first_newline, last_newline

MAX_LINE_BYTES = 1 << 30
"""A longer line is taken for a file that does not hold JSON lines."""

_NEWLINE = 10
_STEP = 1 << 16
_HEAD = 16


def plain_ranges(size: int, target: int = 64 << 20) -> list[tuple[int, int]]:
    """Cut a plain file of `size` bytes into equal ranges [lo, hi) of at most `target` bytes.

    A line belongs to the range that holds its first byte. An empty file is one empty range.
    """
    count = max(1, -(-size // target))
    return [(part * size // count, (part + 1) * size // count) for part in range(count)]


def line_buffers(
    filesystem: fs.FileSystem, path: str, lo: int, hi: int | None, block_bytes: int
) -> Iterator[tuple[int, npt.NDArray[np.uint8]]]:
    """Yield buffers that together hold the lines that begin in bytes lo <= x < hi of the (decompressed) file.

    A buffer holds whole lines, and about `block_bytes`, or one longer line. It is valid, and may be written to,
    until the next one is asked for. Each comes with the offset of its first byte. Only the last line of a file
    may lack its newline.

    Args:
        filesystem: where the file is.
        path: its path there; the suffix tells the compression, see `compression_of`. Several streams
            one after the other are one.
        lo: first byte; 0 for a compressed file.
        hi: the byte after the range; None is the end of the file and all that a compressed file may have.
        block_bytes: memory for lines, at most `MAX_LINE_BYTES`.

    Raises:
        CorpusError: the file cannot be read, its compressed stream is damaged or breaks off, or a line is longer
            than `MAX_LINE_BYTES`.
        ValueError: `block_bytes` is out of bounds, or a compressed file is to be read in part.
    """
    if not 1 <= block_bytes <= MAX_LINE_BYTES:
        raise ValueError(f"block_bytes is {block_bytes}, allowed are 1 to {MAX_LINE_BYTES}")
    if compression_of(path) and (lo, hi) != (0, None):
        raise ValueError(f"{path}: a compressed file is read as a whole (lo 0, hi None), not from {lo} to {hi}")
    with _Source(filesystem, path, max(lo - 1, 0)) as source:
        lines = _Lines(source, hi, block_bytes)
        if lo and not lines.drop_started_line():
            return
        while (found := lines.next_lines()) is not None:
            yield found


class _Source:
    """An open file, decompressed, whose errors are `CorpusError`."""

    def __init__(self, filesystem: fs.FileSystem, path: str, begin: int) -> None:
        self.path = path
        self.at = begin
        self._filesystem = filesystem
        self._codec = compression_of(path)
        try:
            if self._codec:
                self._file = decompressed(filesystem, path, self._codec)
            else:
                self._file = filesystem.open_input_file(path)
                if begin:
                    self._file.seek(min(begin, self._file.size()))
        except OSError as error:
            raise CorpusError(f"{path}: cannot be opened ({error}); check the path and its permissions") from error

    def __enter__(self) -> "_Source":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def read(self, into: npt.NDArray[np.uint8]) -> int:
        """Fill `into` from its start; fewer bytes than it holds only at the end of the file."""
        filled = 0
        try:
            while filled < len(into) and (got := self._file.readinto(into[filled:])):
                filled += got
        except (OSError, pa.ArrowException) as error:
            at = self.at + filled
            if self._codec is None:
                raise CorpusError(f"{self.path}: cannot be read at byte {at} or after it ({error})") from error
            if at == 0 and (head := self._head()) is not None and not begins_as(self._codec, head):
                raise CorpusError(
                    f"{self.path}: is no {self._codec} data, though its name says so: it begins with {head!r}; rename "
                    "it, get the file again, or leave it out"
                ) from error
            if "too much memory" in str(error):
                what = "asks for a window above 128 MiB; compress it again with zstd --long=27 or less"
            else:
                what = f"is damaged or breaks off ({error}); get the file again, or leave it out"
            raise CorpusError(f"{self.path}: the {self._codec} stream {what} (after {at} bytes of text)") from error
        self.at += filled
        return filled

    def _head(self) -> bytes | None:
        """The first bytes of the file as they are stored."""
        try:
            with self._filesystem.open_input_stream(self.path, compression=None) as raw:
                return bytes(raw.read(_HEAD))
        except OSError:
            return None


class _Lines:
    """The buffer: `_data[:_filled]` is what was read and not yet given out, from offset `_first` of the file."""

    def __init__(self, source: _Source, hi: int | None, block_bytes: int) -> None:
        self._source = source
        self._hi = hi
        self._block_bytes = block_bytes
        self._data = np.empty(block_bytes, np.uint8)
        self._first = source.at
        self._filled = 0
        self._given = 0  # bytes of _data that the last call gave out
        self._searched = 0  # bytes of _data that are known to hold no newline
        self._ended = False

    def drop_started_line(self) -> bool:
        """Go to the first line that begins after the byte where the source stands; False if there is none."""
        while self._fill():
            newline = first_newline(self._data, 0, self._filled)
            self._drop(self._filled if newline < 0 else newline + 1)
            if newline >= 0:
                self._searched = 0
                return True
        return False

    def next_lines(self) -> tuple[int, npt.NDArray[np.uint8]] | None:
        """The next whole lines and the offset of the first; None when the range is done."""
        self._drop(self._given)
        self._given = 0
        while not self._ended:
            self._fill()
            if self._filled < len(self._data):
                self._finish_last_line()
                self._given = self._filled
                self._ended = True
            else:
                self._given = last_newline(self._data, self._searched, self._filled) + 1
                self._searched = self._filled
                if not self._given:
                    self._grow()
            if self._given:
                return self._first, self._data[: self._given]
        return None

    def _fill(self) -> int:
        """Read until the buffer is full or the range ends; how many bytes were read."""
        end = len(self._data)
        if self._hi is not None:
            end = max(self._filled, min(end, self._hi - self._first))
        got = self._source.read(self._data[self._filled : end])
        self._filled += got
        return got

    def _finish_last_line(self) -> None:
        """Read past the end of the range to the end of its last line."""
        step = _STEP
        while self._filled and self._data[self._filled - 1] != _NEWLINE:
            if self._filled == len(self._data):
                self._grow()
            got = self._source.read(self._data[self._filled : self._filled + step])
            if not got:
                return
            newline = first_newline(self._data, self._filled, self._filled + got)
            self._filled = self._filled + got if newline < 0 else newline + 1
            step *= 2

    def _drop(self, count: int) -> None:
        """Forget the first `count` bytes, and the room that a long line needed."""
        if not count:
            return
        rest = self._filled - count
        target = self._data
        if len(target) > self._block_bytes > rest:
            target = np.empty(self._block_bytes, np.uint8)
        target[:rest] = self._data[count : self._filled].copy()
        self._data = target
        self._first += count
        self._filled = self._searched = rest

    def _grow(self) -> None:
        if len(self._data) >= MAX_LINE_BYTES:
            line = self._first + last_newline(self._data, 0, self._filled) + 1
            raise CorpusError(
                f"{self._source.path}: the line at byte {line} does not end within {MAX_LINE_BYTES} bytes; "
                "this does not look like JSON lines (one object per line): convert the file or leave it out"
            )
        grown = np.empty(min(2 * len(self._data), MAX_LINE_BYTES), np.uint8)
        grown[: self._filled] = self._data[: self._filled]
        self._data = grown
