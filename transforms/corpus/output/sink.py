"""The Parquet shards of an output: row groups of a fixed byte budget, one chunk each, hashed as they are written."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from transforms.base.folders import HashingFile
from transforms.base.texts import offsets_of
from transforms.corpus.types.conform import conform_array
from transforms.corpus.types.row_bytes import row_bytes

ROW_GROUP_BYTES = 32 << 20
_OTHERS = 4
"""So many times the budget of the texts may the other columns of a row group take."""
CODECS = ("zstd", "snappy", "gzip", "lz4", "brotli", "none")


@dataclass(frozen=True)
class ParquetFormat:
    """How shards are written.

    Attributes:
        compression: a Parquet codec, with a level after a colon where the codec has levels ("zstd:3").
        row_group_bytes: text in a row group, in bytes.
        text_column: the column whose bytes count.
    """

    compression: str = "zstd"
    row_group_bytes: int = ROW_GROUP_BYTES
    text_column: str = "text"

    def __post_init__(self) -> None:
        codec, colon, level = self.compression.partition(":")
        if codec not in CODECS or (colon and not level.lstrip("-").isdigit()):
            raise ValueError(
                f"compression {self.compression!r} is unknown: give one of {', '.join(CODECS)}, "
                "or with a level 'zstd:3'"
            )
        if level:
            _check_level(codec, int(level))
        if self.row_group_bytes < 1:
            raise ValueError(f"row group size {self.row_group_bytes} must be at least 1 byte")

    def writer(self, sink: Any, schema: pa.Schema) -> pq.ParquetWriter:
        """A Parquet writer with these settings. Texts get no dictionary and no statistics: neither would help."""
        codec, _, level = self.compression.partition(":")
        others = [path for path in leaf_paths(schema) if path != self.text_column]
        return pq.ParquetWriter(
            sink,
            schema,
            compression=codec,
            compression_level=int(level) if level else None,
            use_dictionary=others,
            write_statistics=others,
        )


def _check_level(codec: str, level: int) -> None:
    if codec == "none" or not pa.Codec.supports_compression_level(codec):
        raise ValueError(f"compression {codec}:{level}: {codec} has no levels, give {codec!r}")
    lowest, highest = pa.Codec.minimum_compression_level(codec), pa.Codec.maximum_compression_level(codec)
    if not lowest <= level <= highest:
        raise ValueError(f"compression {codec}:{level}: {codec} has levels from {lowest} to {highest}")


def leaf_paths(schema: pa.Schema) -> list[str]:
    """Dotted Parquet paths of a schema's leaf columns."""
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema):
        pass
    buffer.seek(0)
    described = pq.read_metadata(buffer).schema
    return [described.column(index).path for index in range(len(described.names))]


class Rows(Protocol):
    """Rows that can be cut: a table, or what becomes one."""

    def slice(self, offset: int, length: int, /) -> "Rows":
        """`length` rows from row `offset` on."""


class ShardWriter:
    """Writes tables to one shard, cutting row groups where the texts, or all else, reach their byte budget.

    The bytes of the file depend on the sequence of rows alone: not on how the rows arrive in tables, nor on the order
    of values in the dictionaries that the input had.
    """

    def __init__(
        self,
        sink: HashingFile,
        schema: pa.Schema,
        layout: ParquetFormat,
        together: Callable[[list[Any]], pa.Table] = pa.concat_tables,
    ) -> None:
        """Begin a shard; `together` makes a table of the rows that wait for a row group, if they are no tables."""
        self._writer = layout.writer(sink, schema)
        self._others = [name for name in schema.names if name != layout.text_column]
        self._budget = layout.row_group_bytes
        self._together = together
        self._waiting: list[Rows] = []
        self._waiting_text = 0
        self._waiting_others = 0
        self.rows = 0
        self.text_bytes = 0

    def write(self, table: pa.Table, sizes: npt.NDArray[np.uint32]) -> None:
        """Append the rows of `table`; `sizes` holds each text's length in bytes, uint32[rows]."""
        self.append(table, sizes, self.other_bytes(table))

    def append(self, waiting: Rows, sizes: npt.NDArray[np.uint32], other_bytes: npt.NDArray[np.int64]) -> None:
        """Append rows that become a table with their row group; `sizes` as for `write`, `other_bytes` int64[rows]."""
        rows, texts, others = len(sizes), offsets_of(sizes), offsets_of(other_bytes)
        start = 0
        while start < rows:
            full = min(
                int(np.searchsorted(texts, texts[start] + self._budget - self._waiting_text)),
                int(np.searchsorted(others, others[start] + _OTHERS * self._budget - self._waiting_others)),
            )
            end = min(full, rows)
            self._waiting.append(waiting.slice(start, end - start))
            self._waiting_text += int(texts[end] - texts[start])
            self._waiting_others += int(others[end] - others[start])
            start = end
            if full <= rows:
                self._flush()
        self.rows += rows
        self.text_bytes += int(texts[-1])

    def other_bytes(self, table: pa.Table) -> npt.NDArray[np.int64]:
        """Bytes of all columns but the texts, int64[rows]."""
        sizes = (row_bytes(table[name]) for name in self._others)
        return sum(sizes, np.zeros(table.num_rows, np.int64))

    def _flush(self) -> None:
        if self._waiting:
            table = _encoded_anew(self._together(self._waiting)).combine_chunks()
            self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._waiting, self._waiting_text, self._waiting_others = [], 0, 0

    def close(self) -> None:
        """Write what waits and the footer."""
        self._flush()
        self._writer.close()


def _encoded_anew(table: pa.Table) -> pa.Table:
    """`table` with the values of each dictionary in the order in which its rows have them, and no others."""
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = pa.chunked_array(
                [conform_array(chunk, field.type.value_type) for chunk in table.column(at).chunks],
                field.type.value_type,
            )
            table = table.set_column(at, field, conform_array(plain.combine_chunks(), field.type))
    return table


def write_table(sink: HashingFile, table: pa.Table, *, group_rows: int = 1 << 20) -> None:
    """Write a small table of the product's own (zstd, its schema's metadata kept)."""
    with pq.ParquetWriter(sink, table.schema, compression="zstd") as writer:
        if table.num_rows:  # of no rows Arrow would make a row group
            writer.write_table(table, row_group_size=group_rows)
