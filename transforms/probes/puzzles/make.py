"""Units of probes: puzzles that nothing distinguishes but chance, of different classes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas.public.puzzles import EDITS
from transforms.base.errors import CorpusError
from transforms.probes.puzzles.columns import hexadecimal
from transforms.probes.puzzles.items import EditedPuzzles, ItemConfig, edit_all
from transforms.probes.puzzles.language.language import load
from transforms.probes.puzzles.language.text import document, render_quiz, render_solution, render_thought
from transforms.probes.puzzles.language.wording import Wording, draw
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.masks import MOST_IN_A_TABLE
from transforms.probes.puzzles.logic.search import difficulty, search
from transforms.probes.puzzles.logic.stream import PuzzleStream
from transforms.probes.puzzles.splits import SPLITS, Splits

FEWEST_PEOPLE = 4
_BATCH, _BATCH_BY_SOLVER = 1 << 14, 128
_MOST_BATCHES = 400
_BINS_A_DOUBLING = 4


@dataclass(frozen=True)
class SiblingConfig:
    """How probes are made.

    Attributes:
        siblings: puzzles of a unit, of which one is planted: m + 1.
        doses: copies to plant; each dose gets as many units.
        thoughts: whether a document includes a chain of thought.
        name: prefix of all ids, so that two campaigns share none.
        generator: what made them, with its version.
    """

    siblings: int
    doses: tuple[int, ...]
    thoughts: bool
    name: str
    generator: str


def find_units(stream: PuzzleStream, splits: Splits, units: int, siblings: int) -> npt.NDArray[np.int64]:
    """Numbers of the puzzles of each unit, int64[units, siblings].

    The siblings of a unit have as many knights and almost as many search nodes (a quarter of a doubling), follow each
    other in the stream, and are of classes that are in no other unit and, being in the split `train`, in no edit.

    Raises:
        CorpusError: if the stream has too few.
    """
    step = _BATCH if stream.people <= MOST_IN_A_TABLE else _BATCH_BY_SOLVER
    seen = np.empty(0, np.uint64)
    group = np.empty(0, np.int64)
    index = np.empty(0, np.int64)
    for batch in range(_MOST_BATCHES):
        numbers = np.arange(batch * step, (batch + 1) * step)
        puzzles = stream.puzzles(numbers)
        own = classes(puzzles)
        _, first = np.unique(own[:, 0], return_index=True)
        new = np.zeros(len(puzzles), np.bool_)
        new[first] = True
        new &= (splits.of(own) == SPLITS.index("train")) & ~np.isin(own[:, 0], seen)
        rows = np.flatnonzero(new)
        measured = difficulty(puzzles, search(puzzles))
        bins = np.floor(_BINS_A_DOUBLING * np.log2(np.maximum(measured.nodes, 1))).astype(np.int64)
        alike = np.where(measured.nodes < 0, -1, bins) * (stream.people + 1) + measured.knights
        seen = np.concatenate([seen, own[rows, 0]])
        group = np.concatenate([group, alike[rows]])
        index = np.concatenate([index, numbers[rows]])
        found = _complete(group, siblings)
        if len(found) >= units:
            return np.asarray(index[found[:units]])
    raise CorpusError(
        f"{stream.people} people: {units:,} units of {siblings} puzzles are wanted, {len(found):,} are among the first "
        f"{_MOST_BATCHES * step:,} puzzles: ask for fewer units, fewer controls or more people"
    )


def _complete(group: npt.NDArray[np.int64], siblings: int) -> npt.NDArray[np.int64]:
    """Rows of consecutive members of the same group, int64[units, siblings], in the order in which units fill up."""
    order = np.argsort(group, kind="stable")
    _, starts, counts = np.unique(group[order], return_index=True, return_counts=True)
    units = [
        order[start : start + count - count % siblings].reshape(-1, siblings)
        for start, count in zip(starts.tolist(), counts.tolist(), strict=True)
    ]
    found = np.concatenate(units) if units else np.empty((0, siblings), np.int64)
    return np.asarray(found[np.argsort(found[:, -1], kind="stable")])


def probes_of(
    stream: PuzzleStream, index: npt.NDArray[np.int64], items: ItemConfig, config: SiblingConfig, tag: str, first: int
) -> pa.Table:
    """Probes (`schemas.probes`) of some units in one language, with their answers and edits as further columns.

    Args:
        stream: of all puzzles.
        index: int64[units, siblings], from `find_units`.
        items: how edits are made.
        config: how probes are made.
        tag: the language.
        first: number of the first unit; doses take turns.
    """
    units, siblings = index.shape
    puzzles = stream.puzzles(index.ravel())
    own = classes(puzzles)
    edited = edit_all(puzzles, own, items)
    unit = np.repeat(np.arange(first, first + units), siblings)
    language = load(tag)
    # By the number of the unit, so that siblings have the same names and templates.
    wording = draw(unit, stream.people, language, items.seed)
    traces = search(puzzles)
    quiz, answer = render_quiz(puzzles, wording), render_solution(puzzles.solution, wording)
    thought = render_thought(puzzles, traces, wording) if config.thoughts else None
    size = len(puzzles)
    place = np.tile(np.arange(siblings, dtype=np.int32), units)
    measured = difficulty(puzzles, traces)
    names = _joined(f"{config.name}-{stream.people}-", unit)
    columns: dict[str, pa.Array] = {
        "id": pc.binary_join_element_wise(names, pa.array(place).cast(pa.string()), pa.scalar("-")),
        "kind": pa.repeat("puzzle", size),
        "unit": names,
        "candidate": pa.array(place),
        "stratum": pa.repeat(f"{stream.people} people, {tag}", size),
        "dose": pa.array(np.array(config.doses, np.int32)[unit % len(config.doses)]),
        "text": document(quiz, answer, language, thought),
        "generator": pa.repeat(config.generator, size),
        "planted_as": pa.repeat("document", size),
        "people": pa.array(np.full(size, stream.people, np.int64)),
        "language": pa.repeat(tag, size),
        "class": hexadecimal(own),
        "knights": pa.array(measured.knights.astype(np.int64)),
        "nodes": pa.array(measured.nodes.astype(np.int64)),
        "question": quiz,
        "answer": answer,
        **_edits(edited, wording, size),
    }
    return pa.table(columns)


def _edits(edited: EditedPuzzles, wording: Wording, size: int) -> dict[str, pa.Array]:
    """Question, answer and class of each edit; null where there is none."""
    columns: dict[str, pa.Array] = {}
    for kind in EDITS:
        found = edited.edits[kind]
        some = wording.take(found.rows)
        place = np.zeros(size, np.int64)
        place[found.rows] = np.arange(len(found.rows))
        where = pa.array(place, mask=found.status != 1)
        columns |= {
            f"{kind}_question": render_quiz(found.puzzles, some).take(where),
            f"{kind}_answer": render_solution(found.puzzles.solution, some).take(where),
            f"{kind}_class": hexadecimal(found.classes[found.rows]).take(where),
        }
    return columns


def _joined(front: str, numbers: npt.NDArray[np.int64]) -> pa.Array:
    return pc.binary_join_element_wise(pa.scalar(front), pa.array(numbers).cast(pa.string()), pa.scalar(""))
