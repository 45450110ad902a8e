"""Change one claim of a puzzle so that its solution changes, or so that it does not, and say where that cannot be."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.streams import stream_key, stream_start
from transforms.probes.puzzles.edits import arrays as k
from transforms.probes.puzzles.edits.kernel import edit_batch, edit_puzzle
from transforms.probes.puzzles.logic.claims import Puzzles
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.masks import MOST_IN_A_TABLE, table_of, witnesses
from transforms.probes.puzzles.logic.solver import other_solutions
from transforms.probes.puzzles.splits import everything

KINDS = ("statement", "leaf", "control")


@dataclass(frozen=True)
class EditRequest:
    """Which edit is wanted. All edits replace the claim of exactly one speaker and leave one solution.

    Attributes:
        kind: "statement": another claim, and another solution. "leaf": one leaf of one claim, and another solution.
            "control": another claim, and the same solution.
        hamming: people whose role changes; 0: any number.
        minimal: of all edits one with the fewest changed tokens.
    """

    kind: str
    hamming: int = 0
    minimal: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"edit {self.kind!r} is unknown: give one of {', '.join(KINDS)}")
        if self.hamming < 0 or (self.hamming and self.kind == "control"):
            raise ValueError(f"Hamming distance {self.hamming}: give 0 (any) or more; a control's is always 0")


@dataclass(frozen=True)
class Edits:
    """What became of a batch of puzzles, one row per puzzle.

    Attributes:
        status: int8[size], `FOUND`, `NONE` (established: there is none) or `UNKNOWN` (none was found, but not all that
            there is could be looked at; only above 12 people).
        speaker: int32[size], whose claim was replaced; -1 if none.
        hamming: int32[size], people whose role changed; -1 if none.
        distance: int32[size], tokens inserted, deleted or replaced; -1 if none.
        classes: uint64[size, 2], of the edited puzzles; zeros if none.
        rows: int64[found], which puzzles have an edit.
        puzzles: the edited puzzles, with the index of their originals.
    """

    status: npt.NDArray[np.int8]
    speaker: npt.NDArray[np.int32]
    hamming: npt.NDArray[np.int32]
    distance: npt.NDArray[np.int32]
    classes: npt.NDArray[np.uint64]
    rows: npt.NDArray[np.int64]
    puzzles: Puzzles


def edit(
    puzzles: Puzzles,
    classes: npt.NDArray[np.uint64],
    seed: bytes,
    grammar: Grammar,
    request: EditRequest,
    split: npt.NDArray[np.uint64] | None = None,
    beside: tuple[Edits, npt.NDArray[np.int32]] | None = None,
    draw: int = 0,
) -> Edits:
    """One edit of each puzzle, as `request` says.

    A replacement is a claim of the grammar; what establishes that there is none is a scan of all claims of at most two
    levels and two operands, and of all changes of one leaf of a present claim.

    Args:
        puzzles: the originals.
        classes: theirs, uint64[size, 2].
        seed: at most 64 bytes; each kind of edit has its own random stream for each puzzle.
        grammar: which claims there are.
        request: which edit.
        split: bounds from `Splits.bounds` within which the class of an edited puzzle must be.
        beside: edits and the search nodes of each edited puzzle (int32[size]) that a control is to match: on the
            speaker, on the edit distance as nearly as there is one, then on the nodes among some. Puzzles without such
            an edit get no control.
        draw: another number draws other edits of the same puzzles.
    """
    wanted = np.zeros((len(puzzles), k.REQUESTS), np.int64)
    wanted[:, k.LEAF_ONLY] = request.kind == "leaf"
    wanted[:, k.SAME_ANSWER] = request.kind == "control"
    wanted[:, k.HAMMING] = request.hamming
    wanted[:, k.MINIMAL] = request.minimal
    wanted[:, (k.ONLY_SPEAKER, k.NODES)] = -1
    if beside is not None:
        matched, nodes = beside
        wanted[:, k.ONLY_SPEAKER] = np.where(matched.status == k.FOUND, matched.speaker, -2)
        wanted[:, k.DISTANCE] = matched.distance
        wanted[:, k.NODES] = nodes
    # What was asked is part of the stream's name: another wish draws afresh.
    key = stream_key(
        seed, "edit", request.kind, request.hamming, int(request.minimal), puzzles.people, *([draw] if draw else [])
    )
    limits = grammar.limits
    bounds = everything() if split is None else split
    if puzzles.people > MOST_IN_A_TABLE:
        found = edit_by_solver(key, puzzles, classes[:, 0], wanted, limits, bounds)
    else:
        table, every = table_of(puzzles.people)
        batch = k.Batch(puzzles.index, puzzles.tokens, puzzles.offsets, puzzles.solution, classes[:, 0].copy())
        found = edit_batch(key, batch, wanted, limits, bounds, table, every)
    facts, new_classes, answers, claims = found
    rows = np.flatnonzero(facts[:, k.STATUS] == k.FOUND)
    edited = puzzles.with_claims(
        rows,
        facts[rows, k.SPEAKER],
        claims,
        np.append(facts[rows, k.PLACE], len(claims)),
        answers[rows],
    )
    small = facts[:, (k.SPEAKER, k.FOUND_HAMMING, k.FOUND_DISTANCE)].astype(np.int32)
    speaker, hamming, distance = small.T
    return Edits(facts[:, k.STATUS].astype(np.int8), speaker, hamming, distance, new_classes, rows, edited)


def edit_by_solver(
    key: np.uint64,
    puzzles: Puzzles,
    own_classes: npt.NDArray[np.uint64],
    requests: npt.NDArray[np.int64],
    limits: npt.NDArray[np.int64],
    split: npt.NDArray[np.uint64],
) -> Any:
    """As `kernel.edit_batch`, for any number of people.

    A speaker without whose claim there are more than 256 solutions is left out; if nothing is found then, it is not
    known whether there is anything.
    """
    size, people = puzzles.solution.shape
    witness_knights, witness_every = witnesses(people)
    facts = np.full((size, k.FACTS), -1, np.int64)
    facts[:, k.STATUS] = k.NONE
    classes = np.zeros((size, 2), np.uint64)
    answers = np.zeros((size, people), np.bool_)
    claims: list[npt.NDArray[np.int16]] = []
    used = 0
    for row in range(size):
        only = int(requests[row, k.ONLY_SPEAKER])
        if only == -2:
            continue
        places = puzzles.offsets[row * people : (row + 1) * people + 1]
        speakers = range(people) if only < 0 else (only,)
        knights, rest, complete = other_solutions(puzzles.tokens, places, speakers)
        start = np.uint64(stream_start(key, int(puzzles.index[row])))
        claim = np.empty(max(int(limits[3]), 3), np.int16)
        edit_puzzle(
            k.Puzzle(puzzles.tokens, places, puzzles.solution[row], own_classes[row]),
            k.Wish(start, requests[row], limits, split),
            k.Masks(knights, rest, complete, witness_knights, witness_every),
            k.Edit(facts[row], classes[row], answers[row], claim),
        )
        if facts[row, k.STATUS] == k.FOUND:
            facts[row, k.PLACE] = used
            claims.append(claim[: facts[row, k.LENGTH]])
            used += len(claims[-1])
    return facts, classes, answers, np.concatenate(claims) if claims else np.empty(0, np.int16)
