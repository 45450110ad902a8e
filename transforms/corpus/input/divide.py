"""How an input is divided into pieces of work before anything is read but metadata."""

from collections.abc import Sequence

from transforms.corpus.input.format import Piece, Source
from transforms.corpus.input.formats import format_for

SMALLEST, LARGEST = 32 << 20, 256 << 20
_TASKS = 256


def text_bytes(source: Source, column: str) -> int:
    """An estimate of the text in a file, in bytes: the file's own count, or its size on disk."""
    return format_for(source).text_bytes(source, column)


def divide(sources: Sequence[Source], column: str, *, tasks: int = _TASKS) -> list[Piece]:
    """Pieces that cover every record of every file once, in address order.

    A piece is 32 to 256 MB of text, so that a large corpus makes `tasks` of them or more. Plain JSONL is split near
    64 MB; a compressed file is one piece, since it can only be read from its beginning.
    """
    total = sum(text_bytes(source, column) for source in sources)
    target = max(SMALLEST, min(LARGEST, total // tasks))
    return [piece for source in sources for piece in format_for(source).divide(source, column, target)]
