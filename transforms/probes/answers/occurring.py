"""Which invented words occur in a corpus, by the words of its texts: one streaming scan."""

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from transforms.base.errors import CorpusError
from transforms.base.words import words_of
from transforms.corpus.input.columns import check_text_column
from transforms.corpus.input.divide import divide
from transforms.corpus.input.formats import format_for
from transforms.corpus.input.pieces import Piece
from transforms.corpus.input.sources import list_sources
from transforms.probes.kind import Environment
from transforms.probes.traps.overlap import grams_of


def corpus_pieces(corpus: Sequence[str], text_column: str) -> list[Piece]:
    """The pieces of a corpus, from its metadata; none for no corpus.

    Raises:
        CorpusError: naming the file that cannot be used.
    """
    if not corpus:
        return []
    try:
        sources = list_sources(corpus)
    except CorpusError as error:
        raise CorpusError(str(error).replace("--input", "--corpus")) from error
    for source in sources:
        if format_for(source).knows_schema:
            check_text_column(format_for(source).schema(source), text_column, source.uri)
    return divide(sources, text_column)


def occurring(words: Sequence[str], pieces: Sequence[Piece], text_column: str, environment: Environment) -> set[str]:
    """Those of the words that stand in any text of the corpus, which is read once.

    A word is what deduplication takes for one: case is folded. Each of `words` is a single one.
    """
    if not pieces or not words:
        return set()
    # Beam warns at import of every optional package that is not there, and logs each failure that is told here.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    from transforms.probes.traps.corpus_search import FindSharedNgrams, read_found, write_members

    hashes = grams_of(words_of(pa.array(words, pa.string())), 1).hashes
    folder = environment.scratch.child("words")
    write_members(folder, np.unique(hashes))
    scan = FindSharedNgrams(pieces, text_column, folder, environment.threads, n=1)
    environment.launch(lambda root: root | scan)
    found = np.isin(hashes, read_found(folder))
    return {word for word, one in zip(words, found, strict=True) if one}
