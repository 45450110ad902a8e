"""The strata: how the candidates of a unit are made, so that they are of one making and equally long."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa

from transforms.base.keyed import numbers
from transforms.base.words import words_of
from transforms.probes.sentences.config import NATURAL, NEAR, PARAPHRASE, VARIED, WORDS
from transforms.probes.sentences.grouping import alike
from transforms.probes.sentences.paraphrases import Paraphrases
from transforms.probes.sentences.source import Source

_SHUFFLES = 12  # shuffles that are looked at for each that is wanted
_MOST_MISSED = 100  # sentences in a row of which no unit can be made, before the stratum is given up
_MOST_LISTS = 400  # lists of words for each that is wanted, before the stratum is given up


class Stratum:
    """The units of one stratum, and what their further copies say."""

    def __init__(self, source: Source, name: str) -> None:
        """Nothing is made yet."""
        self.name, self._source = name, source
        self._paraphrases = Paraphrases(source)

    def units(self) -> Iterator[list[str]]:
        """Texts of the candidates of one unit after the other, without end unless the corpus has no more."""
        source, most = self._source, max(self._source.config.doses) - 1
        if self.name == NATURAL:
            return alike(source.sentences, source.tokens, source.together, source.taken)
        if self.name == VARIED:
            varied = (text for text in source.sentences if len(_replaced(source, text, most)) == most)
            groups = alike(varied, source.tokens, source.together, source.taken)
            return _absent(source, groups, VARIED, lambda text: _replaced(source, text, most))
        if self.name == PARAPHRASE:
            return _absent(source, self._paraphrases.groups(), PARAPHRASE, self._paraphrases.further)
        if self.name == WORDS:
            return alike(_lists(source), source.tokens, source.together, source.taken)
        groups = _each(source, _near if self.name == NEAR else _shuffled)
        return _absent(source, groups, NEAR) if self.name == NEAR else groups

    def variants(self, text: str, most: int) -> list[str] | None:
        """Texts of the further copies of a unit's text, at most so many; None where all copies are alike."""
        if self.name == PARAPHRASE:
            return list(self._paraphrases.further(text)[:most])
        return _replaced(self._source, text, most) if self.name == VARIED else None


def _each(source: Source, made: Callable[[Source, str], list[str] | None]) -> Iterator[list[str]]:
    """What is made of one sentence after the other, until too many in a row give nothing."""
    missed = 0
    for text in source.sentences:
        group = made(source, text)
        missed = 0 if group else missed + 1
        if group:
            yield group
        elif missed == _MOST_MISSED:
            return


def _absent(
    source: Source,
    groups: Iterator[list[str]],
    stratum: str,
    further: Callable[[str], Sequence[str]] = lambda _: (),
) -> Iterator[list[str]]:
    """Those groups of which no text shares words in a row with the corpus: another word may make one that does.

    Further texts of a group's texts are looked up as well, and none of them stands in another group.
    """
    wanted = len(source.config.units_by_stratum()[stratum])
    while some := list(itertools.islice(groups, wanted + wanted // 8 + 8)):
        others = [[one for text in group for one in further(text)] for group in some]
        texts = [text for group, more in zip(some, others, strict=True) for text in (*group, *more)]
        hits = iter(source.in_corpus(words_of(pa.array(texts, pa.large_string()))).tolist())
        for group, more in zip(some, others, strict=True):
            hit = [next(hits) for _ in (*group, *more)]
            if not any(hit) and len(set(more)) == len(more) and source.taken.isdisjoint(more):
                source.taken.update(more)
                yield group


def _near(source: Source, text: str) -> list[str] | None:
    """One sentence with as many different words in one place."""
    for fillings in source.replaced(text):
        found = next(alike(fillings, source.exactly, source.together, source.taken), None)
        if found:
            return found
    return None


def _lists(source: Source) -> Iterator[str]:
    below, wanted = [len(source.listed)] * source.config.length, len(source.config.units_by_stratum()[WORDS])
    for number in range(_MOST_LISTS * source.together * wanted):
        yield " ".join(source.listed[at] for at in source.picks("words", str(number), below))


def _shuffled(source: Source, text: str) -> list[str] | None:
    """One sentence's words, without marks, in keyed orders, and the letters of each word in one of their own."""
    bare = ("".join(filter(str.isalnum, word)) for word in text.split(" "))
    words = [word for word in bare if word]

    def shuffle(number: int) -> str:
        count = len(words) + sum(map(len, words))
        keys = iter(numbers(source.key, "sentences/letters", text, number, count=count).tolist())
        return " ".join(_by(keys, ["".join(_by(keys, word)) for word in words]))

    shuffles = map(shuffle, range(_SHUFFLES * source.together))
    return next(alike(shuffles, source.exactly, source.together, source.taken), None)


def _by(keys: Iterator[int], items: Sequence[str]) -> list[str]:
    """Items in the order of the next keys, of which each takes one."""
    return [item for _, item in sorted([(next(keys), item) for item in items])]


def _replaced(source: Source, text: str, most: int) -> list[str]:
    """At most so many texts that have another word in one place, each in another one, and as many tokens."""
    own, found = source.exactly([text])[0], list[str]()
    for fillings in source.replaced(text):
        if len(found) == most:
            break
        fit = (one for one, size in zip(fillings, source.exactly(fillings), strict=True) if size == own and one != text)
        found += itertools.islice(fit, 1)
    return found
