"""Which invented words occur in a corpus, by the words of its texts: one streaming scan."""

import logging
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from transforms.base.words import words_of
from transforms.corpus.input.pieces import Piece
from transforms.probes.corpus.overlap import grams_of
from transforms.probes.kind import Environment


def occurring(words: Sequence[str], pieces: Sequence[Piece], text_column: str, environment: Environment) -> set[str]:
    """Those of the words that stand in any text of the corpus, which is read once.

    A word is what deduplication takes for one: case is folded. Each of `words` is a single one.
    """
    if not pieces or not words:
        return set()
    # Beam warns at import of every optional package that is not there, and logs each failure that is told here.
    logging.getLogger("apache_beam").setLevel(logging.CRITICAL)
    from transforms.probes.corpus.search import FindSharedNgrams, read_found, write_members

    hashes = grams_of(words_of(pa.array(words, pa.string())), 1).hashes
    folder = environment.scratch.child("words")
    write_members(folder, np.unique(hashes))
    scan = FindSharedNgrams(pieces, text_column, folder, environment.threads, n=1)
    environment.launch(lambda root: root | scan)
    found = np.isin(hashes, read_found(folder))
    return {word for word, one in zip(words, found, strict=True) if one}
