"""What one sentence asserts: it must have one of few forms, or nothing is read from it.

The words of a sentence are turned into letters (`vocabulary`), and the forms are patterns over these. Whatever has no
such form asserts nothing; so does a sentence with a word that takes an assertion back, wherever it stands.
"""

import itertools
import re
from collections.abc import Container, Sequence
from dataclasses import dataclass, field

from transforms.probes.puzzles.replies.vocabulary import Token, Vocabulary

_NAMES = r"N(?:(?:c|a|ca)N)*"
_ROLE = r"t?(?P<non>n?)(?P<unknown>u?)(?P<role>[RrA])"
_NO = r"(?P<no>n*)"
_SEPARATORS = re.compile(r"[cak()]*")
_VERB = r"(?P<particle>f?)(?P<verb>[mCij]?)"
_MARK = r"(?P<mark>k+|[wW]|\(|q)(?:sk)?(?P<verb>)[ij]?"
_LIST_ENDS = r"(?=[cak)]*(?:$|t?[Rr](?:[ij]|k)|y|[c(]u))"


def _form(name: str, *parts: str) -> tuple[str, re.Pattern[str]]:
    return name, re.compile("".join(parts))


_FORMS = (
    # "The knights are Ann and Carl", "Knights: Ann, Carl"
    _form("listed", r"t?(?P<role>[Rr])(?:[ij]k*|k+)", rf"(?P<people>{_NAMES})", _LIST_ENDS),
    # {"name": "Ann", "role": "knight"}
    _form("is", rf"sk(?P<people>N)[ck]+sk{_NO}{_ROLE}(?P<verb>)(?P<after>)"),
    # "Neither Ann nor Bob is a knight"
    _form("none", r"e(?P<people>N(?:[oOec]+N)+)f?[ijb]?t?(?P<role>[RrAVU])[ij]?"),
    # "None of Ann, Bob and Carl is a knave"
    _form("none", rf"z(?P<people>{_NAMES})f?[ij]?t?(?P<role>[RrAVU])[ij]?"),
    # "Ann is neither a knight nor a knave"
    _form("neither role", r"(?P<people>N)f?[ij]et?(?P<role>[RA])[oOec]+t?(?P<other>[RA])"),
    # "It is impossible that Bob is a knight"
    _form("denied", rf"d(?P<people>N)f?(?P<verb>[ijO]?)b?{_NO}{_ROLE}(?P<after>[ij]?)"),
    _form("denied", rf"d(?P<people>N)f?(?P<verb>){_NO}(?P<unknown>)(?P<role>[VU])(?P<after>)"),
    # "Ann is not a knight", "Anna muss eine Ritterin sein", "dass Anna eine Ritterin ist"
    _form("is", rf"(?P<people>{_NAMES})c{{0,2}}{_VERB}(?P<no>n*b?n*){_ROLE}(?P<after>[bij]?)"),
    # "Ann: knight", "Ann (knight)", "Ann -> knight"
    _form("is", rf"(?P<people>{_NAMES}){_MARK}{_NO}t?(?P<unknown>u?)(?P<role>[RrAVU])(?P<after>)\)?"),
    # "Ann never lies", "Ann and Bob tell the truth"
    _form("is", rf"(?P<people>{_NAMES}){_VERB}(?P<unknown>)(?P<no>n*)(?P<role>[VU])(?P<after>n?)"),
    # "Ann's role is knight", "Ann's a knight"
    _form("is", rf"(?P<people>P)s[ik]k*{_NO}{_ROLE}(?P<verb>)(?P<after>)"),
    _form("is", rf"(?P<people>P){_NO}(?:(?=t)|(?=A)){_ROLE}(?P<verb>)(?P<after>)"),
)
_INVERTED = re.compile(rf"(?P<verb>[ij])(?P<people>{_NAMES}){_NO}{_ROLE}(?P<after>)")
_AGAIN = re.compile(rf"[cak(]+{_NO}{_ROLE}\)?(?![ijk])")
_PREFIX = re.compile(r"[^NPRrAVUzde]*k")
_ONLY_NAMES = re.compile(rf"(?:sk)?(?P<people>{_NAMES})[kc]*")
_ONLY_ROLE = re.compile(r"(?:s?k+)?t?(?P<role>[RA])[kc]*")
_HEADING = re.compile(r"t?(?P<role>[Rr])(?:[ij]?k+|[ij])?c?")
_TAKES_BACK = re.compile(r"[XSMpFO]")
_LONGEST_REFUTATION = 8


@dataclass
class Reading:
    """What a sentence says.

    Attributes:
        said: (person, does that person tell the truth) for each assertion.
        names: the people, where a line has nothing but names.
        role: the side of a line that has nothing but one role.
        heading: the side of a line that introduces people by their role.
        supposes: whether it sets out an assumption for what follows.
        conditional: whether it says what would follow from something.
        goes_on: whether it begins with a word that goes on from an assumption in the sentence before ("so").
        goes_on_if: whether it begins with one that goes on from any supposition ("then").
        refutes: whether it takes back what was said before it.
        doubts: whether it introduces what is not asserted ("The following is wrong:").
        empty: whether it has no words.
    """

    said: list[tuple[int, bool]] = field(default_factory=list)
    names: list[int] = field(default_factory=list)
    role: bool | None = None
    heading: bool | None = None
    supposes: bool = False
    conditional: bool = False
    goes_on: bool = False
    goes_on_if: bool = False
    refutes: bool = False
    doubts: bool = False
    empty: bool = False


def read_sentence(sentence: str, words: Vocabulary, person_of: dict[str, int], flipped: bool) -> Reading:
    """Read one sentence or line.

    Args:
        sentence: folded and plain.
        words: the language's.
        person_of: the number of each name, folded.
        flipped: whether the role that usually lies tells the truth.
    """
    every = list(words.tokens(sentence, person_of)) if sentence.strip() else []
    tokens = [token for token in every if token[0] != "h"]
    kinds = "".join(kind for kind, _, _ in tokens)
    found = Reading(empty=not every)
    if not every:
        return found
    found.supposes, found.conditional = "M" in kinds, "S" in kinds
    found.goes_on, found.goes_on_if = every[0][1] in words.then, every[0][1] == words.just_then
    found.refutes = _refutes(every, words)
    found.doubts = _introduces_doubt(every, words)
    if found.doubts:
        return found
    parser = _Parser(tokens, kinds, person_of, words.sides, words.plurals, flipped)
    if words.inverts:
        parser.let_verbs_come_first(_behind_adverbs(every))
    reason = _reason(tokens, kinds)
    backs = set(_TAKES_BACK.findall(kinds[:reason]))
    if every[0][1] in words.those:  # "That Ann is a knight, since she ..., is impossible"
        backs |= set(kinds) & {"F"}
    negated = bool(re.search("[nezdq]", kinds))
    together = any(text in words.together for _, text, _ in every)
    if together and negated and not _is_harmless(kinds):
        return found
    if backs <= {"O"} and not re.search(r"N[k]+N", kinds):
        said = parser.parse("O" in backs)
        found.said = _contradictions(said) if "O" in backs and not re.match("[akc]*[ed]", kinds) else said
        parser.lines(found)
    return found


def _behind_adverbs(tokens: Sequence[Token]) -> set[int]:
    """The places of tokens that follow an adverb, when adverbs are left out."""
    places: set[int] = set()
    place = 0
    for before, token in itertools.pairwise([("", "", None), *tokens]):
        if token[0] != "h":
            if before[0] == "h":
                places.add(place)
            place += 1
    return places


def _reason(tokens: Sequence[Token], kinds: str) -> int:
    """Where a reason for what was asserted begins: behind "because", or in a further cell of a table; else the end."""
    places = [kinds.index("y")] if "y" in kinds else []
    for place in range(1, len(tokens)):
        is_cell = tokens[place][1] == "|" and kinds[place - 1] in "RrA"
        if is_cell and not re.search("[NPRrAVUF]", kinds[place:]):
            places.append(place)
    return min(places, default=len(kinds))


def _is_harmless(kinds: str) -> bool:
    """Whether a negation goes with a word such as "both" or "only" without a doubt of what is denied: a contrast."""
    return re.search(r"[RrA][ca(]+n+t?[RrA]\)?$", kinds) is not None and kinds.count("n") == 1


def _refutes(tokens: Sequence[Token], words: Vocabulary) -> bool:
    """Whether a sentence without a name says "that is wrong", "no" or the like."""
    kinds = "".join(kind for kind, _, _ in tokens)
    texts = [text for kind, text, _ in tokens if kind not in "ck()"]
    if re.search("[NPRrSM]", kinds) or not texts or len(texts) > _LONGEST_REFUTATION:
        return False
    negated = "n" in kinds or "f" in kinds
    denies = ("F" in kinds and not negated and "X" not in kinds) or (
        negated and (any(text in words.confirmations for text in texts) or set(kinds) <= set("nhck"))
    )
    leading = [text for kind, text, _ in tokens if kind not in "aucyn" or text in words.those]
    return denies and (len(texts) <= 2 or (bool(leading) and leading[0] in words.those))


def _introduces_doubt(tokens: Sequence[Token], words: Vocabulary) -> bool:
    """Whether words before a colon and before any name say that what follows is not asserted."""
    kinds = "".join(kind for kind, _, _ in tokens)
    prefix = _PREFIX.match(kinds)
    if prefix is None:
        return False
    denied = "n" in prefix[0] and any(text in words.confirmations for _, text, _ in tokens[: prefix.end()])
    doubtful = any(kind in "FXSMp" and text[0].isalpha() for kind, text, _ in tokens[: prefix.end()])
    return denied or doubtful


def _contradictions(said: list[tuple[int, bool]]) -> list[tuple[int, bool]]:
    """Of alternatives only those that give one person both roles."""
    both = {person for person, value in said if (person, not value) in said}
    return [one for one in said if one[0] in both]


class _Parser:
    """The forms of a sentence, one after another."""

    def __init__(
        self,
        tokens: list[Token],
        kinds: str,
        person_of: dict[str, int],
        roles: Container[str],
        plurals: Container[str],
        flipped: bool,
    ) -> None:
        self._tokens, self._kinds = tokens, kinds
        self._roles, self._plurals = roles, plurals
        self._person_of, self._flipped = person_of, flipped
        self._inverted: Container[int] = ()

    def let_verbs_come_first(self, places: Container[int]) -> None:
        """Allow "also ist Anna eine Ritterin" where the verb is at one of these places."""
        self._inverted = places

    def parse(self, alternatives: bool) -> list[tuple[int, bool]]:
        """The assertions up to the first thing that has no known form."""
        kinds = self._kinds
        if alternatives and "e" not in kinds and "d" not in kinds:
            kinds = kinds.replace("O", "c")
        said: list[tuple[int, bool]] = []
        people: list[int] = []
        at = len(re.match("[ackw)]*", kinds)[0])  # type: ignore[index]
        if self._form(kinds, at) is None:
            prefix = _PREFIX.match(kinds, at)
            at = prefix.end() if prefix else at
        while at < len(kinds):
            form = self._form(kinds, at)
            if form is None:
                if not people or not (again := _AGAIN.match(kinds, at)):
                    left = kinds[at:].lstrip("cak()")
                    return [] if left.startswith(("w", "W")) or re.fullmatch("n+", left) else said
                new = self._given("is", again, people)
                if len(people) > 1 and not again["no"]:
                    return []  # "Ann and Bob are knight and knave": it is not said that each is both
                end = again.end()
            else:
                name, match = form
                people = [self._person(place) for place in range(match.start("people"), match.end("people"))
                          if kinds[place] in "NP"]  # fmt: skip
                new, end = self._given(name, match, people), match.end()
                if name in ("neither role", "none"):
                    people = []
                if name == "denied" and re.search("[NPRrAVU]", kinds[end:]):
                    return []
            rest = kinds[end:]
            if rest and rest[0] not in "cak()y":
                return [] if rest[0] in "wW" else said
            said += new
            if rest.startswith("y"):
                return said
            at = end
            if _AGAIN.match(kinds, at) and self._form(kinds, at + len(_SEPARATORS.match(rest)[0])) is None:  # type: ignore[index]
                continue
            at += len(_SEPARATORS.match(rest)[0])  # type: ignore[index]
        return said

    def lines(self, found: Reading) -> None:
        """What a line that is no sentence contributes: names, a role, or a heading."""
        kinds = self._kinds.lstrip("ck")
        shift = len(self._kinds) - len(kinds)
        if match := _ONLY_NAMES.fullmatch(kinds):
            found.names = [self._person(shift + place) for place in range(match.end("people")) if kinds[place] == "N"]
        elif match := _HEADING.fullmatch(kinds):
            place = shift + match.start("role")
            if kinds[match.end("role") :].strip("c") or self._tokens[place][1] in self._plurals:
                found.heading = self._truth(place)
        if match := _ONLY_ROLE.fullmatch(self._kinds):
            found.role = self._truth(match.start("role"))

    def _form(self, kinds: str, at: int) -> tuple[str, re.Match[str]] | None:
        for name, pattern in _FORMS:
            if match := pattern.match(kinds, at):
                return name, match
        if at in self._inverted and (match := _INVERTED.match(kinds, at)):
            return "is", match
        return None

    def _person(self, place: int) -> int:
        return self._person_of[self._tokens[place][1]]

    def _truth(self, place: int) -> bool:
        """Whether a role is that of those who tell the truth in this puzzle."""
        _, text, side = self._tokens[place]
        return bool(side) != (self._flipped and text in self._roles)

    def _given(self, name: str, match: re.Match[str], people: list[int]) -> list[tuple[int, bool]]:
        """The assertions of one form; none where number, mood or an unknown word leave a doubt."""
        groups = match.groupdict()
        role = match["role"]
        truth = self._truth(match.start("role"))
        if name == "listed":
            return [(person, truth) for person in people]
        if name == "none":
            return [(person, not truth) for person in people]
        if name == "neither role":
            return [(people[0], not truth), (people[0], not self._truth(match.start("other")))]
        verb, after, mark = groups.get("verb") or "", groups.get("after") or "", groups.get("mark") or ""
        negations = sum((groups.get(part) or "").count("n") for part in ("no", "non", "after"))
        negations += (mark == "q") + (name == "denied")
        number = verb if verb in ("i", "j") else after
        plural = role in ("r", "U") or number == "j"
        doubtful = (
            (bool(groups.get("unknown")) and negations > 0)
            or (verb == "m" and negations > 0)
            or (verb == "C" and negations == 0)
            or (bool(groups.get("particle")) and negations == 0)
            or (plural and len(people) == 1 and not (role == "U" and (negations or verb)))
            or (len(people) > 1 and (number == "i" or role == "V"))
            or (len(people) > 1 and not plural and not mark and not number and verb not in ("m", "C"))
        )
        return [] if doubtful else [(person, truth != (negations % 2 == 1)) for person in people]
