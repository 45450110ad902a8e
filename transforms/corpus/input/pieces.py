"""Records of a piece of the input, whatever its format, in bounded batches and with their positions."""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.base.folders import is_local, resolve
from transforms.corpus.input.jsonl.blocks import BadLine, read_blocks
from transforms.corpus.input.sources import PARQUET, Source

BATCH_BYTES, JSON_BLOCK_BYTES = 4 << 20, 16 << 20
BATCH_ROWS = 16_384
_REPEATED_BYTES, _REPEATED_ROWS = 192 << 20, 256
_DICTIONARY_LIMIT, _COMPRESSION = 2 << 20, 32

_READ_ERRORS = (pa.ArrowException, OSError)


@dataclass(frozen=True)
class Piece:
    """Positions `lo` <= p < `hi` of one file: rows of Parquet, byte offsets of decompressed JSONL.

    `hi` None means to the end. `size` is an estimate of the text it holds, in bytes.
    """

    source: Source
    lo: int
    hi: int | None
    size: int


@dataclass(frozen=True)
class Records:
    """A batch of records: uint64[n] positions within the file, the columns, and what could not be read."""

    positions: npt.NDArray[np.uint64]
    table: pa.Table
    bad: Sequence[BadLine] = ()


def parquet_metadata(source: Source) -> pq.FileMetaData:
    """The footer of a Parquet file.

    Raises:
        CorpusError: if the file is missing, truncated or not Parquet.
    """
    return _metadata(source.uri, source.size, source.modified)


@lru_cache(maxsize=4096)
def _metadata(uri: str, size: int, modified: int) -> pq.FileMetaData:
    del size, modified
    try:
        with _open(uri) as stream:
            return pq.read_metadata(stream)
    except (FileNotFoundError, PermissionError) as error:
        raise CorpusError(
            f"{uri}: cannot be opened ({os.strerror(error.errno or 0)}); check the path and its permissions"
        ) from error
    except _READ_ERRORS as error:
        raise CorpusError(
            f"{uri}: cannot be read as Parquet ({error}); it is damaged, unfinished or of another format"
        ) from error


def parquet_schema(source: Source) -> pa.Schema:
    """The Arrow schema of a Parquet file."""
    return parquet_metadata(source).schema.to_arrow_schema()


def _open(uri: str) -> pa.NativeFile:
    filesystem, path = resolve(uri)
    return pa.memory_map(path) if is_local(uri) else filesystem.open_input_file(path)


def read_piece(
    piece: Piece,
    *,
    columns: Sequence[str] | None = None,
    schema: pa.Schema | None = None,
    skip: npt.NDArray[np.uint64] | None = None,
) -> Iterator[Records]:
    """Read `piece` in file order, in batches of about 4 MB (Parquet) or 16 MB (JSONL).

    Args:
        piece: what to read.
        columns: the columns wanted, for Parquet; JSONL is parsed whole.
        schema: parse JSONL to this schema instead of inferring one.
        skip: sorted uint64[k] positions of JSONL lines not to parse; Parquet rows are not skipped.

    Raises:
        CorpusError: if the file cannot be read.
    """
    if piece.source.kind == PARQUET:
        yield from _read_parquet(piece, columns)
        return
    filesystem, path = resolve(piece.source.uri)
    for block in read_blocks(
        filesystem, path, piece.lo, piece.hi, block_bytes=JSON_BLOCK_BYTES, skip=skip, schema=schema
    ):
        yield Records(block.positions, block.table, block.bad)


def _read_parquet(piece: Piece, columns: Sequence[str] | None) -> Iterator[Records]:
    metadata = parquet_metadata(piece.source)
    hi = metadata.num_rows if piece.hi is None else piece.hi
    start = 0
    try:
        with _open(piece.source.uri) as stream:
            file = pq.ParquetFile(stream, metadata=metadata, pre_buffer=not is_local(piece.source.uri))
            for group in range(metadata.num_row_groups):
                group_metadata = metadata.row_group(group)
                end = start + group_metadata.num_rows
                if start < hi and end > piece.lo:
                    yield from _read_group(file, group, start, piece.lo, hi, columns)
                start = end
    except _READ_ERRORS as error:
        raise CorpusError(
            f"{piece.source.uri}: damaged Parquet data after row {start} ({error}); replace the file or leave it out"
        ) from error


def _read_group(
    file: pq.ParquetFile, group: int, start: int, lo: int, hi: int, columns: Sequence[str] | None
) -> Iterator[Records]:
    metadata = file.metadata.row_group(group)
    rows = max(1, metadata.num_rows)
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, metadata.total_byte_size)))
    names = None if columns is None else list(columns)
    at_once = min(batch_rows, _REPEATED_ROWS) if _may_repeat(metadata, columns, batch_rows) else batch_rows
    batches = file.iter_batches(at_once, row_groups=[group], columns=names, use_threads=False)
    for table in _gathered(batches, batch_rows):
        first, last = max(lo, start), min(hi, start + table.num_rows)
        if first < last:
            yield Records(np.arange(first, last, dtype=np.uint64), table.slice(first - start, last - first))
        start += table.num_rows
        if start >= hi:
            return


def _may_repeat(group: pq.RowGroupMetaData, columns: Sequence[str] | None, batch_rows: int) -> bool:
    """Whether so many rows may take far more memory than the footer says.

    It counts a value once that a column repeats by reference to a dictionary, as with thousands of equal documents.
    No value is larger than the dictionary, of which the footer knows the compressed size.
    """
    for index in range(group.num_columns):
        column = group.column(index)
        size = column.total_uncompressed_size
        if (
            (columns is not None and column.path_in_schema not in columns)
            or column.physical_type != "BYTE_ARRAY"
            or not any("DICTIONARY" in encoding for encoding in column.encodings)
            or size > _DICTIONARY_LIMIT + 3 * group.num_rows
        ):
            continue
        if column.has_dictionary_page:
            size = min(size, _COMPRESSION * (column.data_page_offset - column.dictionary_page_offset))
        if size * batch_rows > _REPEATED_BYTES:
            return True
    return False


def _gathered(batches: Iterable[pa.RecordBatch], most_rows: int) -> Iterator[pa.Table]:
    """The batches, put together up to `most_rows` or `BATCH_BYTES`."""
    waiting: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        waiting.append(batch)
        rows, size = rows + batch.num_rows, size + batch.nbytes
        if rows >= most_rows or size >= BATCH_BYTES:
            yield pa.Table.from_batches(waiting)
            waiting, rows, size = [], 0, 0
    if waiting:
        yield pa.Table.from_batches(waiting)
