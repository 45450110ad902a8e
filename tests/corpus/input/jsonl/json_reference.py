"""JSON lines by the letter of the contract, one line at a time by the json module, and lines of every kind to read."""

import bz2
import gzip
import json
import lzma
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import zstandard
from hypothesis import strategies as st

from transforms.corpus.input.jsonl.lines import MAX_DEPTH

Rows = list[tuple[int, dict[str, Any]]]
Kinds = dict[str, set[str]]

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".lz4": lambda data: pa.compress(data, "lz4", asbytes=True),
}


class BrokenError(ValueError):
    pass


def reference(data: bytes) -> tuple[Rows, list[tuple[int, str]], bool]:
    """Good lines, bad lines, and whether the good ones agree about the type of every column."""
    good: Rows = []
    bad = []
    position = 0
    kinds: Kinds = {}
    agree = True
    for line in data.split(b"\n"):
        text = line
        while text.startswith(b"\xef\xbb\xbf"):
            text = text[3:]
        if text.strip(b" \t\r"):
            try:
                row = parse(text.decode())
                found: Kinds = {}
                if not merge_kinds(found, "", row):
                    raise BrokenError
                good.append((position, row))
                agree &= merge_kinds(kinds, "", row)
            except UnicodeDecodeError:
                bad.append((position, "invalid_utf8"))
            except (ValueError, RecursionError):
                bad.append((position, "broken_json"))
        position += len(line) + 1
    return good, bad, agree


def begins_with_no_record(data: bytes) -> bool:
    """Whether the first lines tell that the file does not hold JSON lines."""
    good, bad, _ = reference(data)
    first = [position for position, _ in bad if not good or position < good[0][0]]
    if not first:
        return False
    line = data[first[0] :].split(b"\n")[0].lstrip(b"\xef\xbb\xbf \t\r")
    if len(first) >= 10 or goes_on(line) or (not good and (len(first) > 1 or line.startswith(b"["))):
        return True
    return not good and has_more(line)


def goes_on(line: bytes) -> bool:
    """Whether a line begins an array that it does not end."""
    if not line.startswith(b"["):
        return False
    try:
        json.loads(line.decode(errors="replace"), parse_int=str, parse_float=str)
    except RecursionError:
        return False
    except ValueError:
        return True
    return False


def has_more(line: bytes) -> bool:
    """Whether something follows the object that a line begins with."""
    try:
        json.loads(line.decode(errors="strict"))
    except json.JSONDecodeError as error:
        text = line.decode()
        return error.msg == "Extra data" and text[error.pos :].strip(" \t\r") != "," and "\0" not in text
    except (ValueError, RecursionError):
        return False
    return False


def parse(text: str) -> dict[str, Any]:
    row = json.loads(text, object_pairs_hook=unique, parse_int=integer, parse_float=number)
    if not isinstance(row, dict) or depth(row) > MAX_DEPTH:
        raise BrokenError
    json.dumps(row, ensure_ascii=False).encode()  # no lone surrogate
    return row


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise BrokenError
    return dict(pairs)


def integer(text: str) -> int:
    if not -(2**63) <= int(text) < 2**63:
        raise BrokenError
    return int(text)


def number(text: str) -> float:
    if math.isinf(float(text)):
        raise BrokenError
    return float(text)


def depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max(map(depth, value.values()), default=0)
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


def merge_kinds(kinds: Kinds, path: str, value: Any) -> bool:
    """Note the kind of every part of a value; False if no column holds it with the parts noted before."""
    if value is None:
        return True
    kind = "number" if type(value) in (int, float) else type(value).__name__
    found = kinds.setdefault(path, set())
    found.add(kind)
    if type(value) is float:
        found.add("fraction")
    if type(value) is int and int(float(value)) != value:
        found.add("inexact")
    same = found <= {kind, "fraction"} or found <= {kind, "inexact"}
    parts: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        parts = [(f"{path}/{key!r}", part) for key, part in value.items()]
    if isinstance(value, list):
        parts = [(f"{path}/[]", part) for part in value]
    for inside, part in parts:
        same &= merge_kinds(kinds, inside, part)
    return same


def shaped(value: Any, dtype: pa.DataType) -> Any:
    """A JSON value as a column of type `dtype` gives it back."""
    if value is None or pa.types.is_null(dtype):
        assert value in (None, {})
        return None
    if pa.types.is_struct(dtype):
        assert set(value) <= {field.name for field in dtype}
        return {field.name: shaped(value.get(field.name), field.type) for field in dtype}
    if pa.types.is_list(dtype):
        return [shaped(part, dtype.value_type) for part in value]
    return float(value) if pa.types.is_floating(dtype) else value


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(
    ["2020-01-01", "2020-01-01T00:00:00Z", "2021-02-03 04:05:06", "12:30:00", '"\\\n\t\0', "\ufeff", "\u2028😀", "{}"]
)
integers = st.integers(-(2**63), 2**63 - 1) | st.integers(-9, 9) | st.integers(2**53 - 2, 2**53 + 4)
small = st.integers(-(2**53), 2**53) | st.just(2**60)
floats = st.floats(allow_nan=False, allow_infinity=False)
scalars = [integers, small | floats, integers | floats, texts, st.booleans(), st.none()]


def typed(levels: int) -> st.SearchStrategy[st.SearchStrategy[Any]]:
    """Draws a type, as a strategy for its values, null among them."""
    leaf = st.sampled_from(scalars).map(lambda values: values | st.none())
    if not levels:
        return leaf
    inner = typed(levels - 1)
    lists = inner.map(lambda values: st.none() | st.lists(values, max_size=3))
    return leaf | lists | st.dictionaries(st.sampled_from("abcé"), inner, max_size=3).map(objects)


def objects(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    return st.none() | st.fixed_dictionaries({}, optional=fields)


INVALID = [b"{", b"null", b"[]", b"1", b'"x"', b'{"a":1}{"a":2}', b'{"a":1} x', b"{'a':1}", b'{"b":tru}', b'{"b":01}']
INVALID += [b'{"a":"\xff"}', b"\xff\xfe", b'{"c":"\\ud800"}', b'{"c":"\\udc00\\ud800"}', b'{"c":"\\x"}', b"\0", b"\x0c"]
INVALID += [
    b'{"d":1,"d":1}',
    b'{"d":{"e":null,"e":null}}',
    b'{"d":[1,"x"]}',
    b'{"d":1e999}',
    b'{"d":9223372036854775808}',
]
INVALID += [
    b'{"a":' + b"[" * 64 + b"]" * 64 + b"}",
    b'{"a":"' + b"x" * 30,
    b'x": 1}',
    b'\xef\xbb\xbf{"a":1}x',
    b'{"a":1,}',
]
