"""Parquet as an input format."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.errors import CorpusError
from transforms.base.folders import is_local, resolve
from transforms.corpus.input.columnar.rows import RowFormat, refuse_unwritable
from transforms.corpus.input.format import BATCH_BYTES, BATCH_ROWS, Piece, Source, gathered
from transforms.corpus.types.footer import OPTIONS, Footer, read_footer
from transforms.corpus.types.int96 import refuse_inexact_times

_REPEATED_BYTES, _REPEATED_ROWS = 192 << 20, 256
_DICTIONARY_LIMIT, _COMPRESSION = 2 << 20, 32

_READ_ERRORS = (pa.ArrowException, OSError)


class ParquetFileFormat(RowFormat):
    """Rows of Parquet files; pieces are whole row groups."""

    name = "parquet"
    suffixes: Mapping[str, str] = {".parquet": "", ".pq": ""}
    is_packed = True

    def schema(self, source: Source) -> pa.Schema:
        """The columns that the footer says, in the types in which they are written."""
        return _footer(source).schema

    def lost(self, source: Source) -> Sequence[str]:
        """Logical types that Arrow does not write, and orders of categories."""
        return _footer(source).lost

    def rows(self, source: Source) -> int:
        """The number of rows that the footer says."""
        return int(parquet_metadata(source).num_rows)

    def text_bytes(self, source: Source, column: str = "") -> int:
        """The footer's own count."""
        return sum(size for _, size in _groups(source, column))

    def groups(self, source: Source, column: str, target: int) -> Iterable[tuple[int, int]]:
        """The row groups."""
        del target
        return _groups(source, column)

    def tables(self, piece: Piece, hi: int, columns: Sequence[str] | None) -> Iterator[pa.Table]:
        """Batches of about 4 MB."""
        footer, uri = _footer(piece.source), piece.source.uri
        metadata = footer.readable
        times = [name for name in footer.int96 if columns is None or name in columns]
        start = 0
        try:
            with _open(uri) as stream:
                file = pq.ParquetFile(stream, metadata=metadata, pre_buffer=not is_local(uri), **OPTIONS)
                for group in range(metadata.num_row_groups):
                    end = start + metadata.row_group(group).num_rows
                    if start < hi and end > piece.lo:
                        if times:
                            refuse_inexact_times(stream, metadata, group, start, times, uri)
                        yield from _read_group(file, group, start, piece.lo, hi, columns)
                    start = end
        except _READ_ERRORS as error:
            raise CorpusError(
                f"{uri}: damaged Parquet data after row {start} ({error}); replace the file or leave it out"
            ) from error


def parquet_metadata(source: Source) -> pq.FileMetaData:
    """The footer of a Parquet file.

    Raises:
        CorpusError: if the file is missing, truncated or not Parquet, or if its columns cannot be used.
    """
    return _footer(source).metadata


def _footer(source: Source) -> Footer:
    return _read_footer(source.uri, source.size, source.modified)


@lru_cache(maxsize=16_384)
def _read_footer(uri: str, size: int, modified: int) -> Footer:
    del size, modified
    try:
        with _open(uri) as stream:
            footer = read_footer(stream)
    except (FileNotFoundError, PermissionError) as error:
        raise CorpusError(
            f"{uri}: cannot be opened ({os.strerror(error.errno or 0)}); check the path and its permissions"
        ) from error
    except _READ_ERRORS as error:
        raise CorpusError(
            f"{uri}: cannot be read as Parquet ({error}); it is damaged, unfinished or of another format"
        ) from error
    refuse_unwritable(footer.schema, uri)
    for column in footer.unreadable:
        raise CorpusError(
            f"{uri}: column {column!r} has fixed-size lists of size 0, which are written in Parquet as if each held a "
            "null: write plain lists, or leave the column out"
        )
    return footer


def _groups(source: Source, column: str) -> Iterable[tuple[int, int]]:
    """(rows, bytes of the column, or of all columns, before compression) of each row group."""
    metadata = parquet_metadata(source)
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    leaves = [index for index, path in enumerate(paths) if path == column or path.startswith(f"{column}.")]
    if column and not leaves:
        found = _footer(source).schema.names
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
) -> Iterator[pa.Table]:
    metadata = file.metadata.row_group(group)
    rows = max(1, metadata.num_rows)
    batch_rows = max(1, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, metadata.total_byte_size)))
    names = None if columns is None else list(columns)
    batch_rows = min(batch_rows, hi - start)  # what is behind the piece need not be decoded
    at_once = min(batch_rows, _REPEATED_ROWS) if _may_repeat(metadata, columns, batch_rows) else batch_rows
    batches = file.iter_batches(at_once, row_groups=[group], columns=names, use_threads=False)
    for table in gathered(batches, batch_rows):
        first, last = max(lo, start), min(hi, start + table.num_rows)
        if first < last:
            yield table.slice(first - start, last - first)
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
