"""Write a resolved config as TOML, so that it can be read, compared and handed back with `--config`."""

import json
import math
import re
from collections.abc import Mapping, Sequence

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
# JSON's escapes are TOML's, but for DEL, which TOML wants escaped, and lone surrogates, which it cannot hold.
_NOT_TOML = re.compile("[\x7f\ud800-\udfff]")


def table(name: str, values: Mapping[str, object]) -> str:
    """One TOML table with a header.

    Args:
        name: the table's name, the command for a config.
        values: strings, booleans, numbers, lists and mappings of these. None has no place in TOML: it stands as a
            comment, so that the reader sees the setting, and reads back as absent.

    Raises:
        TypeError: for a value of another type.
    """
    lines = [f"[{_key(name)}]"]
    for key, value in values.items():
        lines.append(f"# {_key(key)} is not set" if value is None else f"{_key(key)} = {_value(value)}")
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(value: str) -> str:
    quoted = json.dumps(value, ensure_ascii=False)
    return _NOT_TOML.sub(lambda found: "\\u007F" if found[0] == "\x7f" else "\ufffd", quoted)


def _value(value: object) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else str(float(value))
    if isinstance(value, Mapping):
        inner = (f"{_key(str(key))} = {_value(item)}" for key, item in value.items() if item is not None)
        return "{" + ", ".join(inner) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"{value!r} of type {type(value).__name__} cannot be written as TOML")
