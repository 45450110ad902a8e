"""Contents that are said in ten ways: the candidates of a unit differ in people, thing and place, not in the ways."""

import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from transforms.base.keyed import keyed_order
from transforms.probes.answers.syllables import invented
from transforms.probes.sentences.config import PARAPHRASE
from transforms.probes.sentences.grouping import alike
from transforms.probes.sentences.source import Source

_DATA: dict[str, Any] = tomllib.loads(Path(__file__).with_name("paraphrases.toml").read_text(encoding="utf-8"))
_SAID: Mapping[str, Sequence[str]] = _DATA["said"]
_TRIED = 400  # contents for each that is wanted, before the stratum is given up


class Paraphrases:
    """The stratum's texts. Those of a unit are said in the same ways in the same order, and equally long in each."""

    def __init__(self, source: Source) -> None:
        """Nothing is made yet; the ways of each kind of content get a keyed order."""
        self._source = source
        self._further: dict[str, tuple[str, ...]] = {}
        self._ways = {
            name: [said[at] for at in keyed_order(source.key, f"sentences/ways {name}", said).tolist()]
            for name, said in _SAID.items()
        }

    def groups(self) -> Iterator[list[str]]:
        """Texts of the candidates of one unit after the other, a kind of content after the other in turn."""
        source = self._source
        by_kind = [alike(self._texts(name), self._measure, source.together, source.taken) for name in self._ways]
        return itertools.chain.from_iterable(zip(*by_kind, strict=False))

    def further(self, text: str) -> tuple[str, ...]:
        """The same content in the nine other ways."""
        return self._further[text]

    def _texts(self, name: str) -> Iterator[str]:
        """Contents in the first way, each drawn by itself; the people's names are invented."""
        source, (first, *others) = self._source, self._ways[name]
        names = (word.capitalize() for word in invented(source.key, "sentences/people", 2, name))
        below = [len(_DATA["things"]), len(_DATA["places"])]
        wanted = len(source.config.units_by_stratum()[PARAPHRASE])
        for number in range(_TRIED * source.together * wanted):
            people = list(itertools.islice(names, 2))
            if len(people) < 2:
                return
            thing, place = source.picks("content", f"{name} {number}", below)
            told = {"a": people[0], "b": people[1], "c": _DATA["things"][thing], "d": _DATA["places"][place]}
            text = first.format(**told)
            self._further[text] = tuple(one.format(**told) for one in others)
            yield text

    def _measure(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Tokens of each text in all ways, one after the other."""
        ways = [(text, *self._further[text]) for text in texts]
        counts = self._source.tokens([one for group in ways for one in group])
        found = []
        for at in range(0, len(counts), len(ways[0])):
            own = [one for one in counts[at : at + len(ways[0])] if one is not None]
            found.append(tuple(itertools.chain.from_iterable(own)) if len(own) == len(ways[0]) else None)
        return found
