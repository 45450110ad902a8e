"""From what judges leave of documents to what is left of each copy, document and unit."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from transforms.certify.altered import ALIVE, ALTERED, GONE, left_of, windows

_I64 = npt.NDArray[np.int64]


@dataclass(frozen=True, repr=False)
class Planted:
    """Documents with copies, in one or more worlds: in each another candidate of every unit is planted.

    Attributes:
        before: the documents without copies.
        after: for each world all of these documents with its copies; then documents that are copies themselves.
        copies: for each world its copies.
    """

    before: Sequence[str]
    after: Sequence[Sequence[str]]
    copies: Sequence["Copies"]


@dataclass(frozen=True, repr=False)
class Copies:
    """k copies, each in one document.

    Attributes:
        document: int64[k], place among `Planted.after`.
        unit: int64[k], number of the unit.
        dose: int64[k], copies of the unit that the design has.
        length: int64[k], words of the text.
        texts: k texts.
    """

    document: _I64
    unit: _I64
    dose: _I64
    length: _I64
    texts: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)


@dataclass(frozen=True)
class Fates:
    """What became of the k copies of one world under one judge.

    Attributes:
        state: int8[k], `ALIVE`, `ALTERED` or `GONE`.
        dropped: bool[k], whether the copy's document was dropped.
        fair: bool[k], whether the judge keeps the document without copies, so that the trap can answer for the copy.
    """

    state: npt.NDArray[np.int8]
    dropped: npt.NDArray[np.bool_]
    fair: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Documents:
    """Documents with copies, counted over all worlds."""

    judged: int
    kept_before: int
    lost: int
    gained: int


def fates(copies: Copies, kept_before: Sequence[bool], left: Sequence[str | None]) -> Fates:
    """Look for every copy in what is left of its document.

    Copies of one unit resemble each other. Where one of them is alive in a document, the others of the unit there are
    not taken for altered: what is left of the one would stand for them.

    Args:
        copies: of one world.
        kept_before: for each document whether it is kept without copies; documents beyond these are copies themselves.
        left: what is left of each document with its copies.
    """
    state = np.full(len(copies), GONE, np.int8)
    own: dict[tuple[int, str], list[int]] = defaultdict(list)
    for at, (document, text) in enumerate(zip(copies.document.tolist(), copies.texts, strict=True)):
        own[document, text].append(at)
    living: set[tuple[int, int]] = set()
    for (document, text), where in own.items():
        alive = min(len(where), (left[document] or "").count(text))
        state[where[:alive]] = ALIVE
        if alive:
            living.add((document, int(copies.unit[where[0]])))
    for (document, text), where in own.items():
        rest = left[document]
        if rest is not None and (document, int(copies.unit[where[0]])) not in living:
            state[where] = left_of(text, windows(rest))
    gone = np.array([one is None for one in left], np.bool_)
    stands = np.array([*kept_before, *([True] * (len(left) - len(kept_before)))], np.bool_)
    return Fates(state, gone[copies.document], stands[copies.document])


def documents(kept_before: Sequence[bool], worlds: Sequence[tuple[Copies, Sequence[str | None]]]) -> Documents:
    """Count the documents that a judge drops because of what was planted in them, and the other way round."""
    counts: Counter[str] = Counter()
    for copies, left in worlds:
        for document in np.unique(copies.document).tolist():
            if document >= len(kept_before):
                continue
            before, now = kept_before[document], left[document] is not None
            counts["judged"] += 1
            counts["kept_before"] += before
            counts["lost"] += before and not now
            counts["gained"] += now and not before
    return Documents(*(counts[name] for name in ("judged", "kept_before", "lost", "gained")))


def alive_by_unit(worlds: Sequence[tuple[Copies, Fates]], units: int) -> tuple[_I64, _I64]:
    """The alive and the planted copies of each unit in each world: two int64[worlds, units]."""
    alive, planted = (np.zeros((len(worlds), units), np.int64) for _ in range(2))
    for at, (copies, own) in enumerate(worlds):
        alive[at] = np.bincount(copies.unit, own.state == ALIVE, units)
        planted[at] = np.bincount(copies.unit, minlength=units)
    return alive, planted


__all__ = ["ALIVE", "ALTERED", "GONE", "Copies", "Documents", "Fates", "Planted", "alive_by_unit", "documents", "fates"]
