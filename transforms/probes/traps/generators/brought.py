"""Candidates that the user brings, in any format of the input or in plain text with one per line."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.errors import CorpusError, cause_of
from transforms.base.keyed import keyed_order
from transforms.base.stores.copies import fetched
from transforms.corpus.input.columns import as_strings, is_text
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece, read_piece
from transforms.corpus.input.sources import format_of, list_sources
from transforms.probes.ngram.generator import Batch
from transforms.probes.traps.rules import Rules

NAME = "file/1"
ANY_LENGTH = 0


class BroughtCandidates:
    """Hands over what was brought, as a `Generator` whose supply ends; a length of `ANY_LENGTH` takes all."""

    name = NAME

    def __init__(self, texts: pa.Array, perplexity: pa.Array, rules: Rules, key: bytes) -> None:
        """Take texts (large_string[n]) and perplexities (float64[n] with nulls); lengths are counted by the rules."""
        order = keyed_order(key, "brought", texts.to_pylist())
        self._texts = texts.take(pa.array(order))
        self._perplexity = perplexity.take(pa.array(order)).to_numpy(zero_copy_only=False).astype(np.float64)
        _, offsets = rules.tokens(self._texts)
        self._lengths = np.diff(offsets).astype(np.int32)

    def supply(self, length: int) -> int:
        """How many have that length."""
        return len(self._texts) if length == ANY_LENGTH else int((self._lengths == length).sum())

    def ladder(self, length: int) -> tuple[float, ...]:
        """One rung."""
        del length
        return (1.0,)

    def sample(self, length: int, first: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> list[Batch]:
        """The next of that length."""
        alike = np.arange(len(self._texts)) if length == ANY_LENGTH else np.flatnonzero(self._lengths == length)
        chosen = alike[first[0] : first[0] + counts[0]]
        return [Batch(self._texts.take(pa.array(chosen)), self._lengths[chosen], self._perplexity[chosen], {})]


def read_candidates(files: Sequence[str], text_column: str) -> tuple[pa.Array, pa.Array]:
    """All candidates of some files: large_string[n] texts, and float64[n] perplexities, null where there is none.

    Files of a format that `trapline dedup` reads have the text in `text_column` and may have numbers in `perplexity`;
    of any other file each line that is not empty is a candidate.

    Raises:
        CorpusError: naming the file, for what cannot be read or used.
    """
    texts, perplexities = [], []
    for file in files:
        text, perplexity = _read(file, text_column)
        texts.append(text)
        perplexities.append(perplexity)
    return (
        pa.concat_arrays([pa.array([], pa.large_string()), *texts]),
        pa.concat_arrays([pa.array([], pa.float64()), *perplexities]),
    )


def _read(file: str, text_column: str) -> tuple[pa.Array, pa.Array]:
    if format_of(file) is not None:
        return _columns(file, _table(file), text_column)
    try:
        lines = [line for line in fetched(file).read_text(encoding="utf-8").split("\n") if line]
    except OSError as error:
        raise CorpusError(f"--candidates {file}: cannot be read ({cause_of(error)})") from error
    except UnicodeDecodeError as error:
        raise CorpusError(f"--candidates {file}: is not UTF-8 at byte {error.start}: give text, one a line") from error
    return pa.array(lines, pa.large_string()), pa.nulls(len(lines), pa.float64())


def _table(file: str) -> pa.Table:
    (source,) = list_sources([file])
    tables = []
    try:
        for records in read_piece(Piece(source, 0, None, source.size)):
            for bad in records.bad:
                raise CorpusError(
                    f"{file}: {format_for(source).unit} {bad.position}: {bad.detail}: mend or leave it out"
                )
            tables.append(records.table)
    except CorpusError as error:
        raise CorpusError(f"--candidates {error}") from error
    return pa.concat_tables(tables, promote_options="permissive") if tables else pa.table({})


def _columns(file: str, table: pa.Table, text_column: str) -> tuple[pa.Array, pa.Array]:
    if text_column not in table.column_names or not is_text(table.schema.field(text_column).type):
        raise CorpusError(
            f"--candidates {file}: no text column {text_column!r}; it has "
            f"{', '.join(map(repr, table.column_names))}: name one with --text-column"
        )
    texts = as_strings(table[text_column]).cast(pa.large_string())
    try:
        texts.validate(full=True)
        given = table["perplexity"].combine_chunks() if "perplexity" in table.column_names else None
        perplexity = pa.nulls(len(texts), pa.float64()) if given is None else given.cast(pa.float64())
    except pa.ArrowInvalid:
        raise CorpusError(f"--candidates {file}: a text is not UTF-8, or a perplexity is not a number") from None
    if isinstance(perplexity, pa.ChunkedArray):
        perplexity = pa.concat_arrays(perplexity.chunks)
    if texts.null_count:
        row = pc.index(texts.is_null(), True).as_py()
        raise CorpusError(f"--candidates {file}: row {row}: the text is null: leave it out")
    return texts, perplexity
