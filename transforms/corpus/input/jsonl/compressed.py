"""Compressed files: which codec a name stands for, and reading each as one stream from its beginning."""

import lzma
from typing import Any

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
    return _XzStream(raw) if codec == "xz" else pa.CompressedInputStream(raw, codec)


class _XzStream:
    """Several xz streams with their padding; Python's own `LZMAFile` takes damage after the first one for the end."""

    def __init__(self, raw: pa.NativeFile) -> None:
        self._raw = raw
        self._packed = b""
        self._decoder: lzma.LZMADecompressor | None = None

    def readinto(self, into: npt.NDArray[np.uint8]) -> int:
        """Fill some of `into`; 0 only at the end of the file."""
        while True:
            if self._decoder is None and not self._begin():
                return 0
            assert self._decoder is not None  # noqa: S101 - for the type checker
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

    def _begin(self) -> bool:
        """Pass over the padding (zero bytes) and begin with the next stream, if there is one."""
        while True:
            self._packed = self._packed.lstrip(b"\0") or self._raw.read(_CHUNK)
            if not self._packed:
                return False
            if self._packed[0]:
                self._decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ)
                return True

    def close(self) -> None:
        """Close the file."""
        self._raw.close()
