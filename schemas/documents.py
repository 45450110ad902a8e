"""JSON documents on disk: named, versioned, and with one spelling only, so that any changed byte shows."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn


class DocumentError(ValueError):
    """A document that does not say what its reader needs; the message holds no value of it."""


def to_bytes(name: str, version: int, content: Mapping[str, Any]) -> bytes:
    """The document: UTF-8, keys sorted, indented by two, one newline at the end."""
    return _spell({"schema": f"trapline.{name}", "version": version, **content})


def parse(name: str, version: int, data: bytes, also: tuple[int, ...] = ()) -> dict[str, Any]:
    """The content of a document, without its name and version.

    Args:
        name: of the schema, without "trapline.".
        version: the one that this trapline writes.
        data: the file's bytes.
        also: earlier versions with the same fields.

    Raises:
        DocumentError: if it is not a document of that name and version, or not spelt as `to_bytes` spells it.
    """
    try:
        content = json.loads(data.decode("utf-8"), parse_constant=_refuse_constant)
        spelt_alike = isinstance(content, dict) and _spell(content) == data
    except (ValueError, RecursionError):
        raise DocumentError(f"is not a JSON document ({name})") from None
    if not isinstance(content, dict) or content.get("schema") != f"trapline.{name}":
        raise DocumentError(f"is not a document of the kind trapline.{name}")
    if content.get("version") not in (version, *also):
        known = " or ".join(map(str, (*also, version)))
        raise DocumentError(f"is not version {known} of trapline.{name}: use the trapline that wrote it")
    if not spelt_alike:
        raise DocumentError("was rewritten: some byte is not as trapline wrote it (keep the file byte for byte)")
    return {key: value for key, value in content.items() if key not in ("schema", "version")}


def version_of(data: bytes) -> int:
    """The version that a document states; 0 if it states none. `parse` says whether it is one that can be read."""
    try:
        content = json.loads(data)
        version = content["version"]
    except (ValueError, RecursionError, KeyError, TypeError):
        return 0
    return version if type(version) is int else 0


def fields(content: Mapping[str, Any], wanted: Mapping[str, type | tuple[type, ...]]) -> None:
    """Check that `content` has exactly the fields `wanted`, of these types.

    Raises:
        DocumentError: naming the field.
    """
    for key in sorted(set(content) | set(wanted)):
        if key not in wanted:
            raise DocumentError("has a field that is not known")
        if key not in content:
            raise DocumentError(f"has no field {key!r}")
        value, kind = content[key], wanted[key]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise DocumentError(f"field {key!r} has the wrong type")


def hexadecimal(value: str, field: str, size: int) -> bytes:
    """`size` bytes from lower-case hexadecimal digits.

    Raises:
        DocumentError: naming the field.
    """
    try:
        data = bytes.fromhex(value)
    except ValueError:
        data = b""
    if len(data) != size or data.hex() != value:
        raise DocumentError(f"field {field!r} is not {size} bytes as lower-case hexadecimal digits")
    return data


def _spell(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode()


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)
