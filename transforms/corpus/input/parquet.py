"""Parquet as an input format."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.base.folders import is_local, resolve
from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Format, Piece, Records, Source, gathered

_REPEATED_BYTES, _REPEATED_ROWS = 192 << 20, 256
_DICTIONARY_LIMIT, _COMPRESSION = 2 << 20, 32

_READ_ERRORS = (pa.ArrowException, OSError)


class ParquetFileFormat(Format):
    """Rows of Parquet files; pieces are whole row groups."""

    name = "parquet"
    suffixes: Mapping[str, str] = {".parquet": "", ".pq": ""}
    knows_schema = True
    is_packed = True

    def schema(self, source: Source) -> pa.Schema:
        """The columns that the footer says."""
        return parquet_metadata(source).schema.to_arrow_schema()

    def rows(self, source: Source) -> int:
        """The number of rows that the footer says."""
        return int(parquet_metadata(source).num_rows)

    def text_bytes(self, source: Source, column: str = "") -> int:
        """The footer's own count."""
        return sum(size for _, size in _groups(source, column))

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        """Neighbouring row groups, up to `target` bytes together."""
        pieces: list[Piece] = []
        lo = hi = size = 0
        for rows, in_group in _groups(source, column):
            if size and size + in_group > target:
                pieces.append(Piece(source, lo, hi, size))
                lo, size = hi, 0
            hi, size = hi + rows, size + in_group
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
                f"{piece.source.uri}: damaged Parquet data after row {start} ({error}); "
                "replace the file or leave it out"
            ) from error


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


def _groups(source: Source, column: str) -> Iterable[tuple[int, int]]:
    """(rows, bytes of the column, or of all columns, before compression) of each row group."""
    metadata = parquet_metadata(source)
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    leaves = [index for index, path in enumerate(paths) if path == column or path.startswith(f"{column}.")]
    if column and not leaves:
        found = metadata.schema.to_arrow_schema().names
        raise CorpusError(
            f"{source.uri}: no column {column!r}; it has {', '.join(map(repr, found))}: name one with --text-column"
        )
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        sizes = (row_group.column(index).total_uncompressed_size for index in leaves)
        yield row_group.num_rows, sum(sizes) if column else row_group.total_byte_size


def _open(uri: str) -> pa.NativeFile:
    filesystem, path = resolve(uri)
    return pa.memory_map(path) if is_local(uri) else filesystem.open_input_file(path)


def _read_group(
    file: pq.ParquetFile, group: int, start: int, lo: int, hi: int, columns: Sequence[str] | None
) -> Iterator[Records]:
    metadata = file.metadata.row_group(group)
    rows = max(1, metadata.num_rows)
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, metadata.total_byte_size)))
    names = None if columns is None else list(columns)
    at_once = min(batch_rows, _REPEATED_ROWS) if _may_repeat(metadata, columns, batch_rows) else batch_rows
    batches = file.iter_batches(at_once, row_groups=[group], columns=names, use_threads=False)
    for table in gathered(batches, batch_rows):
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
