"""What a puzzle reads like, in plain Python from the language's own templates: what the kernels must write."""

import re
from collections.abc import Callable, Sequence

from transforms.probes.puzzles.language.language import Language, RolePair
from transforms.probes.puzzles.language.wording import Wording
from transforms.probes.puzzles.logic.claims import ASSIGN, CONFLICT, EXHAUSTED, RECONSIDER, SUCCESS, Claim

MASK = (1 << 64) - 1


def stream_word(start: int, counter: int) -> int:
    word = (start + (counter + 1) * 0x9E3779B97F4A7C15) & MASK
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & MASK
    return word ^ (word >> 31)


def below(word: int, bound: int) -> int:
    return (word >> 32) * bound >> 32


def fill(template: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)


class Speech:
    """One puzzle of a batch in words."""

    def __init__(self, wording: Wording, row: int) -> None:
        self.language: Language = wording.language
        names = self.language.common + self.language.uncommon
        self.names = [names[number] for number in wording.names[row].tolist()]
        self.pair: RolePair = self.language.roles[int(wording.pair[row])]
        self.flipped = bool(wording.flipped[row])
        self.order = wording.order[row].tolist()
        self.intro, self.question = int(wording.intro[row]), int(wording.question[row])
        self.says = wording.says[row].tolist()
        self.phrases, self.thoughts = int(wording.phrases[row]), int(wording.thoughts[row])

    def role(self, truthful: bool) -> object:
        return self.pair.truth if truthful != self.flipped else self.pair.lie

    def clause(self, person: int, truthful: bool, denied: bool = False, form: str | None = None) -> str:
        name, gender = self.names[person]
        role = self.role(truthful)
        template = self.language.clauses[form or self.language.forms[0]]["not" if denied else "is"]
        return fill(template, {"name": name, "role": role.a[gender], "no_role": role.no[gender]})

    def claim(self, claim: Claim, speaker: int) -> str:
        text = self._claim(claim, speaker, 0, None)[0]
        brackets = len(text) - len(text.lstrip("("))
        first = text[brackets : brackets + 1]
        return text[:brackets] + (first.upper() if "a" <= first <= "z" else first) + text[brackets + 1 :]

    def _claim(self, claim: Claim, speaker: int, node: int, form: str | None, group: bool = False) -> tuple[str, int]:
        """The text of a (sub)claim, and the number of the node after it."""
        kind, *operands = claim
        main = self.language.forms[0]
        plain = ""
        if kind in ("telling-truth", "lying"):
            plain, after = self.clause(operands[0], kind == "telling-truth", False, main if group else form), node + 1
        elif kind == "not" and operands[0][0] in ("telling-truth", "lying"):
            (leaf, person), after = operands[0], node + 2
            plain = self.clause(person, leaf == "telling-truth", True, main if group else form)
        if plain:
            return (fill(self.language.clauses[form or main]["group"], {"claim": plain}) if group else plain), after
        family = f"claims.{ {'->': 'implies', '<=>': 'iff'}.get(kind, kind) }".replace(" ", "")
        choices = self.language.templates[family]
        template = choices[below(stream_word(self.phrases, (speaker << 16) + node), len(choices))]
        forms = {slot: of or main for slot, of in re.findall(r"\{([ab])(?::(\w+))?\}", template)}
        texts: list[str] = []
        after = node + 1
        for at, operand in enumerate(operands):
            slot = "b" if at == len(operands) - 1 and len(operands) > 1 else "a"
            text, after = self._claim(operand, speaker, after, forms[slot], kind == "not")
            texts.append(text)
        values = {"a": texts[0]}
        if len(texts) > 1:
            values = {"a": self.language.joints["claims"]["between"].join(texts[:-1]), "b": texts[-1]}
        text = fill(re.sub(r"\{([ab]):\w+\}", r"{\1}", template), values)
        return (fill(self.language.clauses[form]["group"], {"claim": text}) if form else text), after

    def roles(self, gender: int) -> dict[str, str]:
        truth, lie = self.role(True), self.role(False)
        return {
            "truth": truth.a[gender], "lie": lie.a[gender], "truths": truth.many, "lies": lie.many,
            "Truths": truth.many[0].upper() + truth.many[1:], "Lies": lie.many[0].upper() + lie.many[1:],
        }  # fmt: skip

    def quiz(self, claims: Sequence[Claim]) -> str:
        joint = self.language.joints["list"]
        names = [name for name, _ in self.names]
        listed = joint["between"].join(names[:-1]) + joint["last"] + names[-1]
        values = self.roles(-1) | {"count": str(len(names)), "names": listed}
        templates = self.language.templates
        parts = [fill(templates["quiz.intro"][self.intro], values)]
        for speaker in self.order:
            said = {"name": names[speaker], "claim": self.claim(claims[speaker], speaker)}
            parts.append(fill(templates["quiz.says"][self.says[speaker]], said))
        return " ".join([*parts, fill(templates["quiz.question"][self.question], values)])

    def thought(self, claims: Sequence[Claim], events: Sequence[Sequence[int]]) -> str:
        counter = iter(range(len(events) + 1))

        def drawn(family: str, values: dict[str, str]) -> str:
            choices = self.language.templates[f"thought.{family}"]
            return fill(choices[below(stream_word(self.thoughts, next(counter)), len(choices))], values)

        lines = [drawn("head", {})]
        truthful: dict[int, bool] = {}
        for kind, person, value, speaker in events:
            if kind in (ASSIGN, CONFLICT):
                truthful[person] = value == 1
                values = {"is": self.clause(person, value == 1), "claim": self.claim(claims[person], person)}
                family = "take_truth" if value == 1 else "take_lie"
                if kind == CONFLICT:
                    family = "clash_truth" if truthful[speaker] else "clash_lie"
                    values |= {
                        "other": self.names[speaker][0],
                        "other_is": self.clause(speaker, truthful[speaker]),
                        "other_claim": self.claim(claims[speaker], speaker),
                    }
                lines.append(drawn(family, values))
            elif kind in (EXHAUSTED, RECONSIDER):
                name, gender = self.names[person]
                values = self.roles(gender) | {"name": name}
                lines.append(drawn("exhausted" if kind == EXHAUSTED else "reconsider", values))
            else:
                assert kind == SUCCESS
                lines.append(drawn("success", {}))
        return "\n".join(lines)

    def conclusion(self, solution: Sequence[bool]) -> str:
        line = self.language.texts["conclusion.line"]
        return "\n".join(
            fill(line, {"number": str(person + 1), "is": self.clause(person, value)})
            for person, value in enumerate(solution)
        )

    def sentence(self, solution: Sequence[bool]) -> str:
        joint = self.language.joints["sentence"]
        clauses = [self.clause(person, value) for person, value in enumerate(solution)]
        return joint["between"].join(clauses[:-1]) + joint["last"] + clauses[-1] + joint["end"]


def every(write: Callable[[Speech, int], str], wording: Wording) -> list[str]:
    return [write(Speech(wording, row), row) for row in range(len(wording))]
