"""Complete items as Arrow: a puzzle, its edits, its language variants, and the texts of all of them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.puzzles import EDITS, PUZZLES, VARIANTS
from transforms.probes.puzzles.edits.edit import EditRequest, Edits, edit
from transforms.probes.puzzles.edits.kernel import FOUND
from transforms.probes.puzzles.language.language import Language, load
from transforms.probes.puzzles.language.text import render_both, render_quiz, render_solution
from transforms.probes.puzzles.language.wording import Wording, draw
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.claims import Puzzles, Traces
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.search import Difficulty, difficulty, search


@dataclass(frozen=True)
class ItemConfig:
    """What goes into an item.

    Attributes:
        seed: at most 64 bytes.
        grammar: which claims there are.
        languages: tags, such as "en"; each puzzle gets one row per language.
        hamming: people whose role a statement or leaf edit changes; 0: any number.
        minimal: statement edits with the fewest changed tokens.
        variants: whether the four language variants are made.
        split: bounds within which the class of an edited puzzle must be, uint64[3].
    """

    seed: bytes
    split: npt.NDArray[np.uint64]
    grammar: Grammar = field(default_factory=Grammar)
    languages: tuple[str, ...] = ("en",)
    hamming: int = 0
    minimal: bool = False
    variants: bool = True


@dataclass(frozen=True)
class EditedPuzzles:
    """The three edits of a batch by kind.

    Attributes:
        edits: what became of each puzzle.
        traces: of the edited puzzles.
        nodes: int32[size], nodes of each edited puzzle's search; -1 where there is none.
    """

    edits: dict[str, Edits]
    traces: dict[str, Traces]
    nodes: dict[str, npt.NDArray[np.int32]]


def edit_all(puzzles: Puzzles, own_classes: npt.NDArray[np.uint64], config: ItemConfig) -> EditedPuzzles:
    """Statement and leaf edits, and the control that is matched to the statement edit."""
    edits: dict[str, Edits] = {}
    traces: dict[str, Traces] = {}
    nodes: dict[str, npt.NDArray[np.int32]] = {}
    for kind in EDITS:
        request = (
            EditRequest(kind)
            if kind == "control"
            else EditRequest(kind, config.hamming, config.minimal and kind == "statement")
        )
        beside = (edits["statement"], nodes["statement"]) if kind == "control" else None
        found = edit(puzzles, own_classes, config.seed, config.grammar, request, config.split, beside)
        edits[kind] = found
        nodes[kind] = np.full(len(puzzles), -1, np.int32)
        traces[kind] = search(found.puzzles)
        nodes[kind][found.rows] = difficulty(found.puzzles, traces[kind]).nodes
    return EditedPuzzles(edits, traces, nodes)


def complete_items(puzzles: Puzzles, config: ItemConfig) -> pa.Table:
    """One row per puzzle and language, one language after another, with the columns of `schemas.public.puzzles`."""
    own = classes(puzzles)
    edited = edit_all(puzzles, own, config)
    traces = search(puzzles)
    parts = [_in_language(puzzles, own, traces, edited, load(tag), config) for tag in config.languages]
    return pa.concat_tables(parts)


def _in_language(
    puzzles: Puzzles,
    own: npt.NDArray[np.uint64],
    traces: Traces,
    edited: EditedPuzzles,
    language: Language,
    config: ItemConfig,
) -> pa.Table:
    size, people = puzzles.solution.shape
    wording = draw(puzzles.index, people, language, config.seed)
    measured = difficulty(puzzles, traces)
    quiz, thought = render_both(puzzles, traces, wording)
    truthful, lying = wording.roles()
    columns: dict[str, pa.Array] = {
        "id": _ids(puzzles, language.tag),
        "people": pa.array(np.full(size, people, np.int32)),
        "index": pa.array(puzzles.index),
        "language": pa.repeat(language.tag, size),
        "class": hexadecimal(own),
        "quiz": quiz,
        "claims": claim_lists(puzzles),
        "solution": solution_lists(puzzles.solution),
        "solution_text": render_solution(puzzles.solution, wording),
        "thought": thought,
        "names": wording.name_lists(),
        "truthful": truthful,
        "lying": lying,
        **_measures(measured),
    }
    for kind in EDITS:
        columns |= _edit_columns(kind, edited, wording)
    for variant in VARIANTS:
        columns |= _variant_columns(variant, puzzles, language, config)
    return pa.table([columns[name].cast(PUZZLES.field(name).type) for name in PUZZLES.names], schema=PUZZLES)


def _measures(measured: Difficulty) -> dict[str, pa.Array]:
    return {name: pa.array(getattr(measured, name)) for name in ("knights", "nodes", "propagation", "depth", "width")}


def _edit_columns(kind: str, all_edits: EditedPuzzles, wording: Wording) -> dict[str, pa.Array]:
    found, nodes = all_edits.edits[kind], all_edits.nodes[kind]
    size = len(found.status)
    some = wording if len(found.rows) == size else wording.take(found.rows)
    edited = found.puzzles
    quiz, thought = render_both(edited, all_edits.traces[kind], some)
    columns = {
        "quiz": quiz,
        "claims": claim_lists(edited),
        "solution": solution_lists(edited.solution),
        "solution_text": render_solution(edited.solution, some),
        "thought": thought,
        "speaker": pa.array(found.speaker[found.rows]),
        "hamming": pa.array(found.hamming[found.rows]),
        "distance": pa.array(found.distance[found.rows]),
        "nodes": pa.array(nodes[found.rows]),
        "class": hexadecimal(found.classes[found.rows]),
    }
    if len(found.rows) < size:
        columns = {name: spread(column, found.status == FOUND) for name, column in columns.items()}
    return {f"{kind}_status": pa.array(found.status), **{f"{kind}_{name}": one for name, one in columns.items()}}


def _variant_columns(variant: str, puzzles: Puzzles, language: Language, config: ItemConfig) -> dict[str, pa.Array]:
    if config.variants:
        wording = draw(puzzles.index, puzzles.people, language, config.seed, variant)
        quiz, answer = render_quiz(puzzles, wording), render_solution(puzzles.solution, wording)
    else:
        quiz = answer = pa.nulls(len(puzzles), pa.large_string())
    return {f"{variant}_quiz": quiz, f"{variant}_solution_text": answer}


def _ids(puzzles: Puzzles, tag: str) -> pa.Array:
    numbers = pa.array(puzzles.index).cast(pa.string())
    return pa.compute.binary_join_element_wise(pa.scalar(f"{puzzles.people}"), numbers, pa.scalar(tag), "-")


def spread(column: pa.Array, there: npt.NDArray[np.bool_]) -> pa.Array:
    """The values of `column` in the rows that are `there`, bool[size], and null in the others.

    Of texts and lists nothing but offsets is copied: a null row has no bytes.

    Args:
        column: as many values as rows are there.
        there: which rows get one, in order.
    """
    before = np.concatenate([[0], np.cumsum(there)])
    if pa.types.is_primitive(column.type):
        return column.take(pa.array(np.maximum(before[1:] - 1, 0), mask=~there))
    wide = pa.types.is_large_string(column.type) or pa.types.is_large_list(column.type)
    ends = np.frombuffer(column.buffers()[1], np.int64 if wide else np.int32)[column.offset :]
    valid = there.copy()
    valid[there] = column.is_valid().to_numpy(zero_copy_only=False)
    buffers = [pa.py_buffer(np.packbits(valid, bitorder="little")), pa.py_buffer(ends[before])]
    if pa.types.is_nested(column.type):
        return pa.Array.from_buffers(column.type, len(there), buffers, children=[column.values])
    return pa.Array.from_buffers(column.type, len(there), [*buffers, column.buffers()[2]])


_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


def hexadecimal(classes: npt.NDArray[np.uint64]) -> pa.StringArray:
    """Each class, uint64[size, 2], as 32 hexadecimal digits."""
    octets = np.ascontiguousarray(classes).astype(">u8").view(np.uint8).reshape(len(classes), 16)
    digits = np.empty((len(classes), 16, 2), np.uint8)
    digits[:, :, 0], digits[:, :, 1] = _DIGITS[octets >> 4], _DIGITS[octets & 15]
    offsets = np.arange(len(classes) + 1, dtype=np.int32) * np.int32(32)
    return pa.StringArray.from_buffers(len(classes), pa.py_buffer(offsets), pa.py_buffer(digits))


def claim_lists(puzzles: Puzzles) -> pa.ListArray:
    """list<int16>[size], the tokens of all claims of each puzzle."""
    starts = puzzles.offsets[:: puzzles.people].astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(starts), pa.array(puzzles.tokens))


def solution_lists(solution: npt.NDArray[np.bool_]) -> pa.ListArray:
    """list<bool>[size] of bool[size, n]."""
    return pa.ListArray.from_arrays(_every(*solution.shape), pa.array(solution.ravel()))


def _every(size: int, people: int) -> pa.Array:
    return pa.array(np.arange(size + 1, dtype=np.int32) * np.int32(people))
