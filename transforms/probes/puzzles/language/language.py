"""A human language for puzzles: names, roles and templates, read from a data file and checked.

A file `language_TAG.toml` holds all wording. A *template* is text with slots in braces:

- `{name}`, `{role}`, `{no_role}`: a person and that person's role, with its article ("a knight") or the article of
  a negation ("kein Ritter"; where a language has none, as `{role}`), in the person's gender;
- `{other}`, `{other_claim}`: a second person, and what that person said;
- `{is}`, `{other_is}`: a whole clause, "NAME is ROLE", of the first or second person;
- `{claim}`: a statement, its first letter a capital;
- `{truth}`, `{lie}`: the role of those who tell the truth, or lie, with its article; `{truths}`, `{lies}` the plural;
  `{Truths}`, `{Lies}` the same with a capital;
- `{count}`, `{names}`, `{number}`: how many people, all of them, the place of one among them;
- `{a}`, `{b}`: the operands of a statement, `{a:FORM}` in a form of the clause other than the first (word order, as
  German needs it). A conjunction or disjunction of more than two writes all but its last operand at `{a}`, separated
  by `between`.

An operand that is not a plain clause is put into `group`, so that people read every statement the same way.
"""

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parent
TAGS = tuple(sorted(path.stem.removeprefix("language_") for path in _FOLDER.glob("language_*.toml")))
"""The languages there are: 'de', 'en', 'fr'."""

SLOT = re.compile(r"\{(\w+)(?::(\w+))?\}")
_PEOPLE = 100  # the most that a puzzle has
_TAKEN_FOR_A_CONDITION = "if"
"""The reference's evaluation calls an answer wrong that holds these letters anywhere, in a name as well."""

_PERSON = ("name", "role", "no_role", "is")
_ROLES = ("truth", "lie", "truths", "lies", "Truths", "Lies")
_SLOTS: dict[str, tuple[str, ...]] = {
    "quiz.intro": (*_ROLES, "count", "names"),
    "quiz.question": _ROLES,
    "quiz.says": ("name", "claim"),
    "claims.not": ("a",),
    "claims.and": ("a", "b"),
    "claims.or": ("a", "b"),
    "claims.implies": ("a", "b"),
    "claims.iff": ("a", "b"),
    "thought.head": (),
    "thought.take_truth": (*_PERSON, "claim"),
    "thought.take_lie": (*_PERSON, "claim"),
    "thought.clash_truth": ("is", "other", "other_is", "other_claim"),
    "thought.clash_lie": ("is", "other", "other_is", "other_claim"),
    "thought.exhausted": ("name", "truth", "lie"),
    "thought.reconsider": ("name",),
    "thought.success": (),
}
_ONCE = {"quiz.intro": ("names",), "quiz.says": ("name", "claim"), "claims.not": ("a",)} | {
    f"claims.{name}": ("a", "b") for name in ("and", "or", "implies", "iff")
}


@dataclass(frozen=True)
class Role:
    """One role's words; `a` and `no` by gender, in the order of the language's genders; `women` of several women."""

    a: tuple[str, ...]
    no: tuple[str, ...]
    many: str
    women: str


@dataclass(frozen=True)
class RolePair:
    """The role of those who tell the truth and of those who lie; `id` is their names."""

    id: str
    truth: Role
    lie: Role


@dataclass(frozen=True)
class Language:
    """All wording of one language.

    Attributes:
        tag: the code of ISO 639-1.
        genders: grammatical genders of names; the last one is that of persons unknown.
        forms: forms of a clause; the first is that of a main clause.
        common: names and the number of each one's gender.
        uncommon: the same; of each gender there are enough to take the place of the common ones.
        roles: role pairs; the first is that of knights and knaves.
        clauses: a form's templates `is`, `not` and `group`.
        templates: 'quiz.intro' and the like: templates of which one is drawn.
        joints: what separates the parts of a list: 'list', 'sentence' and 'claims', each with `between` and more.
        texts: 'conclusion.marker' and the like: templates of which there is one.
        words: 'links' and the like: words that a reader of answers must know, in lower case.
    """

    tag: str
    genders: tuple[str, ...]
    forms: tuple[str, ...]
    common: tuple[tuple[str, int], ...]
    uncommon: tuple[tuple[str, int], ...]
    roles: tuple[RolePair, ...]
    clauses: Mapping[str, Mapping[str, str]]
    templates: Mapping[str, tuple[str, ...]]
    joints: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, str]
    words: Mapping[str, tuple[str, ...]]

    def pair(self, roles: str) -> int:
        """The number of the role pair of that id.

        Raises:
            ValueError: if there is none.
        """
        for number, pair in enumerate(self.roles):
            if pair.id == roles:
                return number
        raise ValueError(
            f"no roles {roles!r} in language {self.tag!r}; it has {', '.join(one.id for one in self.roles)}"
        )


@functools.cache
def load(tag: str) -> Language:
    """The language of that tag.

    Raises:
        ValueError: for a tag that is none of `TAGS`.
    """
    if tag not in TAGS:
        raise ValueError(f"no language {tag!r}: choose from {', '.join(TAGS)}")
    return parse(tag, (_FOLDER / f"language_{tag}.toml").read_text("utf-8"))


def parse(tag: str, text: str) -> Language:
    """A language from the text of its file.

    Raises:
        ValueError: for names that are doubled or too few, words that hold "if", an unknown or missing slot, a list
            without entries.
        KeyError: for a missing key.
    """
    data = tomllib.loads(text)
    genders, forms = tuple(data["genders"]), tuple(data["forms"])
    templates = {family: tuple(_at(data, family)) for family in _SLOTS}
    language = Language(
        tag,
        genders,
        forms,
        _names(data["names"]["common"], genders),
        _names(data["names"]["uncommon"], genders),
        tuple(RolePair(one["id"], _role(one["truth"], genders), _role(one["lie"], genders)) for one in data["roles"]),
        {form: data["clauses"][form] for form in forms},
        templates,
        {name: data[name] for name in ("list", "sentence")} | {"claims": {"between": data["claims"]["between"]}},
        {f"{part}.{key}": text for part in ("conclusion", "prompt") for key, text in data[part].items()},
        {key: tuple(value) for key, value in data["answers"].items()},
    )
    _check_names(language)
    _check_letters(language)
    _check_templates(language)
    return language


def _at(data: Mapping[str, Any], family: str) -> Sequence[str]:
    table, key = family.split(".")
    found: Sequence[str] = data[table][key]
    return found


def _names(lists: Mapping[str, str], genders: Sequence[str]) -> tuple[tuple[str, int], ...]:
    return tuple((name, number) for number, gender in enumerate(genders) for name in lists[gender].split())


def _role(data: Mapping[str, Any], genders: Sequence[str]) -> Role:
    a = tuple(data["a"][gender] for gender in genders)
    no = tuple(data["no"][gender] for gender in genders) if "no" in data else a
    return Role(a, no, data["many"], data.get("women", data["many"]))


def _check_names(language: Language) -> None:
    names = [name for name, _ in language.common + language.uncommon]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise ValueError(f"language {language.tag!r}: the name {doubled[0]!r} stands there twice")
    if min(len(language.common), len(language.uncommon)) < _PEOPLE:
        raise ValueError(f"language {language.tag!r}: a list of names needs {_PEOPLE} or more, for as many people")
    for number, gender in enumerate(language.genders):
        common, uncommon = (sum(of == number for _, of in names) for names in (language.common, language.uncommon))
        if uncommon < min(common, _PEOPLE):
            raise ValueError(
                f"language {language.tag!r}: {uncommon} uncommon names of gender {gender!r} cannot replace {common}"
            )


def _check_letters(language: Language) -> None:
    """Refuse words of a conclusion that the reference's evaluation would take for something else."""
    roles = [form for pair in language.roles for role in (pair.truth, pair.lie) for form in (*role.a, *role.no)]
    clauses = [form["is"] for form in language.clauses.values()]
    for text in (*(name for name, _ in language.common + language.uncommon), *roles, *clauses):
        if _TAKEN_FOR_A_CONDITION in text:
            raise ValueError(
                f"language {language.tag!r}: {text!r} holds the letters {_TAKEN_FOR_A_CONDITION!r}, for which the "
                "reference's evaluation calls a right answer wrong: take another word"
            )


def _check_templates(language: Language) -> None:
    for family, texts in language.templates.items():
        if not texts or len(set(texts)) < len(texts):
            raise ValueError(f"language {language.tag!r}: {family} is empty or holds a template twice")
        for text in texts:
            found = [slot for slot, _ in SLOT.findall(text)]
            unknown = set(found) - set(_SLOTS[family])
            if unknown or SLOT.sub("", text).count("{"):
                raise ValueError(
                    f"language {language.tag!r}: {text!r} may hold {', '.join(_SLOTS[family]) or 'no slot'}"
                )
            if any(found.count(slot) != 1 for slot in _ONCE.get(family, ())):
                raise ValueError(f"language {language.tag!r}: {text!r} needs {', '.join(_ONCE[family])}, each once")
