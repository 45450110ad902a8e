"""A file of JSON lines -> blocks: a table with a row for each good line, its address, and the lines that are bad.

Nothing is lost: every line that is not blank and not left out on demand is a row or a `BadLine`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs

from transforms.base.errors import CorpusError
from transforms.corpus.input.format import BadLine, InexactInteger
from transforms.corpus.input.jsonl import lines as json_lines
from transforms.corpus.input.jsonl.complaints import (
    HEAD_BYTES,
    MOST_FIRST_LINES,
    complaint,
    encoding_complaint,
    foreign,
    no_json_lines,
    opens_array,
)
from transforms.corpus.input.jsonl.compressed import compression_of
from transforms.corpus.input.jsonl.rounding import first_rounded, inexact_integers, rounding_error
from transforms.corpus.input.jsonl.stream import line_buffers, plain_ranges
from transforms.corpus.input.jsonl.table import exact_table, infer_table
from transforms.corpus.input.merged_schema import merge_schemas, storable

__all__ = [
    "BadLine",
    "JsonBlock",
    "compression_of",
    "merge_schemas",
    "plain_ranges",
    "read_blocks",
    "storable",
]

BROKEN_JSON = "broken_json"
INVALID_UTF8 = "invalid_utf8"

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ROW = re.compile(r" in row (\d+)$")

_Parse = Callable[[npt.NDArray[np.uint8]], pa.Table]


@dataclass(frozen=True)
class JsonBlock:
    """Some lines of a file.

    Attributes:
        positions: uint64[rows], offset in the decompressed file of the line of each row, ascending.
        table: a row for each good line, in the order of the file; each column is one chunk.
        bad: the other lines, ascending.
        inexact: one integer of each integer column that holds some which float64 would round.
    """

    positions: npt.NDArray[np.uint64]
    table: pa.Table
    bad: list[BadLine]
    inexact: list[InexactInteger]


def read_blocks(
    filesystem: fs.FileSystem,
    path: str,
    lo: int,
    hi: int | None,
    *,
    block_bytes: int = 16 << 20,
    skip: npt.NDArray[np.uint64] | None = None,
    schema: pa.Schema | None = None,
) -> Iterator[JsonBlock]:
    """Read the lines that begin in bytes lo <= x < hi of a file.

    A line must be one JSON object in UTF-8; blank lines are passed over, and so are byte order marks at the start of
    a line, as files have them that were put together of several. NaN and Infinity are numbers. A bad line is: not one
    object; a key twice in one object; an escaped lone surrogate; a number beyond float64; an integer beyond int64, or
    beside fractions in one array where float64 would round it; an array of values of several types; nested deeper than
    `json_lines.MAX_DEPTH`.

    Args:
        filesystem: where the file is.
        path: its path there; the ending tells the compression.
        lo: first byte; 0 for a compressed file.
        hi: the byte after the range (see `json_stream.plain_ranges`); None for the end, and for a compressed file.
        block_bytes: bytes of lines to hold at a time; a longer line takes what it needs.
        skip: uint64, ascending positions of lines to leave out, good or bad; they are not parsed.
        schema: the columns and types of the rows (the merged schema of a first pass over all files). Without it
            they are inferred, block by block; strings that look like times stay strings.

    Raises:
        CorpusError: the file cannot be read; or it holds something else than JSON lines, which its first lines tell
            (judged where `lo` is 0 and no `schema` is given); or two lines, each good, disagree about the type of a
            column, or float64 would round an integer of one for a fraction in the other; or a good line does not fit
            `schema`.
    """
    texts: dict[str, pa.DataType] = {}
    start = _Start(path) if lo == 0 and schema is None else None
    for first, data in line_buffers(filesystem, path, lo, hi, block_bytes):
        if start is not None and first == 0:
            start.refuse_foreign(data)
        block = _Block(path, first, data, skip).read(schema, texts)
        if start is not None:
            start.look_at(block)
        if len(block.positions) or block.bad:
            yield block
    if start is not None:
        start.end()


class _Start:
    """The first lines of a file, by which one that does not hold JSON lines is refused as a whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._bad: list[BadLine] = []
        self._is_open = True

    def refuse_foreign(self, data: npt.NDArray[np.uint8]) -> None:
        """Refuse a file that begins as one of another kind does."""
        said = foreign(data[:HEAD_BYTES].tobytes(), packed=compression_of(self._path) is not None)
        if said is not None:
            raise CorpusError(f"{self._path}: {said}, or leave the file out")

    def look_at(self, block: JsonBlock) -> None:
        """Take the lines before the first good one; refuse the file once they are enough."""
        if not self._is_open:
            return
        good = int(block.positions[0]) if len(block.positions) else None
        before = [line for line in block.bad if good is None or line.position < good]
        self._bad = (self._bad + before)[:MOST_FIRST_LINES]
        if self._bad and opens_array(self._bad[0].raw):
            self._refuse()
        self._is_open = good is None
        if len(self._bad) == MOST_FIRST_LINES:
            self._refuse()

    def end(self) -> None:
        """There are no more lines."""
        if self._is_open and self._bad:
            self._refuse()

    def _refuse(self) -> None:
        self._is_open = False
        said = no_json_lines(self._bad)
        if said is not None:
            raise CorpusError(f"{self._path}: {said}")


class _Block:
    """Whole lines in a buffer, sorted into good, bad and those that do not matter."""

    def __init__(self, path: str, first: int, data: npt.NDArray[np.uint8], skip: npt.NDArray[np.uint64] | None) -> None:
        self._path = path
        self._data = data
        self._starts, self._ends, self._kinds, self._inexact = json_lines.scan_lines(data)
        self._marks = self._blank_marks()
        self._positions = (self._starts + first).astype(np.uint64)
        matters = self._kinds != json_lines.BLANK
        if skip is not None and len(skip):
            found = skip[np.minimum(np.searchsorted(skip, self._positions), len(skip) - 1)]
            matters &= found != self._positions
        utf8 = json_lines.utf8_lines(data, self._starts, self._ends)
        whole = (self._kinds == json_lines.OBJECT) | (self._kinds == json_lines.OBJECT_NULL_ITEM)
        self._good = np.flatnonzero(matters & utf8 & whole)
        self._is_packed = len(self._good) == np.count_nonzero(self._kinds != json_lines.BLANK)
        self._bad = [self._bad_encoding(line) for line in np.flatnonzero(matters & ~utf8).tolist()]
        self._bad += [self._bad_shape(line) for line in np.flatnonzero(matters & utf8 & ~whole).tolist()]

    def _blank_marks(self) -> dict[int, int]:
        """Overwrite byte order marks at the start of lines with spaces; how many each such line had."""
        marks = json_lines.line_marks(self._data, self._starts)
        marked = np.flatnonzero(marks).tolist()
        for line in marked:
            begin = self._starts[line]
            self._data[begin : begin + len(_BYTE_ORDER_MARK) * marks[line]] = ord(" ")
        return {line: int(marks[line]) for line in marked}

    def read(self, schema: pa.Schema | None, texts: dict[str, pa.DataType]) -> JsonBlock:
        """Parse the good lines; lines that do not parse join the bad ones."""
        table = self._parsed(schema, texts)
        inexact = self._exact(table)
        if inexact is None:
            self._drop_rounded()
            table = self._parsed(schema, texts)
            inexact = self._exact(table)
        if inexact is None:
            raise self._rounding(table.schema)
        if table.num_rows != len(self._good):
            raise RuntimeError(f"{self._path}: {table.num_rows} rows came of {len(self._good)} lines")
        self._bad.sort(key=lambda bad: bad.position)
        return JsonBlock(self._positions[self._good], table, self._bad, inexact)

    def _parsed(self, schema: pa.Schema | None, texts: dict[str, pa.DataType]) -> pa.Table:
        if len(self._good):
            return self._table(schema, texts)
        return pa.table({}) if schema is None else schema.empty_table()

    def _exact(self, table: pa.Table) -> list[InexactInteger] | None:
        """An inexact integer of each column; None if some of those in the lines were read as floats."""
        wanted = int(self._inexact[self._good].sum(dtype=np.int64))
        if not wanted:
            return []
        total, found = inexact_integers(table)
        return found if total == wanted else None

    def _drop_rounded(self) -> None:
        """Move the lines that hold both an integer and a fraction in one array to the bad ones."""
        dropped = []
        for at in np.flatnonzero(self._inexact[self._good]).tolist():
            line = self._good[at]
            detail = self._rounded(line)
            if detail is not None:
                self._bad.append(self._bad_line(line, BROKEN_JSON, detail))
                dropped.append(at)
        self._good = np.delete(self._good, dropped)
        self._is_packed = False

    def _rounded(self, line: int) -> str | None:
        """What is wrong with a line, which parses, that holds both an integer and a fraction in one array.

        Raises:
            pyarrow.ArrowInvalid: it does not parse.
        """
        alone = infer_table(self._data[self._starts[line] : self._ends[line]].copy(), null_items=True)
        if inexact_integers(alone)[0] == self._inexact[line]:
            return None
        one = first_rounded(self._without_marks(line), alone.schema)
        what = "an integer" if one is None else f"the integer {one.value} in {one.column!r}"
        return f"{what} stands beside fractions, where it would be rounded; write it as a string"

    def _rounding(self, schema: pa.Schema) -> CorpusError:
        """The error for lines of which one has an integer where another has a fraction."""
        for at in np.flatnonzero(self._inexact[self._good]).tolist():
            found = first_rounded(self._without_marks(self._good[at]), schema)
            if found is not None:
                return rounding_error(self._place(at, at + 1), found)
        raise RuntimeError(f"{self._path}: an integer was read as a float, and is not to be found")

    def _table(self, schema: pa.Schema | None, texts: dict[str, pa.DataType]) -> pa.Table:
        data = self._data if self._is_packed else self._packed()
        null_items = bool(np.any(self._kinds[self._good] == json_lines.OBJECT_NULL_ITEM))
        infer = partial(infer_table, null_items=null_items)
        parse: _Parse = infer if schema is None else partial(exact_table, schema=schema)
        try:
            return infer(data, texts=texts) if schema is None else parse(data)
        except pa.ArrowInvalid:
            self._drop_unparsed(parse, schema)
        if not len(self._good):
            return pa.table({}) if schema is None else schema.empty_table()
        try:
            return parse(self._packed())
        except pa.ArrowInvalid as error:
            raise CorpusError(f"{self._place(0, len(self._good))} do not parse together: {error}") from error

    def _packed(self) -> npt.NDArray[np.uint8]:
        return json_lines.pack_lines(self._data, self._starts[self._good], self._ends[self._good])

    def _drop_unparsed(self, parse: _Parse, schema: pa.Schema | None) -> None:
        """Move the lines that do not parse alone to the bad ones, by dividing at the row that the parser names.

        Raises:
            CorpusError: lines that do parse alone disagree about a type.
        """
        packed = self._packed()
        lengths = self._ends[self._good] - self._starts[self._good] + 1
        bounds = np.concatenate(([0], np.cumsum(lengths)))
        dropped: list[int] = []
        pieces: list[tuple[str, pa.Schema]] = []
        agreed = pa.schema([])
        stack = [(0, len(self._good))]
        while stack:
            low, high = stack.pop()
            try:
                found = parse(packed[bounds[low] : bounds[high]]).schema
            except pa.ArrowInvalid as error:
                if high - low > 1:
                    named = _ROW.search(str(error))
                    at = min(low + int(named[1]), high - 1) if named else (low + high) // 2
                    stack += [part for part in ((at + 1, high), (at, at + 1), (low, at)) if part[0] < part[1]]
                    continue
                if schema is not None:
                    error = self._own_error(self._good[low], self._place(low, high), error)
                detail = _ROW.sub("", str(error))
                dropped.append(low)
                self._bad.append(self._bad_line(self._good[low], BROKEN_JSON, detail))
                continue
            pieces.append((self._place(low, high), found))
            try:
                agreed = merge_schemas([("", agreed), pieces[-1]])
            except CorpusError:
                merge_schemas(pieces)  # the same, with the names
                raise
        self._good = np.delete(self._good, dropped)

    def _own_error(self, line: int, place: str, error: pa.ArrowInvalid) -> pa.ArrowInvalid:
        """What is wrong with a line whatever the schema; a line that is good without it must not be lost.

        Columns that only lines with rounded integers have are in no schema.
        """
        try:
            rounded = self._rounded(line)
        except pa.ArrowInvalid as own:
            return own
        if rounded is not None:
            return pa.ArrowInvalid(rounded)
        raise CorpusError(
            f"{place} does not fit the column types of the corpus ({error}); "
            "if the file was changed after it was scanned, start again from the scan"
        ) from error

    def _place(self, low: int, high: int) -> str:
        first, last = self._positions[self._good[low]], self._positions[self._good[high - 1]]
        return (
            f"{self._path} (line at byte {first})"
            if first == last
            else f"{self._path} (lines at bytes {first} to {last})"
        )

    def _raw(self, line: int) -> bytes:
        marks = _BYTE_ORDER_MARK * self._marks.get(line, 0)
        return marks + self._without_marks(line)

    def _without_marks(self, line: int) -> bytes:
        begin = self._starts[line] + len(_BYTE_ORDER_MARK) * self._marks.get(line, 0)
        return self._data[begin : self._ends[line]].tobytes()

    def _bad_line(self, line: int, reason: str, detail: str) -> BadLine:
        return BadLine(int(self._positions[line]), reason, detail, self._raw(line))

    def _bad_encoding(self, line: int) -> BadLine:
        return self._bad_line(line, INVALID_UTF8, encoding_complaint(self._raw(line)))

    def _bad_shape(self, line: int) -> BadLine:
        kind = self._kinds[line]
        if kind == json_lines.TOO_DEEP:
            detail = f"nested deeper than {json_lines.MAX_DEPTH} levels"
        elif kind == json_lines.BIG_INTEGER:
            detail = "an integer beyond 64 bits; write it as a string"
        else:
            detail = complaint(self._without_marks(line))
        return self._bad_line(line, BROKEN_JSON, detail)
