"""Arrow IPC as an input format: streams, as Hugging Face `datasets` saves them, and files (Feather version 2)."""

import os
import struct
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs

from transforms.base.errors import CorpusError
from transforms.base.folders import is_local, resolve
from transforms.corpus.input.columnar.rows import RowFormat, refuse_unwritable
from transforms.corpus.input.columnar.saved_dataset import not_of_the_data
from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Piece, Source, gathered
from transforms.corpus.input.merged_schema import storable
from transforms.corpus.types.written import has_fixed_size_list, orders_lost, parts, written_schema

_MAGIC, _FILE_HEADER = b"ARROW1", 8
_CONTINUES = 0xFFFFFFFF
_DICTIONARY, _BATCH = 2, 3
_READ_ERRORS = (pa.ArrowException, OSError)
_FORMAT_ERRORS = (*_READ_ERRORS, struct.error, IndexError)


@dataclass(frozen=True)
class _Contents:
    """Where the record batches of a file are.

    Attributes:
        schema: its columns, in the types in which they are written.
        begin: where the stream of messages begins.
        offsets: int64[batches], of each record batch's message.
        starts: int64[batches + 1], the first row of each, and the number of rows.
        sizes: int64[batches], bytes of each.
        is_compressed: bool[batches], whether its buffers are, so that a part of it costs the whole.
        has_dictionaries: whether batches refer to dictionaries that come before them in the stream.
        lost: what the output does not keep of the columns beside their values, a phrase each.
        with_nulls: bool[nodes], which columns and parts of columns hold nulls, each before its own parts.
    """

    schema: pa.Schema
    begin: int
    offsets: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    is_compressed: npt.NDArray[np.bool_]
    has_dictionaries: bool
    with_nulls: npt.NDArray[np.bool_]
    lost: tuple[str, ...]


class ArrowFormat(RowFormat):
    """Rows of Arrow files; pieces are whole record batches. A local file is mapped, never loaded as a whole."""

    name = "arrow"
    suffixes: Mapping[str, str] = {".arrow": "", ".feather": ""}

    def schema(self, source: Source) -> pa.Schema:
        """The columns that the first message says, in the types in which they are written."""
        return _contents(source).schema

    def lost(self, source: Source) -> Sequence[str]:
        """Orders of categories."""
        return _contents(source).lost

    def rows(self, source: Source) -> int:
        """The rows of all record batches."""
        return int(_contents(source).starts[-1])

    def text_bytes(self, source: Source, column: str = "") -> int:
        """The size of the record batches, whatever the column: only their buffers would tell them apart."""
        del column
        return int(_contents(source).sizes.sum())

    def groups(self, source: Source, column: str, target: int) -> Iterable[tuple[int, int]]:
        """The record batches, or equal parts of one that is far larger than `target`."""
        del column
        return _parts(_contents(source), target)

    def tables(self, piece: Piece, hi: int, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """Batches of about 4 MB."""
        uri, at = piece.source.uri, piece.lo
        try:
            with _open(uri) as stream:
                for table in gathered(_rows(stream, _contents(piece.source), at, hi, columns), BATCH_ROWS):
                    yield table
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
    return replace(found, schema=_as_written(uri, found))


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
    has_dictionaries, with_nulls = False, np.zeros(0, np.bool_)
    watched = any(has_fixed_size_list(field.type) for field in schema)
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
        metadata = stream.read(length)
        kind, count, is_compressed, body = _header(metadata)
        following = at + skip + length + body
        if min(count, body) < 0 or following > end:
            raise _unfinished(uri)
        if kind == _BATCH:
            offsets.append(at)
            rows.append(count)
            sizes.append(body)
            compressed.append(is_compressed)
            if watched:
                nulls = _null_counts(metadata) > 0
                with_nulls = nulls if len(offsets) == 1 else with_nulls | nulls
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
        with_nulls,
        tuple(orders_lost(schema)),
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


def _null_counts(metadata: bytes) -> npt.NDArray[np.int64]:
    """int64[nodes]: nulls in each column of a record batch, and in each part of it, out of the message's header."""
    header = _field(metadata, struct.unpack_from("<I", metadata)[0], 2)
    at = _field(metadata, header + struct.unpack_from("<I", metadata, header)[0], 1)
    if not at:
        return np.zeros(0, np.int64)
    vector = at + struct.unpack_from("<I", metadata, at)[0]
    (count,) = struct.unpack_from("<I", metadata, vector)
    return np.frombuffer(metadata, "<i8", 2 * count, vector + 4)[1::2]  # pairs of length and nulls


def _field(buffer: bytes, table: int, number: int) -> int:
    """Where a field of a FlatBuffers table is; 0 where it is left out, which means its default."""
    fields = table - struct.unpack_from("<i", buffer, table)[0]
    slot = 4 + 2 * number
    if slot >= struct.unpack_from("<H", buffer, fields)[0]:
        return 0
    offset = struct.unpack_from("<H", buffer, fields + slot)[0]
    return int(table + offset) if offset else 0


def _as_written(uri: str, found: _Contents) -> pa.Schema:
    """The columns in the types in which they are written, the same as for these rows in Parquet."""
    schema = found.schema
    if schema.names == ["indices"] and schema.field(0).type == pa.uint64():
        raise CorpusError(
            f"{uri}: holds indices into another file of the datasets library, no text: "
            "save the data set again with flatten_indices().save_to_disk(...)"
        )
    written = storable(written_schema(schema, _without_null_lists(found)))
    refuse_unwritable(written, uri)
    return written


def _without_null_lists(found: _Contents) -> set[str]:
    """The columns with fixed-size lists of which none is null, by the counts of nulls in the batches' headers."""
    names, first = set(), 0
    for field in found.schema:
        nodes = np.array(list(_nodes(field.type)), np.bool_)
        own = found.with_nulls[first : first + len(nodes)]
        if has_fixed_size_list(field.type) and len(own) in (0, len(nodes)) and not (own & nodes[: len(own)]).any():
            names.add(field.name)
        first += len(nodes)
    return names


def _nodes(dtype: pa.DataType) -> Iterator[bool]:
    """For a column and each of its parts, as Arrow counts them: whether a fixed-size list is null where it is."""
    if isinstance(dtype, pa.BaseExtensionType):
        yield from _nodes(dtype.storage_type)
    else:
        yield has_fixed_size_list(dtype)
        for part in [] if pa.types.is_dictionary(dtype) else parts(dtype):
            yield from _nodes(part)


def _unfinished(uri: str) -> CorpusError:
    return CorpusError(
        f"{uri}: ends in the middle, so that rows would be lost: it is truncated, or its writer was not closed; "
        "copy or write it again, or leave it out"
    )


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())
