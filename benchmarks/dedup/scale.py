"""Copies of a corpus that are no near-duplicates of it or of each other, to see time and memory against size.

In each copy a fifth of the words is replaced by words of the corpus itself, drawn as often as they occur there. Which
and by what is a keyed hash of (key, copy, document, position of the word), or, with `kin` copies, of (key, copy, the
word, the word before it): then equal passages stay equal within a copy, and each copy has as many near-duplicates as
the original. A 5-word shingle survives with probability .8^5, so a copy's expected similarity to its original is
about .33 / (2 - .33) = .2.

    python -m benchmarks.dedup.scale --corpus DIR... --output DIR --copies 3
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

from benchmarks.dedup.corpus import TEXT, fingerprint, parquet_files, texts

SHARE = 0.2
VOCABULARY = 1 << 16
ROW_GROUP_ROWS = 2000
RECIPE = 1
"""Raise it when the copies' texts change."""

_PARTS, _IN, _ALONE = 0, 1, 2
_M1 = np.uint64(0xFF51AFD7ED558CCD)
_M2 = np.uint64(0xC4CEB9FE1A85EC53)
_FNV_START = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)
_S33 = np.uint64(33)
_S16 = np.uint64(16)


def _byte_classes() -> npt.NDArray[np.uint8]:
    """What a byte does to a word: parts words, continues one, or opens a character that is a word of its own.

    Good enough for making copies, and of one pass over the bytes: ASCII letters, digits and underscore and the
    letters up to U+1FFF are in words, U+2000 to U+2FFF are punctuation, and each character beyond is a word.
    """
    classes = np.full(256, _PARTS, np.uint8)
    for first, last in ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A), (0x80, 0xE1)):
        classes[first : last + 1] = _IN
    classes[0xE3:0xF5] = _ALONE
    return classes


_CLASSES = _byte_classes()


@njit(nogil=True, inline="always")
def _mixed(value):  # type: ignore[no-untyped-def]
    """Stir 64 bits: MurmurHash3's finaliser (Appleby)."""
    value ^= value >> _S33
    value *= _M1
    value ^= value >> _S33
    value *= _M2
    return value ^ (value >> _S33)


@njit(nogil=True, inline="always")
def _between_end(data, at, stop):  # type: ignore[no-untyped-def]
    """Where the character at `at`, which parts words, ends."""
    end = at + 1
    if data[at] >= 0xC0:
        while end < stop and data[end] & 0xC0 == 0x80:
            end += 1
    return end


@njit(nogil=True, inline="always")
def _word_end(data, at, stop, classes):  # type: ignore[no-untyped-def]
    """Where the word that begins at `at` ends."""
    if classes[data[at]] == _ALONE:
        end = at + 1
        while end < stop and data[end] & 0xC0 == 0x80:
            end += 1
        return end
    end = at + 1
    while end < stop and classes[data[end]] == _IN:
        end += 1
    return end


@njit(nogil=True, cache=True)
def _some_words(data, starts, every, classes):  # type: ignore[no-untyped-def]
    """Begin and end of one word in `every`, chosen by a hash of its number: int64[n, 2]."""
    found = np.empty((2 * (len(data) // every) + 64, 2), np.int64)
    count = 0
    seen = np.uint64(0)
    for document in range(len(starts) - 1):
        at, stop = starts[document], starts[document + 1]
        while at < stop:
            if classes[data[at]] == _PARTS:
                at = _between_end(data, at, stop)
                continue
            end = _word_end(data, at, stop, classes)
            if _mixed(seen + _M1) % np.uint64(every) == 0 and count < len(found):
                found[count, 0], found[count, 1] = at, end
                count += 1
            seen += np.uint64(1)
            at = end
    return found[:count].copy()


@njit(nogil=True, cache=True)
def _substitute(data, starts, first_document, seed, kin, share, letters, bounds, classes):  # type: ignore[no-untyped-def]
    """Texts with a keyed share of their words replaced: (uint8[total], int64[n + 1]).

    `letters` and `bounds` hold the vocabulary as an Arrow string array does.
    """
    count = len(starts) - 1
    size = starts[count] - starts[0]
    out = np.empty(size + size // 4 + 4096, np.uint8)
    out_starts = np.zeros(count + 1, np.int64)
    limit = np.uint64(share * 65536)
    words = np.uint64(len(bounds) - 1)
    filled = 0
    for document in range(count):
        own = _mixed(seed ^ _mixed(np.uint64(first_document + document + 1)))
        at, stop = starts[document], starts[document + 1]
        position = np.uint64(0)
        before = np.uint64(0)
        while at < stop:
            if filled + (stop - at) + 4096 > len(out):
                grown = np.empty(2 * len(out) + (stop - at) + 4096, np.uint8)
                grown[:filled] = out[:filled]
                out = grown
            if classes[data[at]] == _PARTS:
                end = _between_end(data, at, stop)
                for k in range(at, end):
                    out[filled] = data[k]
                    filled += 1
                at = end
                continue
            end = _word_end(data, at, stop, classes)
            if kin:
                word = _FNV_START
                for k in range(at, end):
                    word = (word ^ np.uint64(data[k])) * _FNV_PRIME
                draw = _mixed(seed ^ _mixed(word + np.uint64(3) * before))
                before = word
            else:
                position += np.uint64(1)
                draw = _mixed(own + position * _M1)
            if draw & np.uint64(0xFFFF) < limit:
                chosen = np.int64((draw >> _S16) % words)
                for k in range(bounds[chosen], bounds[chosen + 1]):
                    out[filled] = letters[k]
                    filled += 1
            else:
                for k in range(at, end):
                    out[filled] = data[k]
                    filled += 1
            at = end
        out_starts[document + 1] = filled
    return out[:filled].copy(), out_starts


def _arrays(column: pa.LargeStringArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    _, offsets, data = column.buffers()
    starts = np.frombuffer(offsets, np.int64, len(column) + 1, column.offset * 8)
    return np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8), starts


def vocabulary(files: Sequence[Path], words: int = VOCABULARY) -> pa.LargeStringArray:
    """About `words` words of a corpus, each as often as it occurs, from all its files.

    Raises:
        ValueError: if the files hold no word at all.
    """
    found: list[bytes] = []
    for file in files:
        for column in texts(file):
            data, starts = _arrays(column)
            share = len(column) / max(1, pq.read_metadata(file).num_rows) / len(files)
            wanted = max(1, int(words * share))
            every = max(1, len(data) // 6 // wanted)  # a word and its space take about six bytes
            found += [data[a:b].tobytes() for a, b in _some_words(data, starts, every, _CLASSES)]
    short = [word for word in found if len(word) <= 64]
    if not short:
        raise ValueError(f"no word found in {len(files)} files: is the column {TEXT!r} empty?")
    return pa.array([word.decode() for word in short], pa.large_string())


def seed_of(key: str, copy: int) -> np.uint64:
    """64 bits for one copy, from a key."""
    digest = hashlib.blake2b(f"{copy}".encode(), key=key.encode()[:64], digest_size=8, person=b"scale").digest()
    return np.uint64(int.from_bytes(digest, "little"))


def substituted(
    column: pa.LargeStringArray,
    first_document: int,
    seed: np.uint64,
    words: pa.LargeStringArray,
    *,
    kin: bool = False,
    share: float = SHARE,
) -> pa.LargeStringArray:
    """Texts with a keyed `share` of their words replaced by words drawn from `words`.

    `first_document` is the number of the first text in its corpus.
    """
    data, starts = _arrays(column)
    letters, bounds = _arrays(words)
    out, out_starts = _substitute(data, starts, first_document, seed, kin, share, letters, bounds, _CLASSES)
    return pa.LargeStringArray.from_buffers(len(column), pa.py_buffer(out_starts), pa.py_buffer(out))


def _copy_file(
    source: Path, target: Path, first: int, copy: int, key: str, words: pa.LargeStringArray, kin: bool
) -> None:
    reader = pq.ParquetFile(source)
    schema = reader.schema_arrow
    seed = seed_of(key, copy)
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for group in range(reader.metadata.num_row_groups):
            table = reader.read_row_group(group, use_threads=False)
            column = table.column(TEXT).cast(pa.large_string()).fill_null("").combine_chunks()
            text = substituted(column, first, seed, words, kin=kin)
            first += len(table)
            at = schema.get_field_index(TEXT)
            table = table.set_column(at, schema.field(at), text.cast(schema.field(at).type))
            where = schema.get_field_index("id")
            if where >= 0 and pa.types.is_string(schema.field(where).type):
                marked = pa.array([None if i is None else f"{i}~{copy}" for i in table.column(where).to_pylist()])
                table = table.set_column(where, schema.field(where), marked.cast(pa.string()))
            writer.write_table(table, row_group_size=ROW_GROUP_ROWS)


def make_copies(
    folders: Sequence[Path],
    destination: Path,
    copies: int,
    *,
    key: str = "scale",
    kin: bool = False,
    threads: int = 2,
) -> list[Path]:
    """Write copies 1 to `copies` of a corpus, each into a folder of its own with as many files; returns the folders.

    Finished copies are reused.

    Raises:
        OSError: if the disk has less than 1.5 times the space that the copies need.
    """
    files = parquet_files(folders)
    name = fingerprint(folders, key, kin, SHARE, RECIPE)
    targets = [destination / name / f"copy-{copy:02d}" for copy in range(1, copies + 1)]
    missing = [(copy, target) for copy, target in enumerate(targets, 1) if not (target / "_DONE").exists()]
    if not missing:
        return targets
    destination.mkdir(parents=True, exist_ok=True)
    needed = int(1.5 * len(missing) * sum(file.stat().st_size for file in files))
    free = shutil.disk_usage(destination).free
    if free < needed:
        raise OSError(f"{len(missing)} copies need about {needed / 1e9:.1f} GB of disk, {free / 1e9:.1f} GB are free")
    words = vocabulary(files)
    rows = np.cumsum([0] + [pq.read_metadata(file).num_rows for file in files])
    for _, target in missing:
        target.mkdir(parents=True, exist_ok=True)
    jobs = [
        (file, target / f"part-{ordinal:05d}.parquet", int(rows[ordinal]), copy)
        for copy, target in missing
        for ordinal, file in enumerate(files)
    ]
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(lambda job: _copy_file(*job, key, words, kin), jobs):
            pass
    for _, target in missing:
        (target / "_DONE").touch()
    return targets


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", nargs="+", type=Path, required=True, help="folders of Parquet with a text column")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--copies", type=int, required=True, help="copies to make beside the original")
    parser.add_argument("--key", default="scale")
    parser.add_argument("--kin", action="store_true", help="keep the near-duplicates inside each copy")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    for made in make_copies(
        given.corpus, given.output, given.copies, key=given.key, kin=given.kin, threads=given.threads
    ):
        print(made)
