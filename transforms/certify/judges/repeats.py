"""How much of a text is repeated, from hashes of its words."""

from typing import Any

from transforms.certify.judges.grams import repeated, stood_before

_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64


class _Polynomials(dict[str, int]):
    """Of each text the sum of its characters times the powers of the base, modulo 2^64."""

    def __missing__(self, text: str) -> int:
        own = 0
        for character in reversed(text):
            own = (own * _BASE + ord(character) + 1) % _MODULUS
        self[text] = own
        return own


class Hashed:
    """Hashes of words, from which those of n-grams follow."""

    def __init__(self) -> None:
        self._hashes = _Polynomials()
        self._words: list[str] | None = None
        self._repeats: dict[str, Repeats] = {}

    def repeats(self, words: list[str], between: str) -> "Repeats":
        """What is repeated among some words that are joined by `between`; remembered for the last words."""
        import numpy as np

        if self._words is not words:
            hashes = np.fromiter(map(self._hashes.__getitem__, words), np.uint64, len(words))
            lengths = np.fromiter(map(len, words), np.int64, len(words))
            self._words = words
            self._repeats = {behind: Repeats(hashes, lengths, behind) for behind in ("", " ")}
        return self._repeats[between]


class Repeats:
    """How much of a text its repeated n-grams can be.

    Equal n-grams have equal hashes, and those of equal hashes are taken for equal.

    Args:
        hashes: of each word, uint64[k].
        lengths: of each word in characters, int64[k].
        between: what stands between words, a character or nothing.

    Attributes:
        characters: of all words.
    """

    def __init__(self, hashes: Any, lengths: Any, between: str) -> None:
        import numpy as np

        self.characters = int(lengths.sum())
        most = int(lengths.max(initial=0)) + len(between)
        powers = np.cumprod(np.concatenate([np.ones(1, np.uint64), np.full(most, _BASE, np.uint64)]))
        if between:
            hashes, lengths = hashes + powers[lengths] * np.uint64(ord(between) + 1), lengths + 1
        self._words, self._behind = (hashes, lengths, powers[lengths]), len(between)
        self._last = (1, hashes, lengths)

    def _grams(self, n: int) -> tuple[Any, Any]:
        """Hashes and lengths of all n-grams, with the character behind them: uint64[k], int64[k]."""
        at, hashes, lengths = self._last
        if n < at:
            at, (hashes, lengths, _) = 1, self._words
        while at < n:
            many = max(0, len(hashes) - 1)
            first, characters, power = (one[:many] for one in self._words)
            hashes, lengths = first + power * hashes[1:], characters + lengths[1:]
            at += 1
        self._last = (at, hashes, lengths)
        return hashes, lengths

    def most_by_one(self, n: int) -> int:
        """No n-gram makes up more characters than this, over all places where it is."""
        import numpy as np

        hashes, lengths = self._grams(n)
        if not len(hashes):
            return 0
        twice = repeated(hashes)
        some, own = hashes[twice], lengths[twice]
        _, first, times = np.unique(some, return_index=True, return_counts=True)
        return int(max(lengths.max() - self._behind, (times * (own[first] - self._behind)).max(initial=0)))

    def most_by_all(self, n: int) -> int:
        """N-grams that stood before, of which none overlap, do not make up more characters than this.

        These are characters of words in n-grams that are not the first of their hash.
        """
        import numpy as np

        again = stood_before(self._grams(n)[0])
        change = np.zeros(len(self._words[0]) + 1, np.int64)
        change[again] += 1  # each place once
        change[again + n] -= 1
        return int(self._words[1][np.cumsum(change[:-1]) > 0].sum())
