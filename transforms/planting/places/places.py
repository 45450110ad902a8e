"""Which document takes each copy of each unit, decided on numbers before the text is read again."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.base.errors import PlacesError
from transforms.base.readable import count, counted, size
from transforms.base.texts import offsets_of
from transforms.planting.places.places_kernel import place_copies
from transforms.planting.sealing.key import Key
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import columns_of

SEPARATOR_BYTES = 4
"""Most bytes that the two separators of an insertion take together."""

PURPOSE = "placement"
"""Purpose of the key from which places follow; it is derived from the campaign's key."""


@dataclass(frozen=True)
class Limits:
    """What planting may add.

    Attributes:
        document_share: most of a planted document's bytes that planted text may make up, 0 to 1.
        corpus_share: the same of all documents together.
        together: all copies of a unit go into one document, in place of as many documents as copies.
    """

    document_share: float
    corpus_share: float
    together: bool

    def __post_init__(self) -> None:
        """Check the shares.

        Raises:
            ValueError: unless both lie above 0 and below 1.
        """
        for flag, share in (("--max-doc-share", self.document_share), ("--max-corpus-share", self.corpus_share)):
            if not 0 < share < 1:
                raise ValueError(f"{flag} {share}: give a number above 0 and below 1")


@dataclass(frozen=True)
class Places:
    """A place for every copy; nothing here depends on which candidate was drawn.

    Attributes:
        leaf: int32[copies], the unit's place among the sealed leaves.
        copy: int32[copies], number of the copy in its unit.
        address: uint64[copies], the document; for a document of its own the one that it follows.
        fraction: uint64[copies], wanted place in the text, or order among documents that follow the same one.
        as_document: bool[copies].
    """

    leaf: npt.NDArray[np.int32]
    copy: npt.NDArray[np.int32]
    address: npt.NDArray[np.uint64]
    fraction: npt.NDArray[np.uint64]
    as_document: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Room:
    """The documents that reach the output, as planting sees them.

    Attributes:
        addresses: uint64[n], ascending.
        sizes: uint32[n], UTF-8 bytes of the texts.
        eligible: bool[n], which may take an insertion.
    """

    addresses: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.uint32]
    eligible: npt.NDArray[np.bool_]

    @property
    def text_bytes(self) -> int:
        """Text of all documents."""
        return int(self.sizes.sum(dtype=np.int64))


def costs_of(units: Sequence[Unit]) -> npt.NDArray[np.int64]:
    """Bytes that a copy of each unit adds at most, whichever candidate is drawn and whichever of its texts it gets."""
    own = columns_of(units)
    return np.where(own.as_document, own.longest, own.longest + SEPARATOR_BYTES)


def needed_bytes(units: Sequence[Unit], limits: Limits) -> int:
    """Text that a corpus needs for its share of planted text to stay in bounds."""
    planted = int((columns_of(units).doses * costs_of(units)).sum())
    return -int(-planted * (1 - limits.corpus_share) // limits.corpus_share)


def find_places(key: Key, units: Sequence[Unit], room: Room, limits: Limits) -> Places:
    """Places for all copies of all units, in the order of the leaves.

    Args:
        key: the campaign's placement key.
        units: in the order of the leaves.
        room: the documents.
        limits: what may be added.

    Raises:
        PlacesError: if the corpus cannot hold a dose, with the largest that it can.
    """
    own = columns_of(units)
    costs, doses, as_document = costs_of(units), own.doses, own.as_document
    if not len(room.addresses):
        raise PlacesError("no document reaches the output: there is nothing to plant into")
    _refuse_too_much(costs, doses, room, limits)
    starts = offsets_of(doses)
    # The largest go first, while there is room everywhere: costs and doses are the same whatever is drawn.
    weight = costs * (doses if limits.together else 1)
    tie = key.numbers_of("trapline/v2/place-order", own.ids, np.ones(len(units), np.int64))
    order = np.lexsort((tie, -weight))
    order = order[~as_document[order]]
    seeds = key.numbers_of("trapline/v2/place", own.ids, doses)
    fraction = key.numbers_of("trapline/v2/slot", own.ids, doses)
    address = np.empty(len(seeds), np.uint64)
    candidates = np.flatnonzero(room.eligible)
    share = limits.document_share / (1 - limits.document_share)
    capacities = np.floor(room.sizes[candidates] * share).astype(np.int64)
    first = offsets_of(doses[order])
    in_order = np.repeat(starts[order] - first[:-1], doses[order]) + np.arange(first[-1])
    room_left = capacities.copy()
    where, failed, placed = place_copies(
        room_left,
        first,
        costs[order],
        limits.together,
        seeds[in_order],
    )
    if failed >= 0:
        raise PlacesError(_no_room(int(costs[order[failed]]), int(doses[order[failed]]), placed, room_left, limits))
    address[in_order] = room.addresses[candidates[where]]
    beside = np.repeat(as_document, doses)
    address[beside] = room.addresses[(seeds[beside] % np.uint64(len(room.addresses))).astype(np.int64)]
    copy = np.arange(len(seeds)) - np.repeat(starts[:-1], doses)
    leaf = np.repeat(np.arange(len(units), dtype=np.int32), doses)
    return Places(leaf, copy.astype(np.int32), address, fraction, beside)


def _refuse_too_much(costs: npt.NDArray[np.int64], doses: npt.NDArray[np.int64], room: Room, limits: Limits) -> None:
    allowed = int(room.text_bytes * limits.corpus_share / (1 - limits.corpus_share))
    planted = int((costs * doses).sum())
    if planted <= allowed:
        return
    top = doses == doses.max()
    others = int((costs[~top] * doses[~top]).sum())
    most = max(0, (allowed - others) // int(costs[top].sum()))
    need = int(planted * (1 - limits.corpus_share) / limits.corpus_share)
    can = (
        f"the largest dose in place of {count(int(doses.max()))} is {count(most)}"
        if most
        else "not even one copy of the units with the largest dose fits beside the others"
    )
    raise PlacesError(
        f"{counted(len(costs), 'unit')} with {count(int(doses.sum()))} copies in all take up to {size(planted)}; "
        f"--max-corpus-share {limits.corpus_share:g} of {size(room.text_bytes)} of text allows {size(allowed)}: {can}; "
        f"for these doses a corpus of some {size(need)} is needed: give more text, fewer units or smaller doses, or "
        "allow a larger share"
    )


def _no_room(need: int, dose: int, placed: int, left: npt.NDArray[np.int64], limits: Limits) -> str:
    """Why a unit found no room; `left` int64[documents] is what those before it left, `placed` of its copies found."""
    if limits.together:
        most = int(left.max()) // need if len(left) else 0
        where = f"in one document (--placement document); beside the other units {count(most)} is the largest dose"
    else:
        where = (
            f"each in another of {counted(len(left), 'eligible document')}; beside the other units {count(placed)} is "
            "the largest dose"
        )
    return (
        f"the corpus cannot hold dose {count(dose)} of a unit whose text takes {count(need)} bytes, {where}, under "
        f"--max-doc-share {limits.document_share:g}: give more or longer documents, a smaller dose or fewer units, or "
        "allow a larger share"
    )
