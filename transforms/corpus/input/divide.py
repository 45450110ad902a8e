"""How an input is divided into pieces of work before anything is read but metadata."""

from collections.abc import Iterable, Sequence

from transforms.base.errors import CorpusError
from transforms.corpus.input.jsonl.blocks import plain_ranges
from transforms.corpus.input.pieces import Piece, parquet_metadata
from transforms.corpus.input.sources import PARQUET, Source

SMALLEST, LARGEST, JSON_RANGE = 32 << 20, 256 << 20, 64 << 20
_TASKS = 256


def text_bytes(source: Source, column: str) -> int:
    """An estimate of the text in a file, in bytes: Parquet's own count, or the size on disk."""
    if source.kind != PARQUET:
        return source.size * (4 if source.compression else 1)
    return sum(size for _, size in _groups(source, column))


def _groups(source: Source, column: str) -> Iterable[tuple[int, int]]:
    """(rows, bytes of the column before compression) of each row group."""
    metadata = parquet_metadata(source)
    paths = [metadata.schema.column(index).path for index in range(metadata.num_columns)]
    if column not in paths:
        found = metadata.schema.to_arrow_schema().names
        raise CorpusError(
            f"{source.uri}: no column {column!r}; it has {', '.join(map(repr, found))}: name one with --text-column"
        )
    index = paths.index(column)
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        yield row_group.num_rows, row_group.column(index).total_uncompressed_size


def divide(sources: Sequence[Source], column: str) -> list[Piece]:
    """Pieces that cover every record of every file once, in address order.

    A piece is 32 to 256 MB of text, so that a large corpus makes some hundred tasks. Plain JSONL is split near
    64 MB; a compressed file is one piece, since it can only be read from its beginning.
    """
    sizes = [text_bytes(source, column) for source in sources]
    target = max(SMALLEST, min(LARGEST, sum(sizes) // _TASKS))
    pieces: list[Piece] = []
    for source, size in zip(sources, sizes, strict=True):
        if source.kind == PARQUET:
            pieces += _divide_parquet(source, column, target)
        elif source.compression:
            pieces.append(Piece(source, 0, None, size))
        else:
            ranges = plain_ranges(source.size, min(JSON_RANGE, target))
            pieces += [Piece(source, lo, hi, hi - lo) for lo, hi in ranges]
    return pieces


def _divide_parquet(source: Source, column: str, target: int) -> list[Piece]:
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
