"""JSON lines as an input format."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.folders import resolve
from transforms.corpus.input.format import Format, Piece, Records, Source
from transforms.corpus.input.jsonl.blocks import read_blocks
from transforms.corpus.input.jsonl.compressed import CODECS
from transforms.corpus.input.jsonl.stream import plain_ranges

JSON_BLOCK_BYTES, JSON_RANGE = 16 << 20, 64 << 20


class JsonLinesFormat(Format):
    """One JSON object per line, plain or compressed; columns are inferred from the records."""

    name = "jsonl"
    suffixes: Mapping[str, str] = {
        stem + ending: ending for stem in (".jsonl", ".ndjson", ".json") for ending in ("", *CODECS)
    }
    unit = "line at byte"

    def divide(self, source: Source, column: str, target: int) -> list[Piece]:
        """Ranges of at most 64 MB; a compressed file is one piece, since it can only be read from its beginning."""
        if source.compression:
            return [Piece(source, 0, None, self.text_bytes(source, column))]
        return [Piece(source, lo, hi, hi - lo) for lo, hi in plain_ranges(source.size, min(JSON_RANGE, target))]

    def read(
        self,
        piece: Piece,
        *,
        columns: Sequence[str] | None = None,
        schema: pa.Schema | None = None,
        skip: npt.NDArray[np.uint64] | None = None,
    ) -> Iterator[Records]:
        """Batches of about 16 MB; records are parsed whole, to `schema` or to types that are inferred."""
        del columns
        filesystem, path = resolve(piece.source.uri)
        for block in read_blocks(
            filesystem, path, piece.lo, piece.hi, block_bytes=JSON_BLOCK_BYTES, skip=skip, schema=schema
        ):
            yield Records(block.positions, block.table, block.bad, block.inexact)
