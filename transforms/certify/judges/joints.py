"""Parts of a text that cannot be tokenized one by one, for the sake of special cases such as ":)"."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

_PART = re.compile(r"\s*\S+")


class Joints:
    """Where special cases of the tokenizer in one part may depend on the part beside it.

    SpaCy looks for special cases that it would else take apart, such as ":)", among tokens, whatever white space stands
    between them. One that it finds across parts is not taken, but keeps one that it overlaps with from being taken.

    Args:
        special: the special cases, and the tokens that each would else be taken apart into.

    Attributes:
        special: those of more than one token.
    """

    def __init__(self, special: Mapping[str, Sequence[str]]) -> None:
        self.special = {one: tokens for one, tokens in special.items() if len(tokens) > 1}
        self._most = max(map(len, self.special), default=0)
        # By the characters around a joint: what stands before it, what behind, and whether more parts belong to it.
        self._sides: dict[tuple[str, str], set[tuple[str, str, bool]]] = {}
        for tokens in self.special.values():
            for at in range(1, len(tokens)):
                for end in range(at + 1, len(tokens) + 1):
                    left, right = "".join(tokens[:at]), "".join(tokens[at:end])
                    self._sides.setdefault((left[-1], right[0]), set()).add((left, right, end < len(tokens)))
        last, first = (re.escape("".join(sorted({pair[side] for pair in self._sides}))) for side in (0, 1))
        self._near = re.compile(rf"([{last}])\s+(?=([{first}]))") if self._sides else None

    def among(self, special: Collection[str]) -> "Joints":
        """Joints of some of the special cases alone."""
        return Joints({one: tokens for one, tokens in self.special.items() if one in special})

    def of(self, text: str) -> list[tuple[int, int]]:
        """Where parts at joints begin and end, in characters, with the white space between them; in order."""
        found: list[tuple[int, int]] = []
        for one in self._near.finditer(text) if self._near else ():
            sides = self._sides.get((one[1], one[2]))
            parts = sides and self._at(text, one.end(1), one.end(), sides)
            if not parts:
                continue
            begin, end = one.end(1), one.end(1)
            while begin and not text[begin - 1].isspace():
                begin -= 1
            for _ in range(parts):
                part = _PART.match(text, end)
                end = part.end() if part else end
            if found and begin < found[-1][1]:
                begin, end = found[-1][0], max(end, found.pop()[1])
            found.append((begin, end))
        return found

    def _at(self, text: str, end: int, begin: int, sides: Iterable[tuple[str, str, bool]]) -> int:
        """How many parts behind the white space from `end` to `begin` belong to what stands before it; 0 for none."""
        parts = 0
        for left, right, more in sides:
            if not text.endswith(left, 0, end) or not text.startswith(right, begin):
                continue
            behind = begin + len(right)
            if more and behind < len(text) and not text[behind].isspace():
                continue
            before = text[max(0, end - 2 * self._most) : end].split()[-1]
            after = text[begin : begin + 2 * self._most].split(maxsplit=1)[0]
            if self._overlaps(before[::-1], len(left), back=True) or self._overlaps(after, len(right), back=False):
                parts = max(parts, 1 + more)
        return parts

    def _overlaps(self, part: str, taken: int, *, back: bool) -> bool:
        """Whether a special case within a part begins among the first `taken` characters; of a reversed one, ends."""
        return any(
            (part[at : at + length][::-1] if back else part[at : at + length]) in self.special
            for at in range(taken)
            for length in range(2, self._most + 1)
            if at + length <= len(part)
        )
