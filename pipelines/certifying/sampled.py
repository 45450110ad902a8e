"""Documents of a corpus that certificates look at: a keyed sample, in the order of the corpus."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.running.output import shards_of
from transforms.base.errors import CorpusError
from transforms.base.keyed import numbers
from transforms.base.readable import size
from transforms.corpus.input.columns import check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import list_sources
from transforms.probes.corpus.pieces import texts_of


@dataclass(frozen=True, repr=False)
class Sample:
    """Documents of a corpus: `texts`, of `share` of its documents; `bytes` of text in the whole corpus, estimated."""

    texts: list[str]
    share: float
    bytes: int


def pieces_of(patterns: Sequence[str], text_column: str, flag: str) -> list[Piece]:
    """The corpus in pieces; of an output folder of trapline its shards.

    Raises:
        CorpusError: naming the flag and the file.
    """
    try:
        sources = list_sources([shards_of(pattern) for pattern in patterns])
    except CorpusError as error:
        raise CorpusError(str(error).replace("--input", flag)) from error
    for source in sources:
        if format_for(source).knows_schema:
            check_text_column(format_for(source).schema(source), text_column, source.uri)
    return divide(sources, text_column)


def chosen(key: bytes, share: float, identity: int, rows: int) -> npt.NDArray[np.bool_]:
    """Which of the rows of one batch or shard are in a sample: bool[rows], by their keyed hashes."""
    if share >= 1:
        return np.ones(rows, np.bool_)
    drawn = numbers(key, "trapline/v1/certify-sample", identity, count=rows)
    return drawn < np.uint64(int(share * 2**64))


def sample(pieces: Sequence[Piece], text_column: str, most_bytes: int, key: bytes) -> Sample:
    """About `most_bytes` of text of a corpus.

    Raises:
        CorpusError: if there is no text.
    """
    total = sum(piece.size for piece in pieces)
    share = min(1.0, most_bytes / max(1, total))
    texts = [text for number, batch in batches(pieces, text_column) for text in _taken(batch, key, share, number)]
    if not texts and share < 1:
        raise CorpusError(f"--sample: {size(most_bytes)} takes no document of these {size(total)}: give more")
    if not texts:
        raise CorpusError(f"--input: no document has any text in column {text_column!r}; see --text-column")
    return Sample(texts, share, total)


def batches(pieces: Sequence[Piece], text_column: str) -> Iterator[tuple[int, pa.Array]]:
    """All texts of a corpus in batches, numbered, without what is null, empty or not UTF-8."""
    number = 0
    for piece in pieces:
        for _, texts in texts_of(piece, text_column):
            yield number, _readable(texts)
            number += 1


def _readable(texts: pa.Array) -> pa.Array:
    texts = texts.cast(pa.large_string()).drop_null()
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:
        raw = texts.cast(pa.large_binary()).to_pylist()
        texts = pa.array([one.decode(errors="replace") for one in raw], pa.large_string())
    return texts.filter(pa.compute.greater(pa.compute.binary_length(texts), 0))


def _taken(texts: pa.Array, key: bytes, share: float, number: int) -> list[str]:
    found: list[str] = texts.filter(pa.array(chosen(key, share, number, len(texts)))).to_pylist()
    return found
