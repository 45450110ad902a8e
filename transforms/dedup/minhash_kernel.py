"""The compiled part of `transforms.dedup.minhash`: from UTF-8 bytes to words, shingles, minima and band keys.

One text at a time, in blocks that stay in the cache, whatever the text's length:

1. `_split` folds a block into a buffer and lists the edges of its words. ASCII goes 64 bytes at a step: a vector
   comparison gives one bit a byte, and the bits that differ from their neighbour are the edges. Other characters
   are decoded (and thereby checked) one by one and looked up in the table of `transforms.base.words`.
2. `_hash_words` gives each word 64 bits; `_hash_raw` gives the text's bytes 128.
3. `_shingle` combines `ngram` neighbours to 32 bits, after which `_lower` updates all minima.

`tests/dedup/slow_reference.py` says the same in plain Python. Positions and addresses are int64, hashes uint64: Numba
turns a mixture of the two into float64. All but `mix` is in one file because Numba's cache on disk notices edits
of a kernel's own file only. A little-endian machine is assumed.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.base.kernels import inline_kernel, kernel
from transforms.base.streams import GOLDEN, mix
from transforms.base.vectors import (
    LANES,
    STEP,
    fold_ascii,
    load8,
    load64,
    lower_lanes,
    multiply_fold,
    set_bits,
    store32,
    trailing_zeros,
)

_U32 = npt.NDArray[np.uint32]
_U64 = npt.NDArray[np.uint64]
_I64 = npt.NDArray[np.int64]
_Bytes = npt.NDArray[np.uint8]
_Flags = npt.NDArray[np.bool_]

_BLOCK = 8192  # folded bytes after which the words found are hashed
_STRIPE = 16  # bytes of a word hashed at once
_MARGIN = 32  # bytes before the folded ones: the hash of a word may read some that it then drops
_POINT = 0x1FFFFF
_NO_MINIMUM = np.uint32(0xFFFFFFFF)

# Constants without structure: random odd numbers.
_KEY_1 = np.uint64(0x8EBC6AF09C88C6E3)
_KEY_2 = np.uint64(0x589965CC75374CC3)
_RAW_1 = np.uint64(0xA0761D6478BD642F)
_RAW_2 = np.uint64(0xE7037ED1A0B428DB)
_SHINGLE = np.uint64(0xF1357AEA2E62A9C5)
_HIGH_BITS = np.uint64(0x80808080)  # of four bytes: set where one is not ASCII


@inline_kernel
def _address(array: Any) -> Any:
    """Where an array's data begins.

    Numba frees an array after its last mention: only take the address of an argument, which the caller keeps alive.
    """
    return np.int64(array.ctypes.data)


@inline_kernel
def _integer(value: Any) -> Any:
    return np.int64(value)


@inline_kernel
def _absorb(state: np.uint64, first: np.uint64, second: np.uint64) -> np.uint64:
    """Sixteen bytes more into a hash; the sum keeps one factor of zero from hiding the other."""
    first ^= _KEY_1 ^ state
    second ^= _KEY_2
    mixed: np.uint64 = multiply_fold(first, second) ^ (first + second)
    return mixed


@kernel
def _split(
    source: int,
    stop: int,
    limit: int,
    table: _U32,
    folded_bytes: _Bytes,
    fill: int,
    edge_list: _U32,
    count: int,
    spare_bytes: _Bytes,
) -> tuple[int, int, int, int]:
    """Fold text into a buffer and list where its words begin and end, until the text or the buffer ends.

    Args:
        source: address of the next byte of the text.
        stop: address behind the text.
        limit: address behind the last byte that may be read.
        table: `word_table()`, with the highest bit set for characters that `transforms.dedup.nfc` must look at.
        folded_bytes: buffer of folded bytes, from its byte `_MARGIN` on.
        fill: bytes of it in use.
        edge_list: where in the folded bytes each word begins and ends, in turn; three a byte.
        count: edges in use; odd if the last word is open.
        spare_bytes: room for `STEP` bytes.

    Returns:
        New source, fill and count, and all entries of the table that were met, combined by `or`; source is -1 if the
        text is not UTF-8.
    """
    met = 0
    folded, edges, spare = _address(folded_bytes) + _MARGIN, _address(edge_list), _address(spare_bytes)
    while source < stop and fill < _BLOCK:
        block = source
        if source + STEP > limit:
            for i in range(limit - source):
                store32(spare + i, load8(source + i))
            block = spare
        word, other = fold_ascii(block, folded + fill)
        size = min(stop - source, trailing_zeros(other))
        change = word ^ (word << 1 | count & 1)
        if size < STEP:
            change &= (1 << size) - 1
        last = count + set_bits(change)
        while count < last:  # eight at a time, some of them in vain, for fewer mispredicted branches
            for ahead in range(8):
                store32(edges + 4 * (count + ahead), fill + trailing_zeros(change))
                change &= change - 1
            count += 8
        count = last
        fill += size
        source += size
        while source < stop and fill < _BLOCK:
            lead = load8(source)
            rest = stop - source
            if lead < 0x80:
                if rest < 8 or load64(source) & _HIGH_BITS == np.uint64(0):
                    break
                point, size, raw = lead, 1, lead
            elif 0xC2 <= lead <= 0xDF and rest >= 2:
                second = load8(source + 1)
                if second & 0xC0 != 0x80:
                    return -1, fill, count, met
                point, size, raw = (lead & 0x1F) << 6 | second & 0x3F, 2, lead | second << 8
            elif 0xE0 <= lead <= 0xEF and rest >= 3:
                second, third = load8(source + 1), load8(source + 2)
                point = (lead & 0xF) << 12 | (second & 0x3F) << 6 | third & 0x3F
                if second & 0xC0 != 0x80 or third & 0xC0 != 0x80 or point < 0x800 or 0xD800 <= point <= 0xDFFF:
                    return -1, fill, count, met
                size, raw = 3, lead | second << 8 | third << 16
            elif 0xF0 <= lead <= 0xF4 and rest >= 4:
                second, third, fourth = load8(source + 1), load8(source + 2), load8(source + 3)
                point = (lead & 7) << 18 | (second & 0x3F) << 12 | (third & 0x3F) << 6 | fourth & 0x3F
                if (
                    second & 0xC0 != 0x80
                    or third & 0xC0 != 0x80
                    or fourth & 0xC0 != 0x80
                    or not 0x10000 <= point <= 0x10FFFF
                ):
                    return -1, fill, count, met
                size, raw = 4, lead | second << 8 | third << 16 | fourth << 24
            else:
                return -1, fill, count, met
            source += size
            entry = _integer(table[point])
            met |= entry
            kind = entry & 3
            store32(edges + 4 * count, fill)  # the end of a run before this character, or the start of one with it
            count += (count & 1) ^ (kind & 1)
            if kind != 0:
                lower = entry >> 2 & _POINT
                if lower != point:
                    raw, size = _encode(lower)
                store32(folded + fill, raw)
                if kind == 2:
                    store32(edges + 4 * count, fill)
                    store32(edges + 4 * count + 4, fill + size)
                    count += 2
                fill += size
    return source, fill, count, met


@inline_kernel
def _encode(point: int) -> tuple[int, int]:
    """A code point's UTF-8 bytes as a little-endian integer, and their number."""
    if point < 0x80:
        return point, 1
    last = 0x80 | point & 0x3F
    if point < 0x800:
        return 0xC0 | point >> 6 | last << 8, 2
    middle = 0x80 | point >> 6 & 0x3F
    if point < 0x10000:
        return 0xE0 | point >> 12 | middle << 8 | last << 16, 3
    return 0xF0 | point >> 18 | (0x80 | point >> 12 & 0x3F) << 8 | middle << 16 | last << 24, 4


@inline_kernel
def _hash_word(folded: int, begin: int, end: int, state: np.uint64) -> np.uint64:
    """The hash of a word: its stripes but for the last 1 to 16 bytes, then those and their number."""
    while end - begin > _STRIPE:
        state = _absorb(state, load64(folded + begin), load64(folded + begin + 8))
        begin += _STRIPE
    size = end - begin
    beyond = np.uint64(max(64 - 8 * size, 0))
    first = load64(folded + begin) << beyond
    second = load64(folded + end - 8) >> beyond  # of a short word the same bytes again, which costs no branch
    return _absorb(state ^ np.uint64(size) * GOLDEN, first, second)


@kernel
def _hash_words(folded_bytes: _Bytes, edges: _U32, count: int, state: np.uint64, hashes: _U64) -> None:
    """64 bits for each of `count` words of a block; `state` is of the first word's bytes before the block."""
    folded = _address(folded_bytes) + _MARGIN
    for i in range(count):
        hashes[i] = _hash_word(folded, _integer(edges[2 * i]), _integer(edges[2 * i + 1]), GOLDEN)
    if count and state != GOLDEN:
        hashes[0] = _hash_word(folded, _integer(edges[0]), _integer(edges[1]), state)


@kernel
def _keep_open_word(folded_bytes: _Bytes, begin: int, fill: int, state: np.uint64) -> tuple[np.uint64, int]:
    """Absorb an unfinished word up to its last 1 to 16 bytes, move those to the front; new state, their number."""
    folded = _address(folded_bytes) + _MARGIN
    while fill - begin > _STRIPE:
        state = _absorb(state, load64(folded + begin), load64(folded + begin + 8))
        begin += _STRIPE
    for i in range(fill - begin):
        folded_bytes[_MARGIN + i] = folded_bytes[_MARGIN + begin + i]
    return state, fill - begin


@kernel
def _hash_raw(address: int, size: int, spare_bytes: _Bytes) -> tuple[np.uint64, np.uint64]:
    """Two hashes of the `size` bytes of a text."""
    spare = _address(spare_bytes)
    length = np.uint64(size) * GOLDEN
    one, two = _RAW_1 ^ length, _RAW_2 ^ length
    while size >= _STRIPE:
        first, second = load64(address), load64(address + 8)
        one, two = _absorb(one, first, second), _absorb(two, first, second)
        address += _STRIPE
        size -= _STRIPE
    for i in range(0, _STRIPE, 4):
        store32(spare + i, 0)
    for i in range(size):
        store32(spare + i, load8(address + i))
    first, second = load64(spare), load64(spare + 8)
    return mix(_absorb(one, first, second)), mix(_absorb(two, first, second))


@kernel
def _shingle(hashes: _U64, count: int, ngram: int, wide: _U64, values: _U32) -> None:
    """values[i] = 32 bits of the units i to i + ngram - 1: the high half of a polynomial in their hashes."""
    for i in range(count):
        wide[i] = hashes[i]
    for k in range(1, ngram):
        following = hashes[k : k + count]
        for i in range(count):
            wide[i] = wide[i] * _SHINGLE + following[i]
    for i in range(count):
        values[i] = np.uint32(wide[i] * _SHINGLE >> np.uint64(32))


@kernel
def _lower(values: _U32, count: int, a: _U32, b: _U32, minima: _U32) -> None:
    """Lower minima to those of datasketch's `affine32` permutations of `count` shingle hashes; spoils `values`.

    A permutation is a * fmix32(x) + b modulo 2**32, fmix32 being the finaliser of MurmurHash3.
    """
    for i in range(count):
        x = values[i]
        x = np.uint32((x ^ x >> np.uint32(16)) * np.uint32(0x85EBCA6B))
        x = np.uint32((x ^ x >> np.uint32(13)) * np.uint32(0xC2B2AE35))
        values[i] = x ^ x >> np.uint32(16)
    for k in range(0, len(minima), LANES):
        lower_lanes(_address(values), count, _address(a) + 4 * k, _address(b) + 4 * k, _address(minima) + 4 * k)


@kernel
def _key_bands(minima: _U32, factors: _U64, keys: _U64) -> None:
    """One key per `len(factors)` neighbouring minima; never 0, and the same minima give another band another key."""
    rows = len(factors)
    for band in range(len(keys)):
        key = np.uint64(band) * GOLDEN
        for row in range(rows):
            key += np.uint64(minima[band * rows + row]) * factors[row]
        keys[band] = max(mix(key), np.uint64(1))


@kernel
def _band_factors(rows: int) -> _U64:
    """An odd random number for each row of a band."""
    factors = np.empty(rows, np.uint64)
    for row in range(rows):
        factors[row] = mix(_KEY_1 + np.uint64(row) * GOLDEN) | np.uint64(1)
    return factors


@kernel
def scan_texts(
    data: _Bytes,
    offsets: _I64,
    valid: _Flags,
    table: _U32,
    ngram: int,
    rows: int,
    a: _U32,
    b: _U32,
    num_words: _U32,
    may_change: _Flags,
    text_hash: _U64,
    bands: _U64,
    sketch: _Bytes,
    all_minima: _U32,
    all_shingles: _U32,
) -> int:
    """Sketch the texts `data[offsets[i]:offsets[i + 1]]` whose `valid[i]` is set; clear it where it is not UTF-8.

    Fills the arrays from `num_words` on, one row per text. `all_minima` (one row per text) and `all_shingles` (room for
    one shingle per byte) may have no rows: then they are not wanted. Returns the number of shingles of all texts.
    """
    folded = np.empty(_MARGIN + _BLOCK + 2 * STEP, np.uint8)
    spare = np.zeros(STEP + 8, np.uint8)
    edges = np.empty(3 * (_BLOCK + 2 * STEP), np.uint32)
    room = _BLOCK + STEP + ngram
    hashes, wide, values = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint32)
    minima = np.empty(len(a), np.uint32)
    factors = _band_factors(rows)
    start, limit = _address(data), _address(data) + len(data)
    all_count = 0
    for text in range(len(valid)):
        if not valid[text]:
            continue
        source, stop = start + offsets[text], start + offsets[text + 1]
        for k in range(len(minima)):
            minima[k] = _NO_MINIMUM
        fill, count, carried, total, shingles = 0, 0, 0, 0, 0
        state, all_met = GOLDEN, 0
        while True:
            source, fill, count, met = _split(source, stop, limit, table, folded, fill, edges, count, spare)
            all_met |= met
            if source < 0:
                break
            done = source >= stop
            if done and count & 1:
                edges[count] = fill
                count += 1
            words = count >> 1
            _hash_words(folded, edges, words, state, hashes[carried : carried + words])
            total += words
            carried += words
            fresh = carried - ngram + 1
            if fresh > 0:
                _shingle(hashes, fresh, ngram, wide, values)
                if len(all_shingles):
                    for i in range(fresh):
                        all_shingles[all_count + i] = values[i]
                _lower(values, fresh, a, b, minima)
                for i in range(ngram - 1):
                    hashes[i] = hashes[fresh + i]
                carried = ngram - 1
                shingles += fresh
                all_count += fresh
            if done:
                break
            if words:
                state = GOLDEN
            if count & 1:
                state, fill = _keep_open_word(folded, _integer(edges[count - 1]), fill, state)
                edges[0], count = 0, 1
            else:
                fill, count = 0, 0
        if source < 0:
            valid[text] = False
            continue
        num_words[text] = total
        may_change[text] = all_met >> 31 != 0
        first, size = start + offsets[text], offsets[text + 1] - offsets[text]
        text_hash[text, 0], text_hash[text, 1] = _hash_raw(first, size, spare)
        if shingles:
            _key_bands(minima, factors, bands[text])
        for k in range(sketch.shape[1]):
            sketch[text, k] = np.uint8(minima[k])
        if len(all_minima):
            for k in range(len(minima)):
                all_minima[text, k] = minima[k]
    return all_count


@kernel
def scan_tokens(
    tokens: _U32,
    offsets: _I64,
    valid: _Flags,
    ngram: int,
    rows: int,
    a: _U32,
    b: _U32,
    bands: _U64,
    sketch: _Bytes,
) -> None:
    """Band keys and sketches of shingles of `tokens[offsets[i]:offsets[i + 1]]`, where `valid[i]` is set."""
    room = _BLOCK + ngram
    hashes, wide, values = np.empty(room, np.uint64), np.empty(room, np.uint64), np.empty(room, np.uint32)
    minima, factors = np.empty(len(a), np.uint32), _band_factors(rows)
    for text in range(len(valid)):
        if not valid[text]:
            continue
        for k in range(len(minima)):
            minima[k] = _NO_MINIMUM
        carried, shingles = 0, 0
        for first in range(offsets[text], offsets[text + 1], _BLOCK):
            last = min(first + _BLOCK, offsets[text + 1])
            for i in range(first, last):
                hashes[carried + i - first] = mix(np.uint64(tokens[i]) + GOLDEN)
            carried += last - first
            fresh = carried - ngram + 1
            if fresh > 0:
                _shingle(hashes, fresh, ngram, wide, values)
                _lower(values, fresh, a, b, minima)
                for i in range(ngram - 1):
                    hashes[i] = hashes[fresh + i]
                carried = ngram - 1
                shingles += fresh
        if shingles:
            _key_bands(minima, factors, bands[text])
        for k in range(sketch.shape[1]):
            sketch[text, k] = np.uint8(minima[k])
