"""Arrow IPC as an input format: streams, as Hugging Face `datasets` saves them, and files (Feather version 2)."""

import os
import struct
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.base.folders import is_local, resolve
from transforms.corpus.input.columns import without_views
from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Format, Piece, Records, Source, gathered
from transforms.corpus.input.merged_schema import storable
from transforms.corpus.input.saved_dataset import not_of_the_data

_MAGIC, _FILE_HEADER = b"ARROW1", 8
_CONTINUES = 0xFFFFFFFF
_DICTIONARY, _BATCH = 2, 3
_READ_ERRORS = (pa.ArrowException, OSError)
_FORMAT_ERRORS = (*_READ_ERRORS, struct.error, IndexError)


@dataclass(frozen=True)
class _Contents:
    """Where the record batches of a file are.

    Attributes:
        schema: its columns.
        begin: where the stream of messages begins.
        offsets: int64[batches], of each record batch's message.
        starts: int64[batches + 1], the first row of each, and the number of rows.
        sizes: int64[batches], bytes of each.
        is_compressed: bool[batches], whether its buffers are, so that a part of it costs the whole.
        has_dictionaries: whether batches refer to dictionaries that come before them in the stream.
    """

    schema: pa.Schema
    begin: int
    offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    is_compressed: npt.NDArray[np.bool_]
    has_dictionaries: bool


class ArrowFormat(Format):
    """Rows of Arrow files; pieces are whole record batches. A local file is mapped, never loaded as a whole."""

    name = "arrow"
    suffixes: Mapping[str, str] = {".arrow": "", ".feather": ""}
    knows_schema = True

    def schema(self, source: Source) -> pa.Schema:
        """The columns that the first message says."""
        return _contents(source).schema

    def rows(self, source: Source) -> int:
        """The rows of all record batches."""
        return int(_contents(source).starts[-1])

    def text_bytes(self, source: Source, column: str = "") -> int:
        """The size of the record batches, whatever the column: only their buffers would tell them apart."""
        del column
        return int(_contents(source).sizes.sum())

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        """Neighbouring record batches, up to `target` bytes together, or a part of a larger one."""
        del column
        pieces: list[Piece] = []
        lo = hi = size = 0
        for rows, in_part in _parts(_contents(source), target):
            if size and size + in_part > target and hi > lo:
                pieces.append(Piece(source, lo, hi, size))
                lo, size = hi, 0
            hi, size = hi + rows, size + in_part
        if hi > lo:
            pieces.append(Piece(source, lo, hi, size))
        return pieces

    def read(
        self,
        piece: Piece,
        *,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        skip: npt.NDArray[np.uint64] | None = None,
    ) -> Iterator[Records]:
        """Batches of about 4 MB; rows are not skipped."""
        del schema, skip
        uri, found = piece.source.uri, _contents(piece.source)
        hi = int(found.starts[-1]) if piece.hi is None else piece.hi
        at = piece.lo
        try:
            with _open(uri) as stream:
                for table in gathered(_rows(stream, found, piece.lo, hi, columns), BATCH_ROWS):
                    yield Records(np.arange(at, at + table.num_rows, dtype=np.uint64), table)
                    at += table.num_rows
        except _READ_ERRORS as error:
            raise CorpusError(
                f"{uri}: damaged Arrow data after row {at} ({_one_line(error)}); replace the file or leave it out"
            ) from error

    def beside(self, filesystem: pafs.FileSystem, paths: Sequence[str]) -> Collection[str]:
        """What `datasets` keeps beside the record batches of a saved data set."""
        return not_of_the_data(filesystem, paths)


def _parts(found: _Contents, target: int) -> Iterator[tuple[int, int]]:
    """(rows, bytes) of each record batch, or of equal parts of one that is far larger than `target`."""
    for number, size in enumerate(found.sizes.tolist()):
        lo, hi = found.starts[number : number + 2].tolist()
        parts = 1 if found.is_compressed[number] else max(1, min(hi - lo, size // target))
        borders = np.linspace(lo, hi, parts + 1).astype(np.int64)
        for rows in np.diff(borders).tolist():
            yield rows, size // parts


def _rows(
    stream: pa.NativeFile, found: _Contents, lo: int, hi: int, columns: Sequence[str] | None
) -> Iterator[pa.RecordBatch]:
    """Rows lo <= r < hi in slices of bounded size."""
    hi = min(hi, int(found.starts[-1]))
    if lo >= hi:
        return
    first = int(np.searchsorted(found.starts, lo, side="right")) - 1
    last = int(np.searchsorted(found.starts, hi, side="left"))
    for number, batch in zip(range(first, last), _batches(stream, found, range(first, last)), strict=True):
        start, end = found.starts[number : number + 2].tolist()
        if columns is not None:
            batch = batch.select([name for name in batch.schema.names if name in columns])
        rows = max(1, min(BATCH_ROWS, BATCH_BYTES * (end - start) // max(1, int(found.sizes[number]))))
        for at in range(max(lo, start), min(hi, end), rows):
            part = batch.slice(at - start, min(rows, hi - at))
            _check(part)
            yield part


def _batches(stream: pa.NativeFile, found: _Contents, wanted: range) -> Iterator[pa.RecordBatch]:
    if found.has_dictionaries:
        # Each batch needs all dictionaries, and what was added to them, that stand before it.
        stream.seek(found.begin)
        reader = pa.ipc.open_stream(stream)
        for number in range(wanted.stop):
            batch = reader.read_next_batch()
            if number in wanted:
                yield batch
        return
    own = _own_schema(stream, found.begin)
    for number in wanted:
        stream.seek(int(found.offsets[number]))
        yield pa.ipc.read_record_batch(pa.ipc.read_message(stream), own)


def _own_schema(stream: pa.NativeFile, begin: int) -> pa.Schema:
    stream.seek(begin)
    return pa.ipc.read_schema(stream)


def _check(batch: pa.RecordBatch) -> None:
    """Check offsets and lengths, which Arrow takes from the file as they are.

    A text that is not UTF-8 passes: such a document is quarantined.
    """
    for column in batch.columns:
        try:
            column.validate(full=True)
        except pa.ArrowInvalid:
            if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
                raise
            raw = pa.binary() if pa.types.is_string(column.type) else pa.large_binary()
            column.view(raw).validate(full=True)


def _open(uri: str) -> pa.NativeFile:
    filesystem, path = resolve(uri)
    return pa.memory_map(path) if is_local(uri) else filesystem.open_input_file(path)


def _contents(source: Source) -> _Contents:
    """What a file holds, from the headers of its messages; the record batches themselves are not read.

    Raises:
        CorpusError: if the file is missing, not Arrow, or not finished, or if its columns cannot be used.
    """
    return _read_contents(source.uri, source.size, source.modified)


@lru_cache(maxsize=4096)
def _read_contents(uri: str, size: int, modified: int) -> _Contents:
    del modified
    if not size:
        raise CorpusError(f"{uri}: the file is empty, without even a schema: leave it out, or write it again")
    try:
        with _open(uri) as stream:
            found = _walk(stream, uri, size)
    except (FileNotFoundError, PermissionError) as error:
        raise CorpusError(
            f"{uri}: cannot be opened ({os.strerror(error.errno or 0)}); check the path and its permissions"
        ) from error
    except _FORMAT_ERRORS as error:
        raise CorpusError(
            f"{uri}: cannot be read as Arrow ({_one_line(error)}); it is damaged or of another format"
        ) from error
    return replace(found, schema=_as_in_parquet(uri, found.schema))


def _walk(stream: pa.NativeFile, uri: str, size: int) -> _Contents:
    head = stream.read(_FILE_HEADER)
    begin, end = 0, size  # of the messages
    if head.startswith(_MAGIC):
        begin = _FILE_HEADER
        stream.seek(max(begin, size - 10))
        tail = stream.read(10)
        if tail[4:] != _MAGIC:
            raise _unfinished(uri)
        end = size - 10 - int(struct.unpack_from("<i", tail)[0])
    elif not _looks_like_a_stream(head, size):
        raise CorpusError(f"{uri}: is no Arrow file or stream, whatever its name says: rename or convert it")
    schema = _own_schema(stream, begin)
    offsets, rows, sizes, compressed = [], [], [], []
    has_dictionaries = False
    at = begin
    while not (begin and at == end):
        stream.seek(at)
        prefix = stream.read(8)
        length, skip = _metadata_length(prefix) if len(prefix) == 8 or prefix[:4] == bytes(4) else (-1, 0)
        if not length:
            break
        if length < 0 or at + skip + length > end:
            raise _unfinished(uri)
        stream.seek(at + skip)
        kind, count, is_compressed, body = _header(stream.read(length))
        following = at + skip + length + body
        if min(count, body) < 0 or following > end:
            raise _unfinished(uri)
        if kind == _BATCH:
            offsets.append(at)
            rows.append(count)
            sizes.append(body)
            compressed.append(is_compressed)
        has_dictionaries |= kind == _DICTIONARY
        at = following
    starts = np.concatenate([[0], np.cumsum(np.array(rows, np.int64))]).astype(np.int64)
    return _Contents(
        schema,
        begin,
        np.array(offsets, np.int64),
        starts,
        np.array(sizes, np.int64),
        np.array(compressed, np.bool_),
        has_dictionaries,
    )


def _looks_like_a_stream(head: bytes, size: int) -> bool:
    """Whether a schema's message may begin here: a length, and before it four bytes that old writers left out."""
    if len(head) < 8:
        return False
    length, skip = _metadata_length(head)
    return 0 < length <= size - skip and length % 8 == (8 - skip) % 8


def _metadata_length(prefix: bytes) -> tuple[int, int]:
    """(bytes of a message's metadata, bytes before them); a length of 0 is the end of the stream."""
    first = struct.unpack_from("<I", prefix)[0]
    if first == _CONTINUES:
        return struct.unpack_from("<i", prefix, 4)[0], 8
    return struct.unpack_from("<i", prefix)[0], 4


def _header(metadata: bytes) -> tuple[int, int, bool, int]:
    """(kind, rows, whether it is compressed, bytes of the body) of a message, out of its FlatBuffers table.

    pyarrow would tell the rows of a batch only after it has read and decompressed all of it.
    """
    message = struct.unpack_from("<I", metadata)[0]
    kind = _field(metadata, message, 1)
    body = _field(metadata, message, 3)
    header = _field(metadata, message, 2)
    if not (kind and header):
        return 0, 0, False, 0
    table = header + struct.unpack_from("<I", metadata, header)[0]
    at = _field(metadata, table, 0)
    return (
        struct.unpack_from("<B", metadata, kind)[0],
        struct.unpack_from("<q", metadata, at)[0] if at else 0,
        bool(_field(metadata, table, 3)),
        struct.unpack_from("<q", metadata, body)[0] if body else 0,
    )


def _field(buffer: bytes, table: int, number: int) -> int:
    """Where a field of a FlatBuffers table is; 0 where it is left out, which means its default."""
    fields = table - struct.unpack_from("<i", buffer, table)[0]
    slot = 4 + 2 * number
    if slot >= struct.unpack_from("<H", buffer, fields)[0]:
        return 0
    offset = struct.unpack_from("<H", buffer, fields + slot)[0]
    return int(table + offset) if offset else 0


def _as_in_parquet(uri: str, schema: pa.Schema) -> pa.Schema:
    """The columns as they would be read from Parquet, where names of list items and units of time may be others.

    The same rows then give the same output in either format.
    """
    if schema.names == ["indices"] and schema.field(0).type == pa.uint64():
        raise CorpusError(
            f"{uri}: holds indices into another file of the datasets library, no text: "
            "save the data set again with flatten_indices().save_to_disk(...)"
        )
    return pa.schema([_field_in_parquet(uri, field) for field in without_views(schema)], metadata=schema.metadata)


def _field_in_parquet(uri: str, field: pa.Field) -> pa.Field:
    (stored,) = storable(pa.schema([field]))
    sink = pa.BufferOutputStream()
    try:
        pq.ParquetWriter(sink, pa.schema([stored])).close()
    except _READ_ERRORS as error:
        raise CorpusError(
            f"{uri}: column {field.name!r} has type {field.type}, which Parquet, the output, cannot hold: "
            "convert it or leave it out"
        ) from error
    if stored.type != field.type or pa.types.is_dictionary(field.type):
        return field
    return pq.read_schema(pa.BufferReader(sink.getvalue())).field(0)


def _unfinished(uri: str) -> CorpusError:
    return CorpusError(
        f"{uri}: ends in the middle, so that rows would be lost: it is truncated, or its writer was not closed; "
        "copy or write it again, or leave it out"
    )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
