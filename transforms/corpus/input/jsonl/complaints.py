"""What is wrong with a line, or a whole file, that does not hold JSON lines, said so that it can be mended."""

import json
import re
from collections.abc import Sequence

from transforms.corpus.input.format import BadLine
from transforms.corpus.input.jsonl.compressed import CODECS, MAGIC

MOST_FIRST_LINES = 10
"""A file whose first lines are all bad, so many of them or all it has, does not hold JSON lines."""

HEAD_BYTES = 512
"""How much of a file's beginning tells what it is."""

_ENDINGS = {codec: ending for ending, codec in reversed(CODECS.items())}
_OTHER_MAGIC = {
    b"PAR1": "is a Parquet file: let its name end in .parquet",
    b"ARROW1": "is an Arrow file: let its name end in .arrow",
    b"PK\x03\x04": "is a ZIP archive: unpack it",
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive: unpack it",
    b"SQLite format 3\x00": "is an SQLite database: export it",
    b"version https://git-lfs": "is a pointer of Git LFS: get the file itself (git lfs pull)",
}
_TAR = slice(257, 262), b"ustar"
_WIDE = {
    "UTF-32": (
        rb"^(?:\xff\xfe\0\0)?(?:[ \t\r\n]\0\0\0)*[{\[]\0\0\0",
        rb"^(?:\0\0\xfe\xff)?(?:\0\0\0[ \t\r\n])*\0\0\0[{\[]",
    ),
    "UTF-16": (rb"^(?:\xff\xfe)?(?:[ \t\r\n]\0)*[{\[]\0", rb"^(?:\xfe\xff)?(?:\0[ \t\r\n])*\0[{\[]"),
}
_KINDS = {dict: "an object", list: "an array", str: "a string", bool: "true or false", type(None): "null"}
_MARK = "\ufeff"
_EXTRA = "Extra data"  # as Python's json calls what follows a value
_OUT = "leave the file out"


def foreign(head: bytes, packed: bool) -> str | None:
    """What a file is that begins with `head`, and what to do, if it is known and certainly no JSON lines.

    None for anything that begins as a line of JSON might, and for what is not known. `packed` says that the bytes came
    out of a compressed file.
    """
    for codec, magic in MAGIC.items():
        if head.startswith(magic):
            if packed:
                return f"is packed twice, inside is {codec} data: unpack it once"
            return f"is {codec} data, which its name does not say: let it end in .jsonl{_ENDINGS[codec]}"
    for magic, said in _OTHER_MAGIC.items():
        if head.startswith(magic):
            return said
    if head[_TAR[0]] == _TAR[1]:
        return "is a tar archive: unpack it"
    wide = _wide(head)
    return None if wide is None else f"is {wide} text, JSON lines are UTF-8: convert it (iconv -f {wide} -t UTF-8)"


def complaint(raw: bytes) -> str:
    """What is wrong with a line in UTF-8 that is not one object."""
    text = raw.decode()
    if not text.strip("\0 \t\r"):
        return "nothing but NUL bytes: the file may not have been written to its end"
    if wide := _as_wide(raw):
        return f"NUL bytes, the first at byte {raw.index(0)} of the line{wide}"
    if _MARK in text[: len(text) - len(text.lstrip(f" \t\r{_MARK}"))]:
        return "a byte order mark after white space at the start of the line"
    try:
        # Numbers stay text: Python would refuse the longest ones for their length.
        value = json.loads(text, parse_int=_a_number, parse_float=_a_number)
    except json.JSONDecodeError as error:
        after = text[error.pos :].strip(" \t\r")
        if error.msg == _EXTRA and after == ",":
            return f"a comma after the object, at character {error.pos} of the line, as in an array over several lines"
        return f"{error.msg} at character {error.pos} of the line"
    except RecursionError:
        return "nested too deeply"
    return f"{_KINDS.get(type(value), 'a number')} where an object is wanted"


def encoding_complaint(raw: bytes) -> str:
    """What is wrong with a line that is not UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return f"{error.reason} at byte {error.start} of the line{_as_wide(raw)}"
    return "not UTF-8"


def no_json_lines(bad: Sequence[BadLine]) -> str | None:
    """What to say of a file that begins with these bad lines and no good one; None if that is not enough to judge.

    A single broken line may be a record that breaks off, so it takes two, or an array, or objects on one line.
    """
    first = bad[0].raw.lstrip(b" \t\r\xef\xbb\xbf")
    if first.startswith(b"["):
        return f"begins with an array, at byte {bad[0].position}: write one object per line (jq -c '.[]'), or {_OUT}"
    if len(bad) == 1:
        if not bad[0].detail.startswith(_EXTRA):
            return None
        return f"is one line with something after its first object: write one object per line (jq -c .), or {_OUT}"
    what = "this does not look like JSON lines (one object per line): convert it"
    if first.rstrip() == b"{":
        what = "this looks like objects over several lines: write one object per line (jq -c .)"
    said = f"the first {len(bad)} lines are all bad, at byte {bad[0].position}: {bad[0].detail}"
    return f"{said}; {what}, or {_OUT}"


def opens_array(raw: bytes) -> bool:
    """Whether a line begins an array that it does not end, as the first line of an array over several lines does."""
    if not raw.lstrip(b" \t\r\xef\xbb\xbf").startswith(b"["):
        return False
    try:
        json.loads(raw.decode(errors="replace").lstrip(_MARK), parse_int=_a_number, parse_float=_a_number)
    except ValueError:
        return True
    except RecursionError:
        return False
    return False


def _a_number(_: str) -> int:
    return 0


def _wide(head: bytes) -> str | None:
    return next((name for name, ways in _WIDE.items() if any(re.match(way, head) for way in ways)), None)


def _as_wide(raw: bytes) -> str:
    """A guess that a line is UTF-16: at least a quarter of its bytes are NUL, which UTF-8 text has none of."""
    return ", as in UTF-16 text: JSON lines are UTF-8" if 4 * raw.count(0) >= len(raw) else ""
