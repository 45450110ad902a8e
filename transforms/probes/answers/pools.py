"""Pools of invented answers: as many tokens each under every tokenizer, stable, and in no text of the corpus."""

import itertools
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import tokenizers

from transforms.base.errors import CorpusError
from transforms.probes.corpus.tokens import given_back

_TRIED = 40
"""Words that are looked at for each that is wanted, before a pool is called too small."""


@dataclass(frozen=True)
class Wanted:
    """Words from which a pool is chosen.

    Attributes:
        what: names the pool, for messages.
        size: of the pool.
        tried: invented words, each once, of which the first that follow the rules are taken.
        equal: whether all words must have one number of tokens, as answers must and names need not.
        lead: what precedes a word in a text: its tokens are counted with the word's.
    """

    what: str
    size: int
    tried: Sequence[str]
    equal: bool = True
    lead: str = " "

    @classmethod
    def of(cls, what: str, size: int, words: Iterator[str], *, equal: bool = True) -> "Wanted":
        """So many of these words that enough will follow the rules."""
        return cls(what, size, list(itertools.islice(words, (_TRIED if equal else 4) * size)), equal)


def pool(wanted: Wanted, given: Sequence[tokenizers.Tokenizer], taken: Collection[str]) -> tuple[str, ...]:
    """The first words that no text of the corpus and no other pool has, and that every tokenizer gives back.

    Where answers must be equally long, the number of tokens is the one that most of the words have.

    Args:
        wanted: the words and how many of them.
        given: tokenizers; without any, the number of letters stands for that of tokens.
        taken: words of the corpus and of other pools.

    Raises:
        CorpusError: if too few words follow the rules.
    """
    words = [word for word in wanted.tried if word not in taken]
    counts = token_counts(words, given, wanted.lead)
    common = Counter(one for one in counts if one is not None).most_common(1)
    fine = [
        word
        for word, one in zip(words, counts, strict=True)
        if one is not None and (not wanted.equal or one == common[0][0])
    ]
    if len(fine) < wanted.size:
        raise CorpusError(
            f"{wanted.what}: {len(fine)} of {len(wanted.tried)} invented words "
            + ("have one number of tokens under all tokenizers and " if wanted.equal else "")
            + f"are in no text of the corpus, and {wanted.size} are needed: give fewer units or tokenizers"
        )
    return tuple(fine[: wanted.size])


def pools(
    wanted: Sequence[Wanted], given: Sequence[tokenizers.Tokenizer], taken: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """A pool of each, by its name, in this order; no word is in two of them, or in `taken`.

    Raises:
        CorpusError: as `pool`.
    """
    found: dict[str, tuple[str, ...]] = {}
    used = set(taken)
    for one in wanted:
        found[one.what] = pool(one, given, used)
        used.update(found[one.what])
    return found


def token_counts(
    words: Sequence[str], given: Sequence[tokenizers.Tokenizer], lead: str = " "
) -> list[tuple[int, ...] | None]:
    """Tokens that hold a part of each word, after its lead, under each tokenizer: those that are scored.

    A token that joins the end of the lead to the word counts; one of the lead alone does not. None for a word that one
    of the tokenizers does not give back. Without a tokenizer, the number of letters.
    """
    if not given:
        return [(len(word),) for word in words]
    texts = [lead + word for word in words]
    encoded = [one.encode_batch(texts, add_special_tokens=False) for one in given]
    counts = [[sum(end > len(lead) for _, end in found.offsets) for found in own] for own in encoded]
    pairs = zip(given, encoded, strict=True)
    fine = np.all([given_back(one, texts, [found.ids for found in own]) for one, own in pairs], axis=0)
    return [one if kept else None for one, kept in zip(zip(*counts, strict=True), fine, strict=True)]


@dataclass(frozen=True)
class Classes:
    """Values in classes of equal size: those of class c are `values[c * size : (c + 1) * size]`.

    Attributes:
        values: words, those of a class together.
        names: one word for each class.
    """

    values: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """Values of a class."""
        return len(self.values) // len(self.names)

    def members(self, number: int) -> tuple[str, ...]:
        """The values of a class."""
        return self.values[number * self.size : (number + 1) * self.size]
