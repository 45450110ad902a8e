"""Make sentences: strata of units whose candidates are of one making and equally long."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas.probes import conform
from transforms.base.errors import CorpusError
from transforms.base.keyed import keyed_order, numbers
from transforms.base.readable import count, counted, size
from transforms.base.words import WordHashes, words_of
from transforms.probes.answers.pools import token_counts
from transforms.probes.corpus.finder import finder
from transforms.probes.corpus.overlap import NGRAM, FindShared, grams_of
from transforms.probes.corpus.pieces import corpus_pieces
from transforms.probes.corpus.tokens import load_tokenizer
from transforms.probes.kind import Environment, Looked, Made, keyed_id
from transforms.probes.ngram.documents import sample_documents
from transforms.probes.ngram.ngram import NAME, TEMPERATURES, NgramGenerator
from transforms.probes.ngram.ngram_kernel import WORD
from transforms.probes.sentences.config import LETTERS, NATURAL, NEAR, VARIED, WORDS, SentencesConfig

KIND = "sentence"
_ROUNDS, _LEAST_MADE = 8, 512  # looks into the corpus, and sentences that are sampled for the first
_LEAST_KEPT = 0.01  # of what is sampled in a round: where less is fit, more is not to be had
_TRIED, _SHUFFLES = 24, 12  # fillings and shuffles that are looked at for each that is wanted
_MOST_MISSED = 100  # sentences in a row of which no unit can be made, before the stratum is given up
_AT_ONCE = 256  # texts that are measured together
_MOST_LISTS = 400  # lists of words for each that is wanted, before the stratum is given up

Measure = Callable[[Sequence[str]], list[tuple[int, ...] | None]]
"""What candidates of a unit have in common, for each text: tokens under every tokenizer; None where it is unfit."""


def look(config: SentencesConfig) -> Looked:
    """Units, and the pieces of the corpus."""
    pieces = corpus_pieces(config.corpus, config.text_column)
    by_stratum = config.units_by_stratum()
    lines = [f"{name}: {counted(len(doses), 'unit')}" for name, doses in by_stratum.items()]
    lines.append(f"{counted(config.controls + 1, 'candidate')} each")
    lines.append(f"about {size(sum(piece.size for piece in pieces))} of text in the corpus")
    return Looked(lines, pieces)


def make(config: SentencesConfig, key: bytes, environment: Environment) -> Made:
    """Units of every stratum; which candidate gets which number is a keyed hash of its text.

    Raises:
        CorpusError: if the corpus does not give what is asked for.
    """
    scans: list[dict[str, Any]] = []
    find = finder(environment.found, config.text_column, environment, scans)
    source = _Source(config, key, environment, find)
    by_stratum = config.units_by_stratum()
    rows: list[dict[str, Any]] = []
    for stratum, doses in by_stratum.items():
        units = list(itertools.islice(_units(source, stratum), len(doses)))
        if len(units) < len(doses):
            raise CorpusError(
                f"stratum {stratum}: {count(len(units))} of {count(len(doses))} units can be made of the corpus: give "
                "fewer --units or --controls, another --length, or more of the corpus"
            )
        dealt = keyed_order(key, f"sentences/dose {stratum}", [str(at) for at in range(len(doses))])
        for number, (texts, at) in enumerate(zip(units, dealt.tolist(), strict=True)):
            rows += _rows(source, stratum, number, doses[at], texts)
    rows.sort(key=lambda row: (row["unit"], row["candidate"]))
    schema = _SCHEMA if any(row["variants"] for row in rows) else _SCHEMA.remove(_SCHEMA.get_field_index("variants"))
    facts = {
        "candidates": {"made": source.made, "kept": len(rows), "spare": 0, "rejected": dict(source.rejected)},
        "words_in_the_list": len(source.listed),
        "scans": len(scans),
    }
    summary = f"{count(len(rows))} candidates in {counted(len(rows) // (config.controls + 1), 'unit')}"
    return Made(conform([(KIND, pa.Table.from_pylist(rows, schema=schema))]), facts, {}, summary)


_SCHEMA = pa.schema(
    [
        ("id", pa.string()), ("kind", pa.string()), ("unit", pa.string()), ("candidate", pa.int32()),
        ("stratum", pa.string()), ("dose", pa.int32()), ("text", pa.large_string()), ("length_tokens", pa.int32()),
        ("generator", pa.string()), ("planted_as", pa.string()), ("variants", pa.list_(pa.large_string())),
    ]
)  # fmt: skip


def alike(texts: Iterable[str], measure: Measure, together: int, taken: set[str]) -> Iterator[list[str]]:
    """Groups of `together` distinct texts of one measure, each as soon as it is full.

    Where the texts are drawn independently from one distribution, or without replacement from one pool, those of a
    group are exchangeable: which texts are grouped depends on their measures alone.

    Args:
        texts: in the order in which they are drawn.
        measure: of texts; those without one are left out.
        together: m + 1.
        taken: texts that are in a group already; groups are added.
    """
    waiting: dict[tuple[int, ...], list[str]] = defaultdict(list)
    seen: set[str] = set()
    left = iter(texts)
    while some := list(itertools.islice(left, _AT_ONCE)):
        for text, own in zip(some, measure(some), strict=True):
            if own is None or text in taken or text in seen:
                continue
            seen.add(text)
            waiting[own].append(text)
            if len(waiting[own]) == together:
                group = waiting.pop(own)
                taken.update(group)
                yield group


@dataclass
class _Source:
    """What the strata are made of.

    Attributes:
        made: sentences that were sampled.
        rejected: of these, by reason.
        taken: texts of all units.
        listed: words from which lists are drawn.
    """

    config: SentencesConfig
    key: bytes
    environment: Environment
    find: FindShared
    made: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        config, threads = self.config, self.environment.threads
        self.together = config.controls + 1
        self.given = [load_tokenizer(file) for file in config.tokenizer]
        documents = sample_documents(self.environment.found, config.text_column, self.key, threads)
        counting = self.given[0] if self.given else None
        try:
            self.ngrams = NgramGenerator(documents, self.key, counting, threads)
        except ValueError as error:
            raise CorpusError(f"--corpus: {error}") from None
        pieces: list[str] = self.ngrams.vocabulary.pieces.to_pylist()
        is_word = (self.ngrams.vocabulary.kinds[1:] & WORD).tolist()
        self.plain = [
            w if word and w.isalpha() and w == w.lower() else "" for w, word in zip(pieces, is_word, strict=True)
        ]
        self.ids = {piece: at for at, piece in enumerate(pieces, 1)}
        self.listed = [word for word in self.plain if word][: config.list_size]
        self.sentences = self._sentences()

    def _sentences(self) -> Iterator[str]:
        """Sentences of 8 words or more of which no 8 in a row are in the corpus, each once."""
        given, first, wanted = set[str](), 0, self.config.units_by_stratum()
        several = {NATURAL: self.together, VARIED: self.together, NEAR: 1, LETTERS: 1, WORDS: 0}
        needed = sum(several[name] * len(doses) for name, doses in wanted.items())
        for turn in range(_ROUNDS):
            most = (_LEAST_MADE + needed * 3 // 2) << turn
            counts = np.array([most] + [0] * (len(TEMPERATURES) - 1), np.int64)
            begin = np.array([first] + [0] * (len(TEMPERATURES) - 1), np.int64)
            batch = self.ngrams.sample(self.config.length, begin, counts)[0]
            first += most
            words = words_of(batch.texts)
            short = np.diff(words.offsets) < NGRAM
            shared = self.in_corpus(words) & ~short
            self.made += batch.made
            self.rejected.update(batch.unfit)
            self.rejected["few words"] += int(short.sum())
            self.rejected["in corpus"] += int(shared.sum())
            found = dict.fromkeys(batch.texts.filter(pa.array(~(short | shared))).to_pylist())
            fit = [text for text in found if text not in given]
            given.update(fit)
            yield from fit
            if len(fit) < _LEAST_KEPT * most:
                break

    def in_corpus(self, words: WordHashes) -> npt.NDArray[np.bool_]:
        """Which of n texts share `NGRAM` words in a row with the corpus, by their words: bool[n]; one scan."""
        grams = grams_of(words)
        return grams.sharing(self.find(np.unique(grams.hashes)), len(words.offsets) - 1)

    def tokens(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Tokens under each tokenizer; without one, words."""
        return token_counts(texts, self.given, "") if self.given else [(text.count(" ") + 1,) for text in texts]

    def exactly(self, texts: Sequence[str]) -> list[tuple[int, ...] | None]:
        """Tokens under each tokenizer; without one, characters."""
        return token_counts(texts, self.given, "") if self.given else [(len(text),) for text in texts]

    def picks(self, domain: str, identity: str, below: Sequence[int]) -> list[int]:
        """A keyed choice of 0 to below - 1 for each; the bias is under below / 2**64."""
        words = numbers(self.key, f"sentences/{domain}", identity, count=len(below)).tolist()
        return [word * most >> 64 for word, most in zip(words, below, strict=True)]

    def replaced(self, text: str) -> Iterator[list[str]]:
        """For each word inside a sentence, places in a keyed order, the sentence with other words in its place.

        The words, in a keyed order, are those that the corpus has behind the word before: the first ones of them, the
        word that stands there not left out.
        """
        words, model = text.split(" "), self.ngrams.model
        for at in keyed_order(self.key, "sentences/place", [f"{text} {at}" for at in range(1, len(words) - 1)]) + 1:
            before = self.ids.get(words[at - 1])
            if before is None or words[at] not in self.ids or not self.plain[self.ids[words[at]] - 1]:
                continue
            follow = model.piece[model.begin[before] : model.end[before]]
            found = [self.plain[one - 1] for one in follow.tolist() if one and self.plain[one - 1]]
            order = keyed_order(self.key, f"sentences/filling {at} {text}", found)[: _TRIED * self.together]
            yield [" ".join([*words[:at], found[one], *words[at + 1 :]]) for one in order.tolist()]


def _units(source: _Source, stratum: str) -> Iterator[list[str]]:
    """Texts of the candidates of one unit after the other, without end unless the corpus has no more."""
    if stratum == NATURAL:
        return alike(source.sentences, source.tokens, source.together, source.taken)
    if stratum == VARIED:
        most = max(source.config.doses) - 1
        varied = (text for text in source.sentences if len(_variants(source, text, most)) == most)
        groups = alike(varied, source.tokens, source.together, source.taken)
        return _absent(source, groups, VARIED, lambda text: _variants(source, text, most))
    if stratum == WORDS:
        return alike(_lists(source), source.tokens, source.together, source.taken)
    groups = _each(source, _near if stratum == NEAR else _shuffled)
    return _absent(source, groups, NEAR) if stratum == NEAR else groups


def _each(source: _Source, made: Callable[[_Source, str], list[str] | None]) -> Iterator[list[str]]:
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
    source: _Source,
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


def _near(source: _Source, text: str) -> list[str] | None:
    """One sentence with as many different words in one place."""
    for fillings in source.replaced(text):
        found = next(alike(fillings, source.exactly, source.together, source.taken), None)
        if found:
            return found
    return None


def _lists(source: _Source) -> Iterator[str]:
    below, wanted = [len(source.listed)] * source.config.length, len(source.config.units_by_stratum()[WORDS])
    for number in range(_MOST_LISTS * source.together * wanted):
        yield " ".join(source.listed[at] for at in source.picks("words", str(number), below))


def _shuffled(source: _Source, text: str) -> list[str] | None:
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


def _variants(source: _Source, text: str, most: int) -> list[str]:
    """At most so many texts that have another word in one place, each in another one, and as many tokens."""
    own, found = source.exactly([text])[0], list[str]()
    for fillings in source.replaced(text):
        if len(found) == most:
            break
        fit = (one for one, size in zip(fillings, source.exactly(fillings), strict=True) if size == own and one != text)
        found += itertools.islice(fit, 1)
    return found


def _rows(source: _Source, stratum: str, number: int, dose: int, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
    """One for each candidate of a unit, in the columns of probes."""
    order = keyed_order(source.key, f"sentences/candidate {stratum} {number}", texts)
    for candidate, at in enumerate(order.tolist()):
        yield {
            "id": keyed_id(source.key, "sentences/id", stratum, number, candidate),
            "kind": KIND,
            "unit": keyed_id(source.key, "sentences/unit", stratum, number),
            "candidate": candidate,
            "stratum": stratum,
            "dose": dose,
            "text": texts[at],
            "length_tokens": (source.tokens([texts[at]])[0] or (None,))[0],
            "generator": f"sentences/1 {NAME}",
            "planted_as": source.config.planted_as,
            "variants": _variants(source, texts[at], dose - 1) if stratum == VARIED else None,
        }
