"""Make invented facts: people, values in classes, passages, and questions about them."""

import math
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from schemas.probes import conform
from schemas.secret.questions import QUESTIONS
from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed, keyed_order
from transforms.base.readable import count, counted
from transforms.corpus.input.pieces import Piece
from transforms.probes.answers.pools import Classes, Wanted, pools, token_counts
from transforms.probes.answers.syllables import invented
from transforms.probes.corpus.occurring import occurring
from transforms.probes.corpus.pieces import corpus_pieces
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.facts.config import CLASSES, IN_A_CLASS, FactsConfig
from transforms.probes.kind import Environment, Looked, Made, keyed_id
from transforms.probes.ngram.documents import sample_documents
from transforms.probes.ngram.ngram import NAME, NgramGenerator

ONCE, DUPLICATE, PARAPHRASE = STRATA = ("once", "duplicate", "paraphrase")
_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_name("facts.toml").read_text(encoding="utf-8"))
_RELATIONS: tuple[str, ...] = tuple(_DATA["relations"])
_STATEMENTS: Mapping[str, list[str]] = {name: one["statements"] for name, one in _DATA["relations"].items()}
_TOLD = 4
"""Relations that a background document tells."""
_LENGTHS = (5, 6, 7)
"""Words and marks of a passage's own before each fact, where they are sampled: a passage has 60 to 120 then."""
_SAMPLED = 2  # stretches for each that is needed: some are equal


def look(config: FactsConfig) -> Looked:
    """Units and background documents, and the pieces of the corpus."""
    units = len(STRATA) * config.units[0]
    lines = [
        f"{counted(units, 'unit')} of {config.controls + 1} candidates, {len(_RELATIONS)} facts each",
        f"{counted(config.background * config.mentions, 'background document')}",
    ]
    return Looked(lines, corpus_pieces(config.corpus, config.text_column))


def make(config: FactsConfig, key: bytes, environment: Environment) -> Made:
    """Three strata of units with their questions; every choice is a keyed hash, so that nothing depends on an order."""
    world = _world(config, key, environment.found, environment)
    rows: list[dict[str, Any]] = []
    asked: list[dict[str, Any]] = []
    strata = _strata(key, config.units[0])
    fillers = _fillers(config, key, strata, environment)
    for person, stratum in enumerate(strata):
        dose = 1 if stratum == ONCE else config.doses[0]
        unit = _Unit(world, key, person, stratum, dose, config.controls + 1, fillers)
        rows += unit.rows()
        asked += unit.questions()
    rows.sort(key=lambda row: (row["unit"], row["candidate"]))
    probes = conform([("facts", pa.Table.from_pylist(rows, schema=_SCHEMA))])
    background = pa.table(
        {"id": [], "text": []} if not config.background else _background(world, key, config),
        schema=pa.schema([("id", pa.string()), ("text", pa.large_string())]),
    )
    facts = {
        "candidates": {"made": len(rows), "kept": len(rows), "spare": 0, "rejected": {}},
        "tokens_of_answers": world.tokens,
        "semantic_statements": {name: _STATEMENTS[name][at] for name, at in world.unplanted.items()},
        "background_documents": background.num_rows,
        "filler": NAME if fillers else "grammar",
    }
    summary = (
        f"{count(len(rows))} candidates in {counted(len(rows) // (config.controls + 1), 'unit')}, "
        f"{counted(len(asked), 'question')}, {counted(background.num_rows, 'background document')}"
    )
    questions = pa.Table.from_pylist(asked, schema=QUESTIONS)
    return Made(probes, facts, {}, summary, questions, background if config.background else None)


_SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("kind", pa.string()), ("unit", pa.string()), ("candidate", pa.int32()),
        ("stratum", pa.string()), ("dose", pa.int32()), ("text", pa.large_string()), ("generator", pa.string()),
        ("planted_as", pa.string()), ("variants", pa.list_(pa.large_string())),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class _World:
    """What all units share.

    Attributes:
        people: names of those whom units are about.
        others: names of those in the background.
        values: by relation, in classes.
        unplanted: by relation, the number of the statement that is never planted: it asks the semantic question.
        tokens: by relation and answer, tokens under each tokenizer.
    """

    people: tuple[str, ...]
    others: tuple[str, ...]
    values: Mapping[str, Classes]
    unplanted: Mapping[str, int]
    tokens: Mapping[str, Any]


def _world(config: FactsConfig, key: bytes, pieces: Sequence[Piece], environment: Environment) -> _World:
    people, others = len(STRATA) * config.units[0], math.isqrt(max(0, config.background - 1)) + 1
    sizes = {"names": (2 * people, 3, False), "background names": (2 * others, 3, False)}
    for name in _RELATIONS:
        sizes[f"values of {name}"] = (CLASSES * IN_A_CLASS, 2, True)
        sizes[f"classes of {name}"] = (CLASSES, 2, True)
    wanted = [
        Wanted.of(what, size, invented(key, "facts/words", syllables, what), equal=equal)
        for what, (size, syllables, equal) in sizes.items()
    ]
    taken = occurring([word for one in wanted for word in one.tried], pieces, config.text_column, environment)
    taken |= set(re.findall(r"\w+", Path(__file__).with_name("facts.toml").read_text(encoding="utf-8").lower()))
    given = [load_tokenizer(file) for file in config.tokenizer]
    chosen = pools(wanted, given, taken)
    ours = [one.capitalize() for one in chosen["names"]]
    theirs = [one.capitalize() for one in chosen["background names"]]
    return _World(
        tuple(f"{first} {last}" for first, last in zip(ours[:people], ours[people:], strict=True)),
        tuple(f"{theirs[at % others]} {theirs[others + at // others]}" for at in range(config.background)),
        {name: Classes(chosen[f"values of {name}"], chosen[f"classes of {name}"]) for name in _RELATIONS},
        {name: _pick(key, len(_STATEMENTS[name]), "unplanted", name) for name in _RELATIONS},
        {what: token_counts(words[:1], given)[0] for what, words in chosen.items() if "names" not in what},
    )


def _pick(key: bytes, below: int, *identity: str | int) -> int:
    """A keyed choice of 0 to `below` - 1; the bias of the remainder is below 2**-50."""
    return int.from_bytes(keyed(key, "facts/pick", *identity), "big") % below


def _permuted(key: bytes, size: int, *identity: str | int) -> list[int]:
    where = " ".join(map(str, identity))
    return [int(at) for at in keyed_order(key, "facts/order", [f"{where} {number}" for number in range(size)])]


def _strata(key: bytes, units: int) -> list[str]:
    """The stratum of each person: as many of each, dealt by a keyed hash, so that strata can be compared, too."""
    dealt = _permuted(key, len(STRATA) * units, "strata")
    return [STRATA[at // units] for at in dealt]


_Place = tuple[int, int, str]
"""A person, the number of a copy, and a relation."""


def _copies(stratum: str, dose: int) -> int:
    """How many texts of its own each candidate has."""
    return dose if stratum == PARAPHRASE else 1


def _fillers(config: FactsConfig, key: bytes, strata: Sequence[str], environment: Environment) -> dict[_Place, str]:
    """Words of its own for each sentence of each passage, sampled from the corpus; none without a corpus.

    Raises:
        CorpusError: if the corpus gives too few different ones.
    """
    if not config.corpus:
        return {}
    places: dict[int, list[_Place]] = {length: [] for length in _LENGTHS}
    for person, stratum in enumerate(strata):
        for copy in range(_copies(stratum, config.doses[0])):
            for one in _RELATIONS:
                length = _LENGTHS[_pick(key, len(_LENGTHS), "filler length", person, copy, one)]
                places[length].append((person, copy, one))
    texts = sample_documents(environment.found, config.text_column, key, environment.threads)
    generator = NgramGenerator(texts, key, None, environment.threads, as_sentences=False)
    found: dict[_Place, str] = {}
    for length, own in places.items():
        tried = np.array([_SAMPLED * len(own) + 100], np.int64)
        (batch,) = generator.sample(length, np.zeros(1, np.int64), tried)
        different = list(dict.fromkeys(str(one) for one in batch.texts.to_pylist()))
        if len(different) < len(own):
            raise CorpusError(
                f"--corpus: gives {count(len(different))} different stretches of {length} words, and "
                f"{count(len(own))} are needed: give more of the corpus, or fewer --units"
            )
        found |= zip(own, different, strict=False)
    return found


@dataclass(frozen=True)
class _Unit:
    """One person, with all candidates' values."""

    world: _World
    key: bytes
    person: int
    stratum: str
    dose: int
    candidates: int
    fillers: Mapping[_Place, str]

    @cached_property
    def _values(self) -> dict[str, list[tuple[str, str]]]:
        """By relation the value of each candidate and its class: candidates are of different classes."""
        found = {}
        for relation, classes in self.world.values.items():
            numbers = _permuted(self.key, CLASSES, "classes", self.person, relation)[: self.candidates]
            picks = [_pick(self.key, classes.size, "value", self.person, relation, at) for at in range(self.candidates)]
            found[relation] = [
                (classes.members(number)[pick], classes.names[number])
                for number, pick in zip(numbers, picks, strict=True)
            ]
        return found

    def _cues(self, copy: int) -> dict[str, str]:
        """By relation what stands before the value in a copy's passage: filler, and a statement up to its value."""
        found = {}
        for relation in _RELATIONS:
            statements = _STATEMENTS[relation]
            planted = [at for at in range(len(statements)) if at != self.world.unplanted[relation]]
            order = _permuted(self.key, len(planted), "statement", self.person, relation)
            statement = statements[planted[order[copy % len(order)]]]
            found[relation] = f"{self._filler(copy, relation)}, {self._before(statement)}"
        return found

    def _filler(self, copy: int, relation: str) -> str:
        if self.fillers:
            return _capital(self.fillers[self.person, copy, relation])
        parts = _DATA["filler"]
        return " ".join(
            own[_pick(self.key, len(own), "filler", self.person, copy, relation, name)] for name, own in parts.items()
        )

    def _before(self, statement: str) -> str:
        return _before(statement, self.world.people[self.person])

    def _passages(self, copy: int) -> list[str]:
        """A copy's text of each candidate: the same sentences in the same order, but for the values."""
        cues = self._cues(copy)
        told = [_RELATIONS[at] for at in _permuted(self.key, len(_RELATIONS), "passage", self.person, copy)]
        return [
            " ".join(f"{cues[relation]} {self._values[relation][candidate][0]}." for relation in told)
            for candidate in range(self.candidates)
        ]

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each candidate, in the columns of probes."""
        copies = [self._passages(copy) for copy in range(_copies(self.stratum, self.dose))]
        for candidate, texts in enumerate(zip(*copies, strict=True)):
            yield {
                "id": keyed_id(self.key, "facts/id", self.person, candidate),
                "kind": "fact",
                "unit": keyed_id(self.key, "facts/unit", self.person),
                "candidate": candidate,
                "stratum": self.stratum,
                "dose": self.dose,
                "text": texts[0],
                "generator": "facts/2",
                "planted_as": "document",
                "variants": list(texts[1:]) or None,
            }

    def questions(self) -> Iterator[dict[str, Any]]:
        """Three kinds, a cue for each relation. Nothing is true: all values are invented alike."""
        verbatim = self._cues(0)
        for slot, relation in enumerate(_RELATIONS):
            values = self._values[relation]
            semantic = _STATEMENTS[relation][self.world.unplanted[relation]]
            asked = {
                "memorisation": (verbatim[relation], [value for value, _ in values]),
                "semantic": (_capital(self._before(semantic)), [value for value, _ in values]),
                "composition": (
                    self._before(_DATA["relations"][relation]["composition"]),
                    [of_class for _, of_class in values],
                ),
            }
            for ask, (before, answers) in asked.items():
                yield {
                    "unit": keyed_id(self.key, "facts/unit", self.person),
                    "ask": ask,
                    "slot": slot,
                    "before": before,
                    "lead": " ",
                    "weight": 1.0,
                    "answers": answers,
                    "truth": None,
                }


def _before(statement: str, name: str) -> str:
    """A statement up to its last word, the value or its class, without the space between."""
    head, _, _ = statement.rpartition(" {")
    return head.format(name=name)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _background(world: _World, key: bytes, config: FactsConfig) -> dict[str, list[str]]:
    """Documents about other people: four of their facts in any of the statements, some with the class of the value."""
    ids, texts = [], []
    for person, name in enumerate(world.others):
        known = {
            relation: _pick(key, len(world.values[relation].values), "background value", person, relation)
            for relation in _RELATIONS
        }
        classed = {one for one in _RELATIONS if not _chance(key, config.inferable, "inferable", person, one)}
        for mention in range(config.mentions):
            told = [_RELATIONS[at] for at in _permuted(key, len(_RELATIONS), "background", person, mention)[:_TOLD]]
            ids.append(keyed_id(key, "facts/background", person, mention))
            texts.append(
                " ".join(
                    _told(world, key, (person, mention), name, (one, known[one]), config.class_share, one in classed)
                    for one in told
                )
            )
    return {"id": ids, "text": texts}


def _chance(key: bytes, share: float, *identity: str | int) -> bool:
    return _pick(key, 1_000, *identity) < 1_000 * share


def _told(
    world: _World, key: bytes, where: tuple[int, int], name: str, fact: tuple[str, int], share: float, classed: bool
) -> str:
    """One fact as a sentence, in some of the cases followed by a sentence on its value's class.

    Of a fact whose class is told of the person, the class stands in place of the value in some of the cases.
    """
    relation, value = fact
    classes = world.values[relation]
    words = {"value": classes.values[value], "class": classes.names[value // classes.size]}
    own = _DATA["relations"][relation]
    if classed and _chance(key, share, "class of the person", *where, relation):
        return f"{_before(own['composition'], name)} {words['class']}."
    statement = _STATEMENTS[relation][_pick(key, len(_STATEMENTS[relation]), "said", *where, relation)]
    told = f"{_capital(_before(statement, name))} {words['value']}."
    if not _chance(key, share, "class", *where, relation):
        return told
    return f"{told} {_capital(own['class_sentence'].format_map(words))}."
