"""Further statement and leaf edits of a puzzle, each of another class than all others of that puzzle."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.puzzles import FURTHER, SEVERAL_EDITS
from transforms.probes.puzzles.columns import claim_lists, hexadecimal, solution_lists
from transforms.probes.puzzles.edits.edit import EditRequest, Edits, edit
from transforms.probes.puzzles.language.text import render_both, render_solution
from transforms.probes.puzzles.language.wording import Wording
from transforms.probes.puzzles.logic.claims import Puzzles
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.search import search

_DRAWS_AN_EDIT = 4


def further_edits(
    puzzles: Puzzles,
    own: npt.NDArray[np.uint64],
    firsts: dict[str, Edits],
    seed: bytes,
    grammar: Grammar,
    requests: dict[str, EditRequest],
    split: npt.NDArray[np.uint64],
    wanted: int,
) -> list[tuple[str, npt.NDArray[np.int32], Edits]]:
    """Edits beyond the first: kind, the number of each (int32[size], 0 where it is not taken), and the edits.

    A draw that repeats a class of the same puzzle is left out and drawn again, up to four times as often as edits are
    wanted; a puzzle for which that is not enough has fewer.

    Args:
        puzzles: the originals.
        own: their classes, uint64[size, 2].
        firsts: the first edit of each kind.
        seed: as for the first edits.
        grammar: which claims there are.
        requests: what was asked of the first edits, by kind.
        split: bounds within which the class of an edited puzzle must be.
        wanted: edits of each kind, with the first.
    """
    seen: list[npt.NDArray[np.uint64]] = [np.where(one.status == 1, one.classes[:, 0], 0) for one in firsts.values()]
    found = []
    for kind, request in requests.items():
        count = (firsts[kind].status == 1).astype(np.int32)
        for draw in range(1, _DRAWS_AN_EDIT * wanted):
            if (count[firsts[kind].rows] >= wanted).all():
                break
            edits = edit(puzzles, own, seed, grammar, request, split, draw=draw)
            first = edits.classes[:, 0]
            new = (edits.status == 1) & (count > 0) & (count < wanted)
            for other in seen:
                new &= other != first
            count += new
            seen.append(np.where(new, first, 0))
            found.append((kind, np.where(new, count, 0).astype(np.int32), edits))
    return found


def further_column(found: list[tuple[str, npt.NDArray[np.int32], Edits]], wording: Wording) -> pa.ListArray:
    """The further edits of each puzzle, in the order of kind and number, as `schemas.public.puzzles.FURTHER`."""
    size = len(wording)
    kinds = list(SEVERAL_EDITS)
    parts, order = [], []
    for kind, number, edits in found:
        for part, rows in _parts(kind, number, edits, wording):
            parts.append(part)
            order.append(rows * 1024 + kinds.index(kind) * 512 + number[rows])
    offsets = np.zeros(size + 1, np.int32)
    if not parts:
        return pa.ListArray.from_arrays(pa.array(offsets), pa.array([], FURTHER.value_type), type=FURTHER)
    places = np.concatenate(order)
    offsets[1:] = np.cumsum(np.bincount(places // 1024, minlength=size))
    values = pa.concat_arrays(parts).take(pa.array(np.argsort(places)))
    return pa.ListArray.from_arrays(pa.array(offsets), values, type=FURTHER)


def _parts(
    kind: str, number: npt.NDArray[np.int32], edits: Edits, wording: Wording
) -> Iterator[tuple[pa.StructArray, npt.NDArray[np.int64]]]:
    taken = np.flatnonzero(number[edits.rows])
    if not len(taken):
        return
    rows, some = edits.rows[taken], wording.take(edits.rows[taken])
    puzzles = edits.puzzles.take(taken)
    quiz, thought = render_both(puzzles, search(puzzles), some)
    columns = {
        "kind": pa.repeat(kind, len(rows)),
        "number": pa.array(number[rows]),
        "quiz": quiz,
        "claims": claim_lists(puzzles),
        "solution": solution_lists(puzzles.solution),
        "solution_text": render_solution(puzzles.solution, some),
        "thought": thought,
        "speaker": pa.array(edits.speaker[rows]),
        "hamming": pa.array(edits.hamming[rows]),
        "distance": pa.array(edits.distance[rows]),
        "class": hexadecimal(edits.classes[rows]),
    }
    fields = list(FURTHER.value_type)
    yield pa.StructArray.from_arrays([columns[one.name].cast(one.type) for one in fields], fields=fields), rows
