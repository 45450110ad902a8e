"""Complete items as Arrow: a puzzle, its edits, its language variants, and the texts of all of them."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.public.puzzles import EDITS, PUZZLES, SEVERAL_EDITS, VARIANTS
from transforms.probes.puzzles.columns import claim_lists, hexadecimal, solution_lists, spread
from transforms.probes.puzzles.edits.arrays import FOUND
from transforms.probes.puzzles.edits.edit import EditRequest, Edits, edit
from transforms.probes.puzzles.further import further_column, further_edits
from transforms.probes.puzzles.language.language import Language, load
from transforms.probes.puzzles.language.text import render_both, render_quiz, render_solution, render_thought
from transforms.probes.puzzles.language.wording import Wording, draw
from transforms.probes.puzzles.logic.canonical import classes
from transforms.probes.puzzles.logic.claims import Puzzles, Traces
from transforms.probes.puzzles.logic.grammar import Grammar
from transforms.probes.puzzles.logic.search import Difficulty, difficulty, search
from transforms.probes.puzzles.replies.prompts import chat_prompts, completions
from transforms.probes.puzzles.wrong import shuffled, wrong_solutions, wrong_step


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
        several: statement and leaf edits of each puzzle, with the first.
        split: bounds within which the class of an edited puzzle must be, uint64[3].
    """

    seed: bytes
    split: npt.NDArray[np.uint64]
    grammar: Grammar = field(default_factory=Grammar)
    languages: tuple[str, ...] = ("en",)
    hamming: int = 0
    minimal: bool = False
    variants: bool = True
    several: int = 1

    def request(self, kind: str) -> EditRequest:
        """What is asked of the edits of a kind."""
        if kind == "control":
            return EditRequest(kind)
        return EditRequest(kind, self.hamming, self.minimal and kind == "statement")


@dataclass(frozen=True)
class EditedPuzzles:
    """The three edits of a batch by kind.

    Attributes:
        edits: what became of each puzzle.
        traces: of the edited puzzles.
        nodes: int32[size], nodes of each edited puzzle's search; -1 where there is none.
        further: from `further_edits`.
    """

    edits: dict[str, Edits]
    traces: dict[str, Traces]
    nodes: dict[str, npt.NDArray[np.int32]]
    further: list[tuple[str, npt.NDArray[np.int32], Edits]] = field(default_factory=list)


def edit_all(puzzles: Puzzles, own_classes: npt.NDArray[np.uint64], config: ItemConfig) -> EditedPuzzles:
    """Statement and leaf edits, and the control that is matched to the statement edit."""
    edits: dict[str, Edits] = {}
    traces: dict[str, Traces] = {}
    nodes: dict[str, npt.NDArray[np.int32]] = {}
    for kind in EDITS:
        beside = (edits["statement"], nodes["statement"]) if kind == "control" else None
        found = edit(puzzles, own_classes, config.seed, config.grammar, config.request(kind), config.split, beside)
        edits[kind] = found
        nodes[kind] = np.full(len(puzzles), -1, np.int32)
        traces[kind] = search(found.puzzles)
        nodes[kind][found.rows] = difficulty(found.puzzles, traces[kind]).nodes
    if config.several == 1:
        return EditedPuzzles(edits, traces, nodes)
    requests = {kind: config.request(kind) for kind in SEVERAL_EDITS}
    further = further_edits(
        puzzles, own_classes, edits, config.seed, config.grammar, requests, config.split, config.several
    )
    return EditedPuzzles(edits, traces, nodes, further)


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
    wrong = wrong_solutions(puzzles, config.seed)
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
        "prompt": chat_prompts(quiz, wording),
        "wrong_solution": solution_lists(wrong),
        "wrong_solution_text": render_solution(wrong, wording),
        "further_edits": further_column(edited.further, wording),
    }
    columns["completion"] = completions(columns["solution_text"], language)
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
    if not config.variants:
        nothing = pa.nulls(len(puzzles), pa.large_string())
        names = pa.nulls(len(puzzles), pa.list_(pa.large_string()))
        columns = {"quiz": nothing, "solution_text": nothing, "names": names, "truthful": nothing, "lying": nothing}
    else:
        wording = draw(puzzles.index, puzzles.people, language, config.seed, variant)
        truthful, lying = wording.roles()
        columns = {
            "quiz": render_quiz(puzzles, wording),
            "solution_text": render_solution(puzzles.solution, wording),
            "names": wording.name_lists(),
            "truthful": truthful,
            "lying": lying,
        }
    return {f"{variant}_{name}": column for name, column in columns.items()}


def chains(puzzles: Puzzles, config: ItemConfig) -> pa.Table:
    """Further chains of thought, one row per puzzle and language as in `complete_items`.

    Columns: `shuffled_thought`, `wrong_step_thought`, and `VARIANT_thought` for each language variant; null where the
    search was too long, or where the steps have no other order.
    """
    traces = search(puzzles)
    wrong = wrong_step(puzzles, traces, config.seed)
    parts = []
    for tag in config.languages:
        language = load(tag)
        wording = draw(puzzles.index, puzzles.people, language, config.seed)
        columns = {
            "shuffled_thought": shuffled(render_thought(puzzles, traces, wording), puzzles, config.seed),
            "wrong_step_thought": render_thought(puzzles, wrong, wording),
        }
        for variant in VARIANTS:
            if config.variants:
                other = draw(puzzles.index, puzzles.people, language, config.seed, variant)
                columns[f"{variant}_thought"] = render_thought(puzzles, traces, other)
            else:
                columns[f"{variant}_thought"] = pa.nulls(len(puzzles), pa.large_string())
        parts.append(pa.table(columns))
    return pa.concat_tables(parts)


def _ids(puzzles: Puzzles, tag: str) -> pa.Array:
    numbers = pa.array(puzzles.index).cast(pa.string())
    return pa.compute.binary_join_element_wise(pa.scalar(f"{puzzles.people}"), numbers, pa.scalar(tag), "-")
