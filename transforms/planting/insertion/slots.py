"""The slot of each insertion, by the form of what is inserted, and what parts it from its neighbours."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.base.texts import Texts
from transforms.planting.characters import places_table, sentence_classes
from transforms.planting.forms import LINE, UNSPACED
from transforms.planting.insertion.sentences_kernel import (
    INSIDE,
    LINE_END,
    choose_sentence_separators,
    choose_slots,
)
from transforms.planting.insertion.slots_kernel import SENTENCE, choose_separators

BOUNDARIES = ("start", "end", "paragraph", "sentence", "word", "sentence", "sentence")
"""What the ledger says of each kind of slot."""

SEPARATORS = ("", " ", "\n", "\n\n", "\r\n", "\r\n\r\n")

_AS_TEXTS = pa.array(SEPARATORS, pa.large_string())

_I64 = npt.NDArray[np.int64]
_I8 = npt.NDArray[np.int8]


def choose(texts: Texts, rows: _I64, fractions: npt.NDArray[np.uint64], forms: _I8) -> tuple[_I64, _I8]:
    """A slot for each of k insertions; those of one form in one text get different slots while there are any.

    Args:
        texts: n texts, of which only those named in `rows` are read.
        rows: int64[k], ascending: the text of each.
        fractions: uint64[k], the wanted place as 2**64 times the share of the text before it.
        forms: int8[k], of `transforms.planting.forms`.

    Returns:
        int64[k] byte offsets in the text, and int8[k] kinds.
    """
    at, kinds = choose_slots(*_stretches(texts, rows), fractions, forms == LINE, places_table(), sentence_classes())
    return at, kinds


def in_order(rows: _I64, at: _I64, kinds: _I8, leaf: npt.NDArray[np.int32], copy: npt.NDArray[np.int32]) -> _I64:
    """The order of k insertions in the texts: what shares a slot stands there in the order of the units' leaves."""
    # At the end of a text a sentence still belongs to its last line, a line does not.
    return np.lexsort((copy, leaf, kinds != LINE_END, at, rows))


def separators(texts: Texts, rows: _I64, at: _I64, kinds: _I8, forms: _I8) -> tuple[pa.Array, pa.Array]:
    """What goes before and behind each of k insertions, which are in order; see `choose`. Both large_string[k]."""
    known = np.where(kinds >= INSIDE, SENTENCE, kinds).astype(np.int8)
    lead, tail = choose_separators(*_stretches(texts, rows), at, known, places_table())
    choose_sentence_separators(
        texts.data, texts.offsets[rows], at, kinds, forms == UNSPACED, places_table(), lead, tail
    )
    return _AS_TEXTS.take(pa.array(lead)), _AS_TEXTS.take(pa.array(tail))


def _stretches(texts: Texts, rows: _I64) -> tuple[npt.NDArray[np.uint8], _I64, _I64, _I64]:
    documents, first = np.unique(rows, return_index=True)
    borders = np.append(first, len(rows)).astype(np.int64)
    return texts.data, texts.offsets[documents], texts.offsets[documents + 1], borders
