"""Texts with copies inserted at their slots, each parted from its neighbours by separators of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.texts import Texts
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
        leads: k separators that were put before.
        tails: k separators that were put behind.
        begins: int64[k], byte offset of the copy itself in its new text.
    """

    texts: Texts
    order: _I64
    at: _I64
    kinds: npt.NDArray[np.int8]
    leads: list[bytes]
    tails: list[bytes]
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
        pieces: k texts in UTF-8.
    """

    rows: _I64
    fractions: npt.NDArray[np.uint64]
    forms: npt.NDArray[np.int8]
    leaf: npt.NDArray[np.int32]
    copy: npt.NDArray[np.int32]
    pieces: Sequence[bytes]


def insert_all(texts: Texts, own: Insertions) -> Inserted:
    """Choose a slot for every insertion, and put all of them in."""
    at, kinds = choose(texts, own.rows, own.fractions, own.forms)
    order = in_order(own.rows, at, kinds, own.leaf, own.copy)
    rows, at, kinds = own.rows[order], at[order], kinds[order]
    leads, tails = separators(texts, rows, at, kinds, own.forms[order])
    pieces = [own.pieces[which] for which in order.tolist()]
    edited, landed = insert(texts, rows, at, [b"".join(parts) for parts in zip(leads, pieces, tails, strict=True)])
    begins = landed + np.array([len(one) for one in leads], np.int64)
    return Inserted(edited, order, at, kinds, leads, tails, begins)
