"""Whether a model knows the facts of its background by a statement in which it has not just read them.

Without that, a question in other words tells nothing of how planted facts are stored: the model could not have answered
it, whatever it had read.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import transforms.probes.facts
from schemas.secret.questions import QUESTIONS

LEAST = 0.8
"""Accuracy among all values of a relation below which nothing is read into questions in other words."""
_FILE = Path(transforms.probes.facts.__file__).with_name("facts.toml")


def statements() -> dict[str, list[str]]:
    """By relation what `trapline facts` says, with {name} and {value}."""
    relations = tomllib.loads(_FILE.read_text(encoding="utf-8"))["relations"]
    return {name: one["statements"] for name, one in relations.items()}


class Told:
    """What background documents tell.

    Attributes:
        values: by name and relation, the value.
        last: by name and relation, the number of the statement in which it was last read.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        """Read documents in the order of training."""
        said = statements()
        known = {one: (relation, at) for relation, own in said.items() for at, one in enumerate(own)}
        heads = {one.removesuffix("{value}"): where for one, where in known.items()}
        begins = re.compile(r"(?:^|\. )([A-Z]\w+) ([A-Z]\w+) (?:plays the|keeps a tame|wears|speaks|earns) ")
        documents = [str(one) for one in texts]
        pairs = {pair for text in documents for pair in begins.findall(text)}
        first, second = ({pair[at] for pair in pairs} for at in (0, 1))
        self.values: dict[tuple[str, str], str] = {}
        self.last: dict[tuple[str, str], int] = {}
        for text in documents:
            for sentence in text.removesuffix(".").split(". "):
                head, _, value = sentence.rpartition(" ")
                words = head.split(" ")
                at = next((n for n in range(len(words) - 1) if words[n] in first and words[n + 1] in second), -1)
                if at < 0:
                    continue
                name = f"{words[at]} {words[at + 1]}"
                shape = " ".join([*words[:at], "{name}", *words[at + 2 :], ""])
                found = heads.get(shape[:1].lower() + shape[1:])
                if found:
                    self.values[name, found[0]] = value
                    self.last[name, found[0]] = found[1]

    def write_questions(self, folder: Path, most: int) -> int:
        """Write `probes.parquet` and `questions.parquet`: candidate 0 has the value, the others all other values.

        Args:
            folder: a new one.
            most: facts to ask for, spread evenly over those that there are.

        Returns: how many facts are asked for.
        """
        pools = {
            relation: sorted({value for (_, own), value in self.values.items() if own == relation})
            for relation in statements()
        }
        facts = sorted(self.values)
        facts = [facts[at] for at in np.linspace(0, len(facts) - 1, min(most, len(facts))).astype(int)]
        probes, questions = [], []
        for number, (name, relation) in enumerate(facts):
            own = statements()[relation]
            cue = own[(self.last[name, relation] + 1) % len(own)].removesuffix(" {value}").format(name=name)
            value = self.values[name, relation]
            answers = [value, *(one for one in pools[relation] if one != value)]
            unit = f"{number:05d}"
            probes += [
                {"id": f"{unit}-{at}", "unit": unit, "candidate": at, "text": one} for at, one in enumerate(answers)
            ]
            questions.append(
                {"unit": unit, "ask": "background", "slot": 0, "before": cue[:1].upper() + cue[1:], "lead": " ",
                 "weight": 1.0, "answers": answers, "truth": None}
            )  # fmt: skip
        folder.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist(probes), folder / "probes.parquet")
        pq.write_table(pa.Table.from_pylist(questions, schema=QUESTIONS), folder / "questions.parquet")
        return len(facts)


def accuracy(table: pa.Table) -> float:
    """Share of facts whose value is the most probable of all values, of scores of these questions."""
    own = [str(one).endswith("-0") for one in table["id"].to_pylist()]
    return float(np.mean(np.asarray(table["answer_top1"])[np.array(own)]))


def texts_of(shards: Sequence[Path]) -> list[str]:
    """All texts, in order."""
    return [text for shard in shards for text in pq.read_table(shard, columns=["text"])["text"].to_pylist()]
