"""Invented words by a grammar of syllables: each is a keyed hash of its number, and none means anything."""

from collections.abc import Iterator

from transforms.base.keyed import Field, numbers

_ONSETS = (*"bdfghklmnprstvz", "br", "dr", "gr", "kl", "pr", "tr")
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("", "", "", "l", "m", "n", "r", "s", "t", "k")
"""Of the last syllable; three in ten are open. All others are."""


def invented(key: bytes, domain: str, syllables: int, *identity: Field) -> Iterator[str]:
    """Words of so many syllables, each once, without end unless the grammar is exhausted.

    Word k depends on the key, the domain, the identity and k alone.

    Args:
        key: of the run.
        domain: what the words are for, so that two pools of one key differ.
        syllables: of each word, 1 or more.
        identity: of the pool within its domain.
    """
    seen: set[str] = set()
    number = missed = 0
    while missed < 10_000:
        drawn = iter(numbers(key, domain, *identity, syllables, number, count=3 * syllables).tolist())
        word = "".join(
            parts[next(drawn) % len(parts)]
            for at in range(syllables)
            for parts in (_ONSETS, _VOWELS, _CODAS if at == syllables - 1 else ("",))
        )
        number += 1
        if word in seen:
            missed += 1
            continue
        missed = 0
        seen.add(word)
        yield word
