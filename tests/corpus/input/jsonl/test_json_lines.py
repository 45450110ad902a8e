import json
import random
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.corpus.input.jsonl import lines as json_lines
from transforms.corpus.input.jsonl.lines import (
    BIG_INTEGER,
    BLANK,
    MAX_DEPTH,
    NOT_ONE_OBJECT,
    OBJECT,
    OBJECT_NULL_ITEM,
    TOO_DEEP,
)

FRAGMENTS = [b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b"\r", b" ", b"\t", b",", b":", b"1", b"-", b"e", b".", b"n"]
FRAGMENTS += [
    b"\0",
    b"\x01",
    b"\xc3\xa9",
    b"\xff",
    b"a",
    b"null",
    b'"a":',
    b"[null]",
    b"9223372036854775807",
    b"{}",
    b"9007199254740993",
]


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(bytearray(data), np.uint8)


def kind_of(line: bytes) -> int:
    """What a line is, by one walk over its characters with an explicit stack."""
    text = line.strip(b" \t\r").decode("latin-1")
    if not text:
        return BLANK
    stack: list[str] = []
    in_string = escaped = null_item = False
    number = ""
    for at, char in enumerate(text):
        if in_string:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                in_string = False
            elif char < " ":
                return NOT_ONE_OBJECT
            continue
        if at and not stack:
            return NOT_ONE_OBJECT
        if number and char in "0123456789.eE+-":
            number += char
            continue
        if number and is_big(number):
            return BIG_INTEGER
        number = ""
        if char == "\0":
            return NOT_ONE_OBJECT
        if char in "{[":
            if not at and char == "[":
                return NOT_ONE_OBJECT
            if len(stack) == MAX_DEPTH:
                return TOO_DEEP
            stack.append("}" if char == "{" else "]")
        elif char in "}]":
            if not stack or stack.pop() != char:
                return NOT_ONE_OBJECT
        elif not stack:
            return NOT_ONE_OBJECT
        elif char == '"':
            in_string = True
        elif char == "n":
            null_item |= stack[-1] == "]" and text[at : at + 2] == "nu"
        elif char in "-0123456789":
            number = char
    if number and is_big(number):
        return BIG_INTEGER
    if stack or in_string:
        return NOT_ONE_OBJECT
    return OBJECT_NULL_ITEM if null_item else OBJECT


NUMBER = re.compile(r"-?[0-9][0-9.eE+-]*")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def is_inexact(number: str) -> bool:
    return number.removeprefix("-").isdigit() and int(float(number)) != int(number)


def is_big(number: str) -> bool:
    digits = number.removeprefix("-")
    if not digits.isdigit():
        return False
    return len(digits) > 19 or not -(2**63) <= int(number) < 2**63


@settings(deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=30).map(b"".join))
def test_lines_and_kinds_are_those_of_a_walk_over_the_characters(data: bytes) -> None:
    starts, ends, kinds, inexact = json_lines.scan_lines(array(data))
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    assert [data[start:end] for start, end in zip(starts, ends, strict=True)] == lines
    assert kinds.tolist() == [kind_of(line) for line in lines]
    for line, kind, count in zip(lines, kinds.tolist(), inexact.tolist(), strict=True):
        if kind in (OBJECT, OBJECT_NULL_ITEM):
            assert count == sum(map(is_inexact, NUMBER.findall(STRING.sub("", line.decode("latin-1")))))


@settings(deadline=None)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-(2**54), 2**54) | st.floats(), max_size=4))
def test_integers_that_a_float_rounds_are_counted(values: list[float]) -> None:
    line = json.dumps({"a": values, str(2**53 + 1): str(2**53 + 1)}).encode()
    found = json_lines.scan_lines(array(b"{}\n" + line + b"\n{}"))[3]
    wanted = sum(type(value) is int and int(float(value)) != value for value in values)
    assert found.tolist() == [0, wanted, 0]


@settings(deadline=None)
@given(
    st.lists(st.sampled_from([b"\xef\xbb\xbf", b"\xef\xbb", b"{}", b"\n", b" ", b"\xef"]), max_size=12).map(b"".join)
)
def test_byte_order_marks_at_the_start_of_a_line_are_white_space(data: bytes) -> None:
    starts, _, kinds, _ = json_lines.scan_lines(array(data))
    marks = json_lines.line_marks(array(data), starts)
    lines = data.split(b"\n")
    for line, kind, count in zip(lines, kinds.tolist(), marks.tolist(), strict=False):
        rest = line
        while rest.startswith(b"\xef\xbb\xbf"):
            rest = rest[3:]
        assert count == (len(line) - len(rest)) // 3
        assert kind == kind_of(rest)


@settings(deadline=None)
@given(st.recursive(st.integers(-(2**63), 2**63 - 1) | st.floats() | st.text(), st.lists, max_leaves=5), st.booleans())
def test_what_json_writes_is_an_object(value: object, ascii_only: bool) -> None:
    line = json.dumps({"a": value, "b": {"c": None}}, ensure_ascii=ascii_only).encode()
    starts, ends, kinds, _ = json_lines.scan_lines(array(b" " + line + b"\r\n\t" + line))
    assert kinds.tolist() == [OBJECT, OBJECT]
    assert starts.tolist() == [0, len(line) + 3]
    assert ends.tolist() == [len(line) + 2, 2 * len(line) + 4]


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b"", BLANK),
        (b' {"a": "}"} \r', OBJECT),
        (b'{"a":"\\\\"}', OBJECT),
        (b'{"a":"\\"}', NOT_ONE_OBJECT),
        (b'{"a":1}{"b":2}', NOT_ONE_OBJECT),
        (b'{"a":1}\r{"b":2}', NOT_ONE_OBJECT),
        (b'{"a":[1}]', NOT_ONE_OBJECT),
        (b'{"a":1}\0', NOT_ONE_OBJECT),
        (b'{"a":1\0}', NOT_ONE_OBJECT),
        (b'{"a":"\0"}', NOT_ONE_OBJECT),
        (b"null", NOT_ONE_OBJECT),
        (b"[1]", NOT_ONE_OBJECT),
        (b' \xef\xbb\xbf{"a":1}', NOT_ONE_OBJECT),
        (b'{"a":[null]}', OBJECT_NULL_ITEM),
        (b'{"a":[{"b":null},Infinity,-Infinity,NaN]}', OBJECT),
        (b'{"a":9223372036854775807,"b":-9223372036854775808}', OBJECT),
        (b'{"a":9223372036854775808}', BIG_INTEGER),
        (b'{"a":-9223372036854775809}', BIG_INTEGER),
        (b'{"a":99999999999999999999999}', BIG_INTEGER),
        (b'{"a":99999999999999999999999.5,"b":99999999999999999999999e2}', OBJECT),
        (b'{"a":"99999999999999999999999"}', OBJECT),
        (b'{"a":' + b"[" * (MAX_DEPTH - 1) + b"]" * (MAX_DEPTH - 1) + b"}", OBJECT),
        (b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}", TOO_DEEP),
        (b'{"a":' + b"[" * 1_000_000, TOO_DEEP),
    ],
)
def test_kind(line: bytes, kind: int) -> None:
    assert json_lines.scan_lines(array(line))[2].tolist() == ([kind] if line else [])
    assert json_lines.scan_lines(array(line + b"\n"))[2].tolist() == [kind]
    assert kind_of(line) == kind


UTF8_EDGES = [
    b"a",
    b"\x7f",
    b"\x80",
    b"\xbf",
    b"\xc1",
    b"\xc2\x80",
    b"\xdf\xbf",
    b"\xe0",
    b"\x9f",
    b"\xa0\x80",
    b"\xed",
]
UTF8_EDGES += [b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xf0\x8f\xbf\xbf", b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xe0"]
UTF8_EDGES += [
    b"\xf4\x90\x80\x80",
    b"\xf5",
    b"\xff",
    "日本".encode(),
    "é".encode(),
    b"\xc0\x80",
    b"\xe1\x80",
    b"\xf1\x80",
]


@settings(deadline=None)
@given(st.lists(st.lists(st.sampled_from(UTF8_EDGES), max_size=6).map(b"".join) | st.binary(max_size=6), max_size=6))
def test_utf8_is_what_python_decodes(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"") for line in lines]
    bounds = np.cumsum([0] + [len(line) for line in lines])
    found = json_lines.utf8_lines(array(b"".join(lines)), bounds[:-1], bounds[1:])
    assert found.tolist() == [is_utf8(line) for line in lines]


def test_utf8_of_every_two_bytes_and_of_random_longer_sequences() -> None:
    source = random.Random(7)
    lines = [bytes((a, b)) for a in range(128, 256) for b in range(0, 256, 5)]
    lines += [bytes(source.randrange(0xE0, 0xF6) for _ in range(1)) + source.randbytes(3) for _ in range(2000)]
    lines += [
        bytes((source.randrange(0xE0, 0xF6), *(source.randrange(0x7E, 0xC2) for _ in range(3)))) for _ in range(5000)
    ]
    bounds = np.cumsum([0] + [len(line) for line in lines])
    found = json_lines.utf8_lines(array(b"".join(lines)), bounds[:-1], bounds[1:])
    assert found.tolist() == [is_utf8(line) for line in lines]
    assert 500 < sum(found) < len(lines) - 500


def is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=8), st.booleans()), max_size=8))
def test_packing_is_joining(lines: list[tuple[bytes, bool]]) -> None:
    lines = [(line.replace(b"\n", b"x"), kept) for line, kept in lines]
    data = b"\n".join(line for line, _ in lines)
    ends = np.cumsum([len(line) + 1 for line, _ in lines]).astype(np.int64) - 1
    starts = ends - np.array([len(line) for line, _ in lines], np.int64)
    keep = np.array([kept for _, kept in lines], bool)
    packed = json_lines.pack_lines(array(data), starts[keep], ends[keep])
    assert packed.tobytes() == b"".join(line + b"\n" for line, kept in lines if kept)


@settings(deadline=None)
@given(st.binary(max_size=12), st.integers(0, 12), st.integers(0, 12))
def test_newlines_are_found_from_both_ends(data: bytes, low: int, high: int) -> None:
    data = data.replace(b"\x00", b"\n")
    high = min(high, len(data))
    assert json_lines.first_newline(array(data), low, high) == data.find(b"\n", low, high)
    assert json_lines.last_newline(array(data), low, high) == data.rfind(b"\n", low, high)
