"""Columns that follow the text and would betray a changed one: which they are, and of which function.

A column whose value is the same function of the text in every document looked at (its length, a hash of it, the text
itself) is made again where the text changes. One that only seems to follow it (its name says so, or it grows with the
length), or that does so within a struct, cannot be made again: the corpus is refused until its owner says what to do.
"""

import base64
import functools
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.base.errors import SealError
from transforms.corpus.types.written import has_fixed_size_list, stored

LOOKED_AT, LOOKED_AT_IN_A_FILE, FILES = 512, 64, 64
"""Documents that are looked at: in all at least, in each file at least; and files that are looked into."""
UNIQUE = "unique"
"""Stands for a function where a column has another value in every document, which cannot be made for a new one."""
MOST = 32
"""Columns that may follow the text: the ledger has a bit for each."""

_FEWEST, _FEWEST_FOR_CORRELATION, _CORRELATION = 3, 20, 0.98
_CONCLUSIVE = 16
"""Length of a value that equals a function of a text by no chance."""
_SHORTEST_PREFIX = 8
_DIGESTS = ("md5", "sha1", "sha256", "sha512", "blake2b", "blake2s", "sha3_256")
_TRIED_FIRST = 8

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_COUNTED = r"(chars?|characters?|words?|tokens?|bytes?|lines?)"
_SUSPICIOUS = re.compile(
    r"(^|[^a-z])([a-z0-9]*hash[0-9]*|md5|sha[0-9_]*|xxh[0-9_]*|checksum|digest|etag|crc[0-9]*|fingerprint|signature"
    r"|embeddings?|len|length|input_ids|token_ids|tokens?|spans?|offsets"
    rf"|(n|num)_?{_COUNTED}|{_COUNTED}_?(count|num|len|length))($|[^a-z])",
    re.IGNORECASE,
)


def _digest(name: str, form: Callable[[bytes], str | bytes], text: bytes) -> str | bytes:
    return form(hashlib.new(name, text, usedforsecurity=False).digest())


def _hex(length: int | None, upper: bool, digest: bytes) -> str:
    return (digest.hex().upper() if upper else digest.hex())[:length]


def _base64(encode: Callable[[bytes], bytes], padding: str, digest: bytes) -> str:
    return encode(digest).decode().rstrip("=" if padding else "")


def _forms(size: int) -> dict[str, Callable[[bytes], str | bytes]]:
    """How a digest of `size` bytes is written, by a name for it."""
    forms: dict[str, Callable[[bytes], str | bytes]] = {
        "hex": bytes.hex,
        "raw": bytes,
        "hex upper": functools.partial(_hex, None, True),
        "base64": lambda digest: base64.b64encode(digest).decode(),
        "base64 urlsafe": lambda digest: base64.urlsafe_b64encode(digest).decode(),
        "base64 unpadded": lambda digest: base64.b64encode(digest).decode().rstrip("="),
        "base64 urlsafe unpadded": lambda digest: base64.urlsafe_b64encode(digest).decode().rstrip("="),
    }
    for length in range(_SHORTEST_PREFIX, 2 * size):
        forms[f"hex {length}"] = functools.partial(_hex, length, False)
        forms[f"hex upper {length}"] = functools.partial(_hex, length, True)
    return forms


FUNCTIONS: Mapping[str, Callable[[bytes], Any]] = {
    "bytes": len,
    "characters": lambda text: len(text.decode()),
    "words": lambda text: len(text.decode().split()),
    "newlines": lambda text: text.count(b"\n"),
    "lines": lambda text: text.count(b"\n") + 1,
    "crc32": zlib.crc32,
    "identity": bytes.decode,
    "utf8": bytes,
    **{
        f"{name} {form}": functools.partial(_digest, name, write)
        for name in _DIGESTS
        for form, write in _forms(hashlib.new(name, usedforsecurity=False).digest_size).items()
    },
}
"""Functions of a text's UTF-8 bytes that columns are known to hold; 'hex 16' are the first 16 of the digits."""
_NUMBERS = ("bytes", "characters", "words", "newlines", "lines", "crc32")


@functools.lru_cache(maxsize=1)
def _sizes() -> Mapping[str, int]:
    """How long the value of a function is, where it is equally long for every text: a digest."""
    return {name: len(FUNCTIONS[name](b"")) for name in FUNCTIONS if name.partition(" ")[0] in _DIGESTS}


@dataclass(frozen=True)
class Follower:
    """A column that holds one of `FUNCTIONS` of the text; or one that is `UNIQUE`, and null in an added document."""

    column: str
    function: str


def find_followers(
    sample: pa.Table, text_column: str, unrelated: Sequence[str] = (), id_column: str | None = None
) -> list[Follower]:
    """The columns of `sample` that follow its texts, in the order of the columns.

    Args:
        sample: some documents, without views; those without a text do not count.
        text_column: the text.
        unrelated: columns, or fields of structs as 'column.field', that do not follow the text, whatever it looks like.
        id_column: names the documents, also in what is written about those that were removed.

    Raises:
        SealError: for a column that seems to follow the text in a way that is not known, or that follows it where it
            cannot be made again: within a struct, or as the id.
    """
    given = [text.encode() if text is not None else None for text in sample[text_column].to_pylist()]
    texts = [text for text in given if text is not None]
    table = sample.filter(pa.array([text is not None for text in given], pa.bool_()))
    found = []
    for column in table.column_names:
        if column == text_column:
            continue
        for name, values in _leaves(column, table[column]):
            values = stored(values)
            if any(name == one or name.startswith(f"{one}.") for one in unrelated):
                continue
            function = _function_of(values, texts)
            if function is not None:
                _refuse_fixed(name, column, function, id_column)
                found.append(Follower(name, function))
            elif (why := _suspicion(name, values, texts)) is not None:
                raise SealError(
                    f"column {name!r} {why}: where a text is changed it would betray the change; leave it out of the "
                    f"input, or say with --unrelated-columns {name} that it does not follow the text"
                )
    if len(found) > MOST:
        raise SealError(f"{len(found)} columns follow the text, {MOST} may: leave out the last, {found[-1].column!r}")
    return found


def find_unique(
    sample: pa.Table, text_column: str, followers: Sequence[Follower], id_column: str | None = None
) -> list[Follower]:
    """The other columns with a different value in every document of `sample`, such as ids and addresses.

    Args:
        sample: some documents, with the fields' nullability as in the whole corpus.
        text_column: the text.
        followers: columns that follow the text.
        id_column: unique whatever it holds.

    Raises:
        SealError: for such a column without nulls: an added document cannot have a value there.
    """
    known = {text_column, *(follower.column for follower in followers)}
    found = []
    for field in sample.schema:
        if field.name in known:
            continue
        leaves = _leaves(field.name, sample[field.name])
        unique = next((name for name, values in leaves if field.name == id_column or _is_unique(stored(values))), None)
        if unique is None:
            continue
        if not field.nullable or has_fixed_size_list(field.type):
            raise SealError(
                f"column {unique!r} has another value in every document, which cannot be made up for documents that "
                f"are added, and {field.name!r} ({field.type}) takes no nulls: leave it out of the input, or make it "
                "nullable (a list in place of a fixed-size list)"
            )
        found.append(Follower(field.name, UNIQUE))
    return found


def _leaves(name: str, column: pa.ChunkedArray) -> Iterator[tuple[str, pa.ChunkedArray]]:
    """The column, or the fields of the structs that it is made of, with dotted names; a value a document each."""
    if pa.types.is_struct(column.type) and column.type.num_fields:
        for field, values in zip(column.type, column.flatten(), strict=True):
            yield from _leaves(f"{name}.{field.name}", values)
    else:
        yield name, column


def _refuse_fixed(name: str, column: str, function: str, id_column: str | None) -> None:
    """Refuse a follower that cannot be made again."""
    if column == id_column:
        raise SealError(
            f"column {name!r} names the documents and is their text's {function}: it would betray a changed text, and "
            "ids that are hashes of the text cannot be kept, since what is written of duplicates names them too; "
            "leave the column out of the input, rename it, or name another one with --id-column"
        )
    if name != column:
        raise SealError(
            f"column {name!r} is the text's {function} within a struct, where it is not made again: where a text is "
            "changed it would betray the change; leave it out of the input, or make it a column of its own"
        )


def _function_of(column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    dtype = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    is_text = pa.types.is_string(dtype) or pa.types.is_large_string(dtype)
    is_bytes = pa.types.is_binary(dtype) or pa.types.is_large_binary(dtype) or pa.types.is_fixed_size_binary(dtype)
    if not (pa.types.is_integer(dtype) or is_text or is_bytes):
        return None
    pairs = [(value, text) for value, text in zip(column.to_pylist(), texts, strict=True) if value is not None]
    if is_text or is_bytes:
        return _spelling_of([pair for pair in pairs if pair[1]])
    if len(pairs) < _FEWEST or len({value for value, _ in pairs}) < 2:
        return None
    for name in _NUMBERS:
        if all(value == FUNCTIONS[name](text) for value, text in pairs):
            return name
    return None


def _spelling_of(pairs: Sequence[tuple[Any, bytes]]) -> str | None:
    """The function that strings or bytes are of most texts; None unless they are so of at least half of them.

    No chance makes so many digests or whole texts equal, and a text may have been mended after it was hashed. Many
    digests are the same in two spellings (Base64 for URLs differs in two characters), hence the one that fits most.
    """
    first = sorted(pairs, key=lambda pair: len(pair[1]))[:_TRIED_FIRST]
    best, most = None, 0
    sizes, lengths = _sizes(), {len(value) for value, _ in first}
    for name, function in FUNCTIONS.items():
        if name in _NUMBERS or sizes.get(name, -1) not in {-1, *lengths}:
            continue
        if not any(value == function(text) for value, text in first):
            continue
        equal = [value for value, text in pairs if value == function(text)]
        told = len(set(equal)) >= _FEWEST or any(len(value) >= _CONCLUSIVE for value in equal)
        if told and 2 * len(equal) >= len(pairs) and len(equal) > most:
            best, most = name, len(equal)
    return best


def _suspicion(name: str, column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    if _is_suspicious(name):
        unseen = ", and no value in the documents looked at" if column.null_count == len(column) else ""
        return f"({column.type}) has the name of something that follows the text{unseen}"
    inner = next(filter(_is_suspicious, _keys(column)), None)
    if inner is not None:
        return f"holds something named {inner!r}, as what follows the text is named"
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _correlation(column, texts)
    return _spans(column, texts)


def _is_suspicious(name: str) -> bool:
    return any(_SUSPICIOUS.search(spelled) for spelled in (name, _CAMEL.sub("_", name)))


def _correlation(column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    values = column.cast(pa.float64(), safe=False).to_numpy()
    fine = np.isfinite(values)
    sizes = np.array([len(text) for text in texts], np.float64)[fine]
    values = values[fine]
    if len(values) >= _FEWEST_FOR_CORRELATION and sizes.std() > 0 and values.std() > 0:
        correlation = float(np.corrcoef(values, sizes)[0, 1])
        if abs(correlation) >= _CORRELATION:
            return f"({column.type}) goes with the length of the text (correlation {correlation:.3f})"
    return None


def _keys(column: pa.ChunkedArray) -> Iterator[str]:
    """The names inside a column: of fields within lists, keys of maps and of objects in JSON."""
    yield from _field_names(column.type)
    dtype = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_map(dtype):
        for chunk in column.chunks:
            yield from (key for key in chunk.keys.unique().to_pylist() if isinstance(key, str))
    elif pa.types.is_string(dtype) or pa.types.is_large_string(dtype):
        for value in column.to_pylist():
            if value is not None and value.lstrip()[:1] == "{":
                try:
                    yield from _json_keys(json.loads(value))
                except (ValueError, RecursionError):
                    continue


def _field_names(dtype: pa.DataType) -> Iterator[str]:
    for at in range(dtype.num_fields):
        field = dtype.field(at)
        if pa.types.is_struct(dtype):
            yield field.name
        yield from _field_names(field.type)


def _json_keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for one in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _json_keys(one)


def _spans(column: pa.ChunkedArray, texts: Sequence[bytes]) -> str | None:
    """Lists of numbers whose largest is the length of the text, in every document: spans over all of it."""
    if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
        return None
    seen = set()
    for value, text in zip(_plain(column), texts, strict=True):
        if value is None:
            continue
        most = max(_integers(value), default=None)
        if most not in (len(text), len(text.decode())):
            return None
        seen.add(most)
    return f"({column.type}) ends where the text ends" if len(seen) >= _FEWEST else None


def _integers(value: Any) -> Iterator[int]:
    if isinstance(value, int):
        yield value
    elif isinstance(value, list | dict):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _integers(one)


def _is_unique(column: pa.ChunkedArray) -> bool:
    known = int(len(column) - column.null_count)
    if known < _FEWEST:
        return False
    try:
        distinct = int(pc.count_distinct(column, mode="only_valid").as_py())
    except pa.ArrowNotImplementedError:
        distinct = len({repr(value) for value in _plain(column) if value is not None})
    return distinct == known


def _plain(column: pa.ChunkedArray) -> list[Any]:
    """The values as Python's, or nothing but None where Python has no such times."""
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):
        return [None] * len(column)
