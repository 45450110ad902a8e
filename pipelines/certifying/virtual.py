"""Before the seal: every candidate of every unit planted at the same slots, in a world of its own.

All m + 1 candidates of a unit are treated alike, and nothing here knows a draw: what is decided on these results may
drop units without changing the test's size.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.certifying.units import text_of_copy, words_in
from transforms.base.texts import Texts
from transforms.certify.certificate import Scene
from transforms.certify.survival import Copies, Planted
from transforms.planting.insertion.inserted import Insertions, insert_all
from transforms.planting.places.places import PURPOSE, Limits, Places, Room, find_places
from transforms.planting.sealing.key import Key
from transforms.planting.tables.unit import Unit

_CORPUS_SHARE = 0.99  # The sample stands for a larger corpus, whose share of planted text `prepare` limits.


def virtual_scene(texts: Sequence[str], units: Sequence[Unit], most_copies: int, doc_share: float, key: bytes) -> Scene:
    """Plant every candidate of every unit into the documents.

    Args:
        texts: documents.
        units: that are not sealed yet.
        most_copies: copies of a candidate at most; 0 for the whole dose.
        doc_share: most of a document that may be planted text.
        key: 32 bytes from which the places follow.

    Raises:
        PlacesError: if the documents have no room for the copies.
    """
    capped = [replace(unit, dose=min(unit.dose, most_copies or unit.dose)) for unit in units]
    encoded = [text.encode() for text in texts]
    sizes = np.array([len(one) for one in encoded], np.uint32)
    room = Room(np.arange(len(texts), dtype=np.uint64), sizes, np.ones(len(texts), np.bool_))
    places = find_places(Key(key).derive(PURPOSE), capped, room, Limits(doc_share, _CORPUS_SHARE, together=False))
    inside = ~places.as_document
    documents = np.unique(places.address[inside]).astype(np.int64)
    untouched = np.setdiff1d(np.arange(len(texts)), documents)
    before = [texts[at] for at in documents.tolist()]
    worlds = [_world(before, documents, places, units, number) for number in range(len(units[0].candidates))]
    planted = Planted(before, [after for after, _ in worlds], [copies for _, copies in worlds])
    return Scene(planted, [texts[at] for at in untouched.tolist()], np.concatenate([documents, untouched]))


def _world(
    before: Sequence[str],
    documents: npt.NDArray[np.int64],
    places: Places,
    units: Sequence[Unit],
    candidate: int,
) -> tuple[list[str], Copies]:
    """The documents with candidate number `candidate` of every unit, and the copies in them."""
    leaf, copy = places.leaf, places.copy
    texts = [
        text_of_copy(units[unit].candidates[candidate], number)
        for unit, number in zip(leaf.tolist(), copy.tolist(), strict=True)
    ]
    inside, beside = (np.flatnonzero(mask) for mask in (~places.as_document, places.as_document))
    rows = np.searchsorted(documents, places.address[inside].astype(np.int64)).astype(np.int64)
    inside, rows = inside[np.argsort(rows, kind="stable")], np.sort(rows, kind="stable")
    after = list(before)
    if len(inside):
        forms = np.array([unit.form for unit in units], np.int8)
        own = Insertions(
            rows,
            places.fraction[inside],
            forms[leaf[inside]],
            leaf[inside],
            copy[inside],
            pa.array([texts[at] for at in inside.tolist()], pa.large_string()),
        )
        after = insert_all(Texts.of(pa.array(before, pa.large_string())), own).texts.array().to_pylist()
    order = np.concatenate([inside, beside])
    document = np.concatenate([rows, len(before) + np.arange(len(beside))]).astype(np.int64)
    chosen = [texts[at] for at in order.tolist()]
    numbers = leaf[order].astype(np.int64)
    dose = np.array([unit.dose for unit in units], np.int64)[numbers]
    copies = Copies(document, numbers, dose, words_in(chosen), chosen)
    return [*after, *(texts[at] for at in beside.tolist())], copies
