"""Compressed files: which codec a name stands for, and reading each as one stream from its beginning."""

import bz2
import lzma
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs

CODECS = {".gz": "gzip", ".zst": "zstd", ".zstd": "zstd", ".bz2": "bz2", ".xz": "xz", ".lz4": "lz4"}
"""Endings of names, and the codec of each; `.lz4` is the frame format that the `lz4` command writes."""

MAGIC = {
    "gzip": b"\x1f\x8b",
    "zstd": b"\x28\xb5\x2f\xfd",
    "bz2": b"BZh",
    "xz": b"\xfd7zXZ\x00",
    "lz4": b"\x04\x22\x4d\x18",
}
"""The first bytes of a stream of each codec."""

_SKIPPABLE = b"\x2a\x4d\x18"  # bytes 1 to 3 of a frame that zstd and lz4 pass over, for example of pzstd
_CHUNK = 1 << 16


def compression_of(path: str) -> str | None:
    """The codec by the path's ending, see `CODECS`, in any case; None for a plain file."""
    return next((codec for suffix, codec in CODECS.items() if path.lower().endswith(suffix)), None)


def begins_as(codec: str, head: bytes) -> bool:
    """Whether the first bytes of a file are those of a stream of this codec; true of an empty file."""
    return (
        not head
        or head.startswith(MAGIC[codec])
        or (codec in ("zstd", "lz4") and head[1:4] == _SKIPPABLE and 0x50 <= head[0] <= 0x5F)
    )


def decompressed(filesystem: fs.FileSystem, path: str, codec: str) -> Any:
    """The file as a stream of decompressed bytes, with `readinto` and `close`.

    Streams of one codec that follow each other are one stream, as parallel compressors write them.

    Raises:
        OSError: when it is opened, or by `readinto` where a stream is damaged or breaks off.
    """
    raw = filesystem.open_input_stream(path, compression=None)
    if codec in _DECODERS:
        return _Streams(raw, _DECODERS[codec], b"\0" if codec == "xz" else b"")
    return pa.CompressedInputStream(raw, codec)


class _Decoder(Protocol):
    """What `bz2` and `lzma` have in common: the decoder of one stream."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ),
}


class _Streams:
    """Streams that follow each other, and the padding between them.

    Python's own `BZ2File` and `LZMAFile` take damage after the first stream for the end of the file.
    """

    def __init__(self, raw: pa.NativeFile, decoder: Callable[[], _Decoder], padding: bytes) -> None:
        self._raw = raw
        self._new = decoder
        self._padding = padding
        self._packed = b""
        self._decoder: _Decoder | None = None

    def readinto(self, into: npt.NDArray[np.uint8]) -> int:
        """Fill some of `into`; 0 only at the end of the file."""
        while True:
            if self._decoder is None:
                if not self._find_stream():
                    return 0
                self._decoder = self._new()
            if self._decoder.needs_input and not self._packed:
                self._packed = self._raw.read(_CHUNK)
                if not self._packed:
                    raise OSError("Truncated compressed stream")
            try:
                unpacked = self._decoder.decompress(self._packed, len(into))
            except lzma.LZMAError as error:
                raise OSError(str(error)) from error
            self._packed = b""
            if self._decoder.eof:
                self._packed, self._decoder = self._decoder.unused_data, None
            if unpacked:
                into[: len(unpacked)] = np.frombuffer(unpacked, np.uint8)
                return len(unpacked)

    def _find_stream(self) -> bool:
        """Pass over the padding to the first byte of the next stream; False if there is none."""
        while True:
            self._packed = self._packed.lstrip(self._padding) if self._padding else self._packed
            if self._packed:
                return True
            self._packed = self._raw.read(_CHUNK)
            if not self._packed:
                return False

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
