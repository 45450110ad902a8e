"""Texts with copies inserted at their slots, each parted from its neighbours by separators of its own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.texts import Texts, text_sizes
from transforms.planting.insertion.slots import choose, in_order, separators
from transforms.planting.insertion.splice import insert

_I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Inserted:
    """n texts with k insertions; the arrays are in the order of the texts and of the places in them.

    Attributes:
        texts: the new texts.
        order: int64[k], which of the given insertions comes next.
        at: int64[k], byte offset of the slot in the text as it was.
        kinds: int8[k], what kind of slot it is.
        leads: large_string[k], separators that were put before.
        tails: large_string[k], separators that were put behind.
        begins: int64[k], byte offset of the copy itself in its new text.
    """

    texts: Texts
    order: _I64
    at: _I64
    kinds: npt.NDArray[np.int8]
    leads: pa.Array
    tails: pa.Array
    begins: _I64


@dataclass(frozen=True, repr=False)
class Insertions:
    """k insertions.

    Attributes:
        rows: int64[k], ascending: the text of each.
        fractions: uint64[k], wanted place, see `slots.choose`.
        forms: int8[k], of `transforms.planting.forms`.
        leaf: int32[k], the unit.
        copy: int32[k], number of the copy in its unit.
        pieces: string[k] or large_string[k].
    """

    rows: _I64
    fractions: npt.NDArray[np.uint64]
    forms: npt.NDArray[np.int8]
    leaf: npt.NDArray[np.int32]
    copy: npt.NDArray[np.int32]
    pieces: pa.Array


def insert_all(texts: Texts, own: Insertions) -> Inserted:
    """Choose a slot for every insertion, and put all of them in."""
    at, kinds = choose(texts, own.rows, own.fractions, own.forms)
    order = in_order(own.rows, at, kinds, own.leaf, own.copy)
    rows, at, kinds = own.rows[order], at[order], kinds[order]
    leads, tails = separators(texts, rows, at, kinds, own.forms[order])
    pieces = own.pieces.cast(pa.large_string()).take(pa.array(order))
    joined = pc.binary_join_element_wise(leads, pieces, tails, pa.scalar("", pa.large_string()))
    edited, landed = insert(texts, rows, at, joined)
    return Inserted(edited, order, at, kinds, leads, tails, landed + text_sizes(leads))
