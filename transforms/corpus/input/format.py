"""What an input consists of (files, pieces of them, batches of records), and what a format answers about it."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.fs as pafs

BATCH_BYTES = 4 << 20
BATCH_ROWS = 16_384


ITEMS = None
"""The step of a path that goes from a list to its items."""

Path = tuple[str | None, ...]
"""Where a value is in a record: names of columns and fields, and `ITEMS`."""


@dataclass(frozen=True)
class InexactInteger:
    """An integer that a float64 would round.

    Attributes:
        path: the column and the part of it that holds the integer.
        value: the integer.
    """

    path: Path
    value: int

    @property
    def column(self) -> str:
        """The path for a reader, as "column.field[]"."""
        return "".join("[]" if step is None else f".{step}" for step in self.path).removeprefix(".")


@dataclass(frozen=True)
class BadLine:
    """A record that is not a document: it goes to quarantine.

    Attributes:
        position: offset of its first byte in the decompressed file.
        reason: `BROKEN_JSON` or `INVALID_UTF8`.
        detail: what was found.
        raw: the line as it stands, without the newline that ends it.
    """

    position: int
    reason: str
    detail: str
    raw: bytes


@dataclass(frozen=True)
class Partition:
    """A column that stands in the name of a folder, and its value there: null, text, or the digits of an integer."""

    name: str
    value: str | None
    is_number: bool


@dataclass(frozen=True)
class Source:
    """One input file.

    Attributes:
        ordinal: its place in the sorted list, the upper part of its documents' addresses.
        uri: where it is.
        kind: the name of its format, for example "parquet".
        compression: the ending of a file that is compressed as a whole, such as ".gz"; it can only be read from its
            beginning. Empty for any other.
        size: bytes on disk.
        modified: modification time in ns, 0 where the store has none.
        partition: the columns that stand in the names of its folders.
    """

    ordinal: int
    uri: str
    kind: str
    compression: str
    size: int
    modified: int
    partition: tuple[Partition, ...] = ()


@dataclass(frozen=True)
class Piece:
    """Positions `lo` <= p < `hi` of one file: rows, or byte offsets of the decompressed lines of JSONL.

    `hi` None means to the end. `size` is an estimate of the text it holds, in bytes.
    """

    source: Source
    lo: int
    hi: int | None
    size: int


@dataclass(frozen=True)
class Records:
    """A batch of records.

    Attributes:
        positions: uint64[n], positions within the file.
        table: the columns, a row a record.
        bad: what could not be read.
        inexact: of a format without a schema of its own, one integer of each column with integers that float64 would
            round: the corpus must not have a float column there.
    """

    positions: npt.NDArray[np.uint64]
    table: pa.Table
    bad: Sequence[BadLine] = ()
    inexact: Sequence[InexactInteger] = ()


class Format(Protocol):
    """How the files of one format are recognised, divided and read.

    A class that derives from this one needs `name`, `suffixes`, `divide` and `read`. If its files say their columns
    before any record is read, it sets `knows_schema` and defines `schema`, `rows` and `text_bytes` too. Every
    method raises `CorpusError`, naming the file and what to do, for a file that it cannot read.

    Attributes:
        name: short and lower-case; it is `Source.kind`.
        suffixes: endings of file names, lower-case, and the compression that each stands for ("" for none).
        knows_schema: whether columns and types are known before the records are read. Without that, the columns of
            the corpus are those of the records that the scan meets.
        is_packed: whether the data in a file are compressed, so that its size is about that of the output.
        unit: what a position counts, for messages: "row", "line at byte".
    """

    name: str
    suffixes: Mapping[str, str]
    knows_schema: bool = False
    is_packed: bool = False
    unit: str = "row"

    def schema(self, source: Source) -> pa.Schema:
        """The columns of a file, with its metadata; asked only if `knows_schema`."""
        del source
        return pa.schema([])

    def lost(self, source: Source) -> Sequence[str]:
        """What the output does not keep of the columns of a file, beside their values: a phrase each."""
        del source
        return ()

    def rows(self, source: Source) -> int | None:
        """The number of records, if that is known before they are read."""
        del source
        return None

    def text_bytes(self, source: Source, column: str = "") -> int:
        """An estimate of the text in `column`, or in all columns, in bytes before compression."""
        del column
        return source.size * (4 if source.compression else 1)

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        """Pieces of about `target` bytes of text in `column` that cover every record once, in order."""

    def read(
        self,
        piece: Piece,
        *,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        skip: npt.NDArray[np.uint64] | None = None,
    ) -> Iterator[Records]:
        """The records of a piece in order, in batches of some megabytes.

        A single record is looked up as the piece of its position alone, so a piece may begin and end anywhere.

        Args:
            piece: what to read.
            columns: the columns that are needed; a format that must parse whole records may give more.
            schema: the columns and types of the corpus; a format that does not know its own reads to these.
            skip: sorted uint64[k] positions that are not needed and may be left out.
        """

    def beside(self, filesystem: pafs.FileSystem, paths: Sequence[str]) -> Collection[str]:
        """Of the files that were found in folders, those that look like records of some format and are none.

        Such as the description that a library saves beside its data. `paths` are all files that were found.
        """
        del filesystem, paths
        return ()


def gathered(batches: Iterable[pa.RecordBatch], most_rows: int) -> Iterator[pa.Table]:
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
