"""Judge the replies to a data set of puzzles: which are right, and what follows for each model.

Three steps: `questions` lists what a data set asks, `judged` reads each reply, `findings` gives accuracy, consistency
and LiMem by size and edit, and the transfer of training from one size to another.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.public.judgements import JUDGEMENTS
from schemas.public.puzzles import EDITS, VARIANTS
from transforms.base.errors import CorpusError
from transforms.probes.puzzles.language.language import Language, RolePair, load
from transforms.probes.puzzles.replies.answers import read_answer
from transforms.probes.puzzles.replies.limem import Estimate, PuzzleScores, difference, memorisation

ORIGINAL = "original"
ASKED = (ORIGINAL, *EDITS, *VARIANTS)
"""What a reply can answer: the puzzle, an edit of it, or a language variant."""
ALL_SIZES = 0
_RESAMPLES = 10_000

Key = tuple[str, str, int]
"""Id of the puzzle, what was asked of `ASKED`, and the number of the edit."""


@dataclass(frozen=True)
class Question:
    """What is needed to judge a reply to one text of a data set.

    Attributes:
        split: of the puzzle.
        people: in it.
        index: of the puzzle; with `people` it names the puzzle in all languages.
        language: of the text.
        names: of the people.
        truthful: what those are called who tell the truth, with the article.
        solution: of what is asked.
        original: the solution of the puzzle before the edit.
    """

    split: str
    people: int
    index: int
    language: str
    names: tuple[str, ...]
    truthful: str
    solution: tuple[bool, ...]
    original: tuple[bool, ...]


@dataclass(frozen=True)
class Reply:
    """One reply; `text` is None where the model gave none, `trained_on` where that is not stated."""

    key: Key
    model: str
    trained_on: int | None
    text: str | None
    after_marker: bool = False


COLUMNS = (
    *("id", "people", "index", "language", "names", "truthful", "solution", "further_edits"),
    *(f"{edit}_solution" for edit in EDITS),
    *(f"{variant}_{column}" for variant in VARIANTS for column in ("names", "truthful")),
)
"""Columns of a data set that judging reads."""


def questions(rows: Sequence[Mapping[str, Any]], split: str) -> dict[Key, Question]:
    """Everything that rows of a data set ask, by its key.

    Args:
        rows: with `COLUMNS`.
        split: of all of them.
    """
    found: dict[Key, Question] = {}
    for row in rows:
        original = tuple(row["solution"])

        def question(
            solution: Sequence[bool],
            names: Sequence[str],
            truthful: str,
            row: Mapping[str, Any] = row,
            original: tuple[bool, ...] = original,
        ) -> Question:
            return Question(
                split, row["people"], row["index"], row["language"], tuple(names), truthful, tuple(solution), original
            )

        found[row["id"], ORIGINAL, 1] = question(original, row["names"], row["truthful"])
        for kind in EDITS:
            if row[f"{kind}_solution"] is not None:
                found[row["id"], kind, 1] = question(row[f"{kind}_solution"], row["names"], row["truthful"])
        for one in row["further_edits"]:
            found[row["id"], one["kind"], one["number"]] = question(one["solution"], row["names"], row["truthful"])
        for variant in VARIANTS:
            if row[f"{variant}_names"] is not None:
                found[row["id"], variant, 1] = question(original, row[f"{variant}_names"], row[f"{variant}_truthful"])
    return found


def judged(replies: Sequence[Reply], asked: Mapping[Key, Question]) -> pa.Table:
    """Each reply read and compared with the solution: `schemas.public.judgements`, in the order of the replies.

    Raises:
        CorpusError: for a reply to what was not asked.
    """
    rows = []
    for reply in replies:
        question = asked.get(reply.key)
        if question is None:
            raise CorpusError(_not_asked(reply.key, asked))
        language = load(question.language)
        pair, flipped = _roles(language, question.truthful)
        read = None
        if reply.text is not None:
            read = read_answer(reply.text, question.names, language, pair, flipped, reply.after_marker).solution
        rows.append(
            {
                **dict(zip(("id", "edit", "number"), reply.key, strict=True)),
                "model": reply.model,
                "trained_on": reply.trained_on,
                "split": question.split,
                "people": question.people,
                "language": question.language,
                "read": None if read is None else list(read),
                "right": read == question.solution,
                "gave_original": read == question.original,
            }
        )
    return pa.Table.from_pylist(rows, schema=JUDGEMENTS)


def _not_asked(key: Key, asked: Mapping[Key, Question]) -> str:
    name, edit, number = key
    if (name, ORIGINAL, 1) not in asked:
        return f"a reply has the id {name!r}, which no puzzle of the data set has: give the data set that was asked"
    there = sorted({other for of, other, _ in asked if of == name})
    return f"a reply answers edit {number} of kind {edit!r} of {name}, which has none such; it has {', '.join(there)}"


def _roles(language: Language, truthful: str) -> tuple[RolePair, bool]:
    """The role pair of the puzzle, and whether the role that usually lies tells the truth."""
    for pair in language.roles:
        for role, flipped in ((pair.truth, False), (pair.lie, True)):
            if role.a[-1] == truthful:
                return pair, flipped
    raise CorpusError(
        f"language {language.tag}: there is no role {truthful!r}: the data set is of another version of trapline"
    )


@dataclass(frozen=True)
class Finding:
    """One row of the results: a model on puzzles of one split and size under one edit.

    Attributes:
        model: as the replies name it.
        trained_on: people of the puzzles that it was trained on, if stated.
        split: of the puzzles.
        people: in them; `ALL_SIZES` for all together.
        edit: of `ASKED`; for the original there is only the accuracy.
        puzzles: that count: those with a reply to the original and, for an edit, to an edit of this kind.
        values: by measure: accuracy; of edits consistency, limem and gave_original too.
    """

    model: str
    trained_on: int | None
    split: str
    people: int
    edit: str
    puzzles: int
    values: dict[str, Estimate]


@dataclass(frozen=True)
class Transfer:
    """How a model trained on puzzles of one size does on those of another.

    Attributes:
        model: as the replies name it.
        trained_on: people of the puzzles that it was trained on.
        split: of the puzzles asked.
        people: in them.
        puzzles: that count.
        accuracy: on them.
        gain: accuracy less that of the model that was trained on no size, on the same puzzles; None if there is no
            such model or several, or if it was not asked the same.
    """

    model: str
    trained_on: int
    split: str
    people: int
    puzzles: int
    accuracy: Estimate
    gain: Estimate | None


_Who = tuple[str, int | None]
_Cell = dict[str, dict[str, dict[int, tuple[bool, bool]]]]


def findings(table: pa.Table, level: float) -> tuple[list[Finding], list[Transfer]]:
    """What the judged replies say of each model.

    Intervals are percentile bootstraps over puzzles: a puzzle's languages and edits are drawn together.

    Args:
        table: from `judged`.
        level: of the intervals.
    """
    replies: dict[_Who, dict[tuple[str, int], _Cell]] = {}
    for row in table.to_pylist():
        who = (row["model"], row["trained_on"])
        cell = replies.setdefault(who, {}).setdefault((row["split"], row["people"]), {})
        cell.setdefault(row["id"], {}).setdefault(row["edit"], {})[row["number"]] = (row["right"], row["gave_original"])
    found = [finding for who in sorted(replies, key=_order) for finding in _findings_of(who, replies[who], level)]
    return found, list(_transfers(replies, level))


def _order(who: _Who) -> tuple[str, int]:
    return who[0], who[1] or 0


def _findings_of(who: _Who, cells: Mapping[tuple[str, int], _Cell], level: float) -> Iterator[Finding]:
    for split in sorted({split for split, _ in cells}, reverse=True):
        sizes = sorted(people for of, people in cells if of == split)
        groups = {people: cells[split, people] for people in sizes}
        if len(sizes) > 1:
            groups[ALL_SIZES] = {name: one for people in sizes for name, one in cells[split, people].items()}
        for people, cell in groups.items():
            for edit in ASKED:
                scores = _scores(cell, edit)
                if scores is None:
                    continue
                values = memorisation(scores, level, _RESAMPLES)
                if edit == ORIGINAL:
                    values = {"accuracy": values["accuracy"]}
                yield Finding(*who, split, people, edit, len(scores.right), values)


def _scores(cell: _Cell, edit: str) -> PuzzleScores | None:
    """The puzzles with a reply to the original and to an edit; None if there is none."""
    names = [name for name, one in cell.items() if ORIGINAL in one and edit in one]
    if not names:
        return None
    most = max(max(cell[name][edit]) for name in names)
    still, given = np.full((len(names), most), np.nan), np.full((len(names), most), np.nan)
    for row, name in enumerate(names):
        for number, (right, original) in cell[name][edit].items():
            still[row, number - 1], given[row, number - 1] = right, original
    solved = np.array([cell[name][ORIGINAL][1][0] for name in names], np.bool_)
    puzzles = sorted({name.rpartition("-")[0] for name in names})
    units = np.array([puzzles.index(name.rpartition("-")[0]) for name in names])
    return PuzzleScores(units, solved, still, given)


def _transfers(replies: Mapping[_Who, Mapping[tuple[str, int], _Cell]], level: float) -> Iterator[Transfer]:
    untrained = [who for who in replies if who[1] is None]
    before = replies[untrained[0]] if len(untrained) == 1 else {}
    for who in sorted(replies, key=_order):
        model, trained_on = who
        if trained_on is None:
            continue
        for (split, people), cell in sorted(replies[who].items()):
            scores = _scores(cell, ORIGINAL)
            if scores is None:
                continue
            other = before.get((split, people), {})
            gain = None
            asked = {name for name, one in cell.items() if ORIGINAL in one}
            if asked == {name for name, one in other.items() if ORIGINAL in one}:
                same = _scores({name: other[name] for name in cell if name in asked}, ORIGINAL)
                gain = difference(scores, same, level, _RESAMPLES)["accuracy"] if same is not None else None
            accuracy = memorisation(scores, level, _RESAMPLES)["accuracy"]
            yield Transfer(model, trained_on, split, people, len(scores.right), accuracy, gain)
