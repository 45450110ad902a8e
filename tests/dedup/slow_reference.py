"""Words, hashes and sketches in plain Python: the written definition that the kernels are compared with.

Nothing here comes from `transforms.dedup`: words are found with Unicode properties and not with its table, hashes
with Python's integers.
"""

import unicodedata

import regex

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB
KEY_1 = 0x8EBC6AF09C88C6E3
KEY_2 = 0x589965CC75374CC3
RAW = (0xA0761D6478BD642F, 0xE7037ED1A0B428DB)
SHINGLE = 0xF1357AEA2E62A9C5

_UNSPACED = ["Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar"]
_ALONE = "[" + "".join(rf"\p{{Script={script}}}" for script in _UNSPACED) + "]"
_WORD = regex.compile(rf"[[\p{{L}}\p{{M}}\p{{Nd}}]&&{_ALONE}]|[[\p{{L}}\p{{M}}\p{{Nd}}_]--{_ALONE}]+", regex.VERSION1)


def known(character: str) -> bool:
    """Whether this Python's Unicode has the character: `regex` may know more, and the table may know less."""
    return unicodedata.category(character) != "Cn"


def fold(word: str) -> str:
    """Simple case folding, character by character."""
    folded = ""
    for character in word:
        full, lower = character.casefold(), character.lower()
        folded += full if len(full) == 1 else lower if len(lower) == 1 else character
    return folded


def words(text: str) -> list[str]:
    return [fold(word) for word in _WORD.findall("".join(c if known(c) else " " for c in text))]


def mix(x: int) -> int:
    """The finaliser of SplitMix64."""
    x = (x ^ x >> 30) * MIX_1 & MASK
    x = (x ^ x >> 27) * MIX_2 & MASK
    return x ^ x >> 31


def absorb(state: int, first: int, second: int) -> int:
    first ^= KEY_1 ^ state
    second ^= KEY_2
    product = first * second
    return product & MASK ^ product >> 64 ^ first + second & MASK


def little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def word_hash(word: str) -> int:
    """16 bytes at a time; the last 1 to 16 as the first and the last eight of them, with their number."""
    data, state = word.encode(), GOLDEN
    while len(data) > 16:
        state, data = absorb(state, little(data[:8]), little(data[8:16])), data[16:]
    size = len(data)
    first, second = little(data[:8]), little(data[-8:])
    if size < 8:
        first <<= 64 - 8 * size
    return absorb(state ^ size * GOLDEN & MASK, first, second)


def token_hash(token: int) -> int:
    return mix(token + GOLDEN & MASK)


def raw_hash(data: bytes, seed: int) -> int:
    state = seed ^ len(data) * GOLDEN & MASK
    for at in range(0, len(data) // 16 * 16 + 1, 16):
        stripe = data[at : at + 16].ljust(16, b"\0")
        state = absorb(state, little(stripe[:8]), little(stripe[8:]))
    return mix(state)


def text_hash(text: str) -> tuple[int, int]:
    return raw_hash(text.encode(), RAW[0]), raw_hash(text.encode(), RAW[1])


def shingle_hashes(hashes: list[int], ngram: int) -> list[int]:
    """A polynomial in the hashes of `ngram` neighbours, its high 32 bits."""
    found = []
    for at in range(len(hashes) - ngram + 1):
        value = 0
        for x in hashes[at : at + ngram]:
            value = value * SHINGLE + x
        found.append((value * SHINGLE & MASK) >> 32)
    return found


def band_keys(minima: list[int], bands: int, rows: int) -> list[int]:
    factors = [mix(KEY_1 + row * GOLDEN & MASK) | 1 for row in range(rows)]
    keys = []
    for band in range(bands):
        key = band * GOLDEN
        for row, factor in enumerate(factors):
            key += minima[band * rows + row] * factor
        keys.append(max(mix(key & MASK), 1))
    return keys
