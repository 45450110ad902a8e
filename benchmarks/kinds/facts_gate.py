"""Whether a model knows the facts of its background, and infers the classes that it has not been told.

It is asked for facts by a statement in which it has not just read them, and for classes of which no sentence about the
person tells. Without the first, a question in other words tells nothing of how planted facts are stored; without the
second, one for the class of a planted value tells nothing: the model could not have answered it, whatever it had read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import transforms.probes.facts
from schemas.secret.questions import QUESTIONS

LEAST = 0.8
"""Accuracy among all values of a relation below which nothing is read into questions in other words; and among all
classes, below which nothing is read into those for a class."""
ASKS = FACTS, CLASSES = ("background", "class")
_FILE = Path(transforms.probes.facts.__file__).with_name("facts.toml")


def relations() -> dict[str, dict[str, Any]]:
    """By name what `trapline facts` says: statements, with {name} and {value}, and sentences with {class}."""
    found: dict[str, dict[str, Any]] = tomllib.loads(_FILE.read_text(encoding="utf-8"))["relations"]
    return found


def statements() -> dict[str, list[str]]:
    """By relation what `trapline facts` says, with {name} and {value}."""
    return {name: one["statements"] for name, one in relations().items()}


class Told:
    """What background documents tell.

    Attributes:
        values: by name and relation, the value.
        last: by name and relation, the number of the statement in which it was last read.
        told: by name and relation, the class that a sentence about the person tells.
        classes: by relation and value, the class.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Read documents in the order of training."""
        said = relations()
        heads: dict[str, tuple[str, int]] = {}
        for relation, own in said.items():
            heads |= {one.removesuffix("{value}"): (relation, at) for at, one in enumerate(own["statements"])}
            heads[own["composition"].removesuffix("{class}")] = (relation, _COMPOSITION)
        heads = {head[:1].lower() + head[1:]: where for head, where in heads.items()}
        of_classes = [(relation, _pattern(own["class_sentence"])) for relation, own in said.items()]
        begins = re.compile(r"(?:^|\. )([A-Z]\w+) ([A-Z]\w+) (?:plays the|keeps a tame|wears|speaks|earns) ")
        documents = [str(one) for one in texts]
        pairs = {pair for text in documents for pair in begins.findall(text)}
        first, second = ({pair[at] for pair in pairs} for at in (0, 1))
        self.values: dict[tuple[str, str], str] = {}
        self.last: dict[tuple[str, str], int] = {}
        self.told: dict[tuple[str, str], str] = {}
        self.classes: dict[tuple[str, str], str] = {}
        for sentence in (one for text in documents for one in text.removesuffix(".").split(". ")):
            head, _, answer = sentence.rpartition(" ")
            words = head.split(" ")
            at = next((n for n in range(len(words) - 1) if words[n] in first and words[n + 1] in second), -1)
            if at < 0:
                for relation, pattern in of_classes:
                    if match := pattern.fullmatch(sentence):
                        self.classes[relation, match["value"]] = match["class"]
                continue
            name = f"{words[at]} {words[at + 1]}"
            shape = " ".join([*words[:at], "{name}", *words[at + 2 :], ""])
            relation, number = heads.get(shape[:1].lower() + shape[1:], ("", 0))
            if relation and number == _COMPOSITION:
                self.told[name, relation] = answer
            elif relation:
                self.values[name, relation] = answer
                self.last[name, relation] = number

    def question(self, fact: tuple[str, str], statement: str) -> Question:
        """One for a fact, a name and a relation, by one of the relation's statements."""
        name, relation = fact
        cue = statement.removesuffix(" {value}").format(name=name)
        pool = sorted({value for (_, one), value in self.values.items() if one == relation})
        return Question.of(FACTS, cue, self.values[fact], pool)

    def of_facts(self, most: int) -> list[Question]:
        """Questions for facts, each by the statement behind the one in which it was last read.

        Args:
            most: facts to ask for, spread evenly over those that there are.
        """
        found = []
        for name, relation in _spread(sorted(self.values), most):
            own = statements()[relation]
            found.append(self.question((name, relation), own[(self.last[name, relation] + 1) % len(own)]))
        return found

    def of_classes(self, most: int) -> list[Question]:
        """Questions for classes that no sentence about the person tells.

        Args:
            most: as in `of_facts`.
        """
        found = []
        untold = [one for one, value in self.values.items() if one not in self.told and (one[1], value) in self.classes]
        for name, relation in _spread(sorted(untold), most):
            cue = relations()[relation]["composition"].removesuffix(" {class}").format(name=name)
            pool = sorted({of_value for (one, _), of_value in self.classes.items() if one == relation})
            found.append(Question.of(CLASSES, cue, self.classes[relation, self.values[name, relation]], pool))
        return found


@dataclass(frozen=True)
class Question:
    """A cue, and all answers to it: the right one first."""

    ask: str
    before: str
    answers: tuple[str, ...]

    @classmethod
    def of(cls, ask: str, before: str, right: str, pool: Sequence[str]) -> Question:
        """A cue that begins a sentence."""
        return cls(ask, before[:1].upper() + before[1:], (right, *(one for one in pool if one != right)))


_COMPOSITION = -1


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\{(value|class)\}", sentence[:1].upper() + sentence[1:])
    return re.compile("".join(rf"(?P<{one}>\w+)" if at % 2 else re.escape(one) for at, one in enumerate(parts)))


def _spread(facts: Sequence[tuple[str, str]], most: int) -> list[tuple[str, str]]:
    return [facts[at] for at in np.linspace(0, len(facts) - 1, min(most, len(facts))).astype(int)]


def write_questions(questions: Sequence[Question], folder: Path) -> None:
    """Write `probes.parquet` and `questions.parquet` into a new folder: candidate 0 has the right answer."""
    probes, asked = [], []
    for number, one in enumerate(questions):
        unit = f"{number:05d}"
        probes += [
            {"id": f"{unit}-{at}", "unit": unit, "candidate": at, "text": text} for at, text in enumerate(one.answers)
        ]
        asked.append(
            {"unit": unit, "ask": one.ask, "slot": 0, "before": one.before, "lead": " ", "weight": 1.0,
             "answers": list(one.answers), "truth": None}
        )  # fmt: skip
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(probes), folder / "probes.parquet")
    pq.write_table(pa.Table.from_pylist(asked, schema=QUESTIONS), folder / "questions.parquet")


def accuracy(table: pa.Table) -> float:
    """Share of questions whose right answer is the most probable of all, of scores of these questions."""
    own = [str(one).endswith("-0") for one in table["id"].to_pylist()]
    return float(np.mean(np.asarray(table["answer_top1"])[np.array(own)]))


def texts_of(shards: Sequence[Path]) -> list[str]:
    """All texts, in order."""
    return [text for shard in shards for text in pq.read_table(shard, columns=["text"])["text"].to_pylist()]
