"""A small slow grammar of replies: each sentence comes with what it says of whom, by how it was made."""

from dataclasses import dataclass

from hypothesis import strategies as st

from transforms.probes.puzzles.language.language import Language

Said = frozenset[tuple[int, bool]]
NOTHING: Said = frozenset()

# A clause about one person: {n} name, {r} the role with its article, {no} the other role after a negation, {b} and {B}
# the role and the other one alone.
_CLAUSES = {
    "en": ("{n} is {r}", "{n} is not {other}", "{n}: {b}", "{n} must be {r}", "{n} cannot be {other}", "{n} = {b}",
           "{n} is therefore {r}", "{n} ({b})", "{n}'s role is {b}", "{n} -> {b}"),
    "de": ("{n} ist {r}", "{n} ist {no}", "{n}: {b}", "{n} muss {r} sein", "{n} kann {no} sein", "{n} ist also {r}"),
    "fr": ("{n} est {r}", "{n} n'est pas {other}", "{n} : {b}", "{n} doit être {r}", "{n} ne peut pas être {other}"),
}  # fmt: skip
_SPEECH = {
    "en": (("{n} tells the truth", "{n} never lies", "{n} is truthful"), ("{n} lies", "{n} is lying", "{n} is a liar")),
    "de": (("{n} sagt die Wahrheit", "{n} lügt nicht"), ("{n} lügt", "{n} sagt nie die Wahrheit")),
    "fr": (("{n} dit la vérité", "{n} ne ment pas"), ("{n} ment", "{n} ne dit jamais la vérité")),
}
# A list of several people, all of one role: {ns} names, {many} the plural, {other_a} the other role.
_LISTS = {
    "en": ("{ns} are {many}", "{ns} are all {many}", "the {many} are {ns}", "{many}: {ns}", "none of {ns} is {other}"),
    "de": ("{ns} sind {many}", "{ns} sind alle {many}", "die {many} sind {ns}", "{many}: {ns}",
           "keiner von {ns} ist {other}"),
    "fr": ("{ns} sont des {many}", "les {many} sont {ns}", "{many} : {ns}", "aucun de {ns} n'est {other}"),
}  # fmt: skip
# What asserts nothing, around clauses {c} and {d}, whatever these are.
_EMPTY = {
    "en": ("if {c}, {d}", "{c} if {d}", "{c} or {d}", "either {c}, or {d}", "perhaps {c}, and {d}", "suppose {c}, {d}",
           "{n} says that {c}", "{n} claims: {c}", "{c} if and only if {d}", "{c}, {d}?", "it cannot be that {c}, {d}",
           "{c} leads to a contradiction", "that {c} is impossible", "I doubt that {c}", "nobody thinks {c}",
           "{c} implies {d}", "whenever {c}, {d}", "{c} unless {d}", "according to {n}, {c}", "it would be odd: {c}",
           "at least one of these is true: {c}, {d}", "not both: {c}, {d}", "{n}: {c}", "{c} => {d}"),
    "de": ("wenn {c}, dann {d}", "{c}, falls {d}", "{c} oder {d}", "entweder {c}, oder {d}", "vielleicht {c}, und {d}",
           "angenommen, {c}, {d}", "{n} sagt, {c}", "{n} behauptet: {c}", "{c}, {d}?",
           "es kann nicht sein, dass {c}, {d}",
           "{c} führt zu einem Widerspruch", "dass {c}, ist unmöglich", "ich bezweifle, dass {c}", "{c}, sofern {d}",
           "laut {n} {c}", "mindestens eines davon stimmt: {c}, {d}", "{n}: {c}", "{c} => {d}"),
    "fr": ("si {c}, alors {d}", "{c} si {d}", "{c} ou {d}", "soit {c}, soit {d}", "peut-être {c}, et {d}",
           "supposons : {c}, {d}", "{n} dit que {c}", "{n} prétend : {c}", "{c}, {d} ?",
           "il est impossible que {c}, {d}",
           "{c} mène à une contradiction", "je doute que {c}", "selon {n}, {c}", "{c}, sauf si {d}", "{n} : {c}",
           "au moins une de ces choses est vraie : {c}, {d}", "{c} => {d}"),
}  # fmt: skip
_AND = {"en": " and ", "de": " und ", "fr": " et "}
_OR = {"en": " or ", "de": " oder ", "fr": " ou "}
_DRESS = (
    "{}", "- {}", "* {}", "> {}", "**{}**", "(1) {}", "2. {}", "<li>{}</li>", "<p>{}</p>", "`{}`", "*{}*", "<b>{}</b>",
    "| {} |",
    "### {}", "$\\text{{{}}}$", "<div class='x'>{}</div>", "\u2022 {}", "_{}_",
)  # fmt: skip
_ENDS = (".", "", "!", " ", ";", "<br>", "\n\n")


@dataclass(frozen=True)
class Made:
    """A text, and what it says of whom."""

    text: str
    said: Said


@st.composite
def clause(draw: st.DrawFn, language: Language, pair: int, names: list[str], flipped: bool) -> Made:
    """One person has one role."""
    person, truthful = draw(st.integers(0, len(names) - 1)), draw(st.booleans())
    if draw(st.integers(0, 3)) == 0:
        speech = draw(st.sampled_from(_SPEECH[language.tag][not truthful]))
        return Made(speech.format(n=names[person]), frozenset({(person, truthful)}))
    roles = language.roles[pair]
    role, other = (roles.truth, roles.lie) if truthful != flipped else (roles.lie, roles.truth)
    gender = draw(st.integers(0, len(language.genders) - 1))
    text = draw(st.sampled_from(_CLAUSES[language.tag])).format(
        n=names[person], r=role.a[gender], other=other.a[gender], no=other.no[gender], b=role.a[gender].split()[-1]
    )
    return Made(text, frozenset({(person, truthful)}))


@st.composite
def listed(draw: st.DrawFn, language: Language, pair: int, names: list[str], flipped: bool) -> Made:
    """Several people have one role; joined by "or" they have none."""
    people = draw(st.permutations(range(len(names))))[: draw(st.integers(2, len(names)))]
    truthful, disjunction = draw(st.booleans()), draw(st.integers(0, 4)) == 0
    roles = language.roles[pair]
    role, other = (roles.truth, roles.lie) if truthful != flipped else (roles.lie, roles.truth)
    last = (_OR if disjunction else _AND)[language.tag]
    joined = ", ".join(names[person] for person in people[:-1]) + last + names[people[-1]]
    text = draw(st.sampled_from(_LISTS[language.tag])).format(ns=joined, many=role.many, other=other.a[-1])
    return Made(text, NOTHING if disjunction else frozenset((person, truthful) for person in people))


@st.composite
def sentence(draw: st.DrawFn, language: Language, pair: int, names: list[str], flipped: bool) -> Made:
    """A clause, a list, two clauses, or a sentence that asserts nothing."""
    one, other = (draw(clause(language, pair, names, flipped)) for _ in range(2))
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return one
    if kind == 1:
        return draw(listed(language, pair, names, flipped))
    if kind == 2:
        return Made(f"{one.text}, {other.text}", one.said | other.said)
    empty = draw(st.sampled_from(_EMPTY[language.tag]))
    return Made(empty.format(c=one.text, d=other.text, n=draw(st.sampled_from(names))), NOTHING)


@st.composite
def reply(draw: st.DrawFn, language: Language, pair: int, names: list[str], flipped: bool) -> Made:
    """Sentences in any dress, each on a line of its own or behind the one before it."""
    parts = draw(st.lists(sentence(language, pair, names, flipped), min_size=1, max_size=6))
    text, said = language.texts["conclusion.marker"] + "\n", NOTHING
    for part in parts:
        words = draw(st.sampled_from([str, str, str.upper]))(part.text)
        text += draw(st.sampled_from(_DRESS)).format(words) + draw(st.sampled_from(_ENDS)) + "\n"
        said |= part.said
    return Made(text, said)
