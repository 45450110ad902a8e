"""Write a resolved config as TOML, so that it can be read, compared and handed back with `--config`."""

import re
from collections.abc import Mapping, Sequence

import tomli_w

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def table(name: str, values: Mapping[str, object]) -> str:
    """One TOML table with a header.

    Args:
        name: the table's name, the command for a config.
        values: strings, booleans, numbers, lists and mappings of these. TOML has no null: a setting that is None stands
            as a comment above the table, so that the reader sees the setting, and reads back as absent.

    Raises:
        TypeError: for a value of another type.
    """
    unset = "".join(f"# {_key(key)} is not set\n" for key, value in values.items() if value is None)
    return unset + tomli_w.dumps({_text(name): _plain(values)})


def _key(key: str) -> str:
    """The key as it stands before an equals sign: bare, or quoted and on one line."""
    return tomli_w.dumps({_text(key): True}).removesuffix(" = true\n")


def _plain(value: object) -> object:
    """The value in the types that tomli-w writes."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return [_plain(item) for item in value]
    return value


def _text(value: str) -> str:
    """Paths may hold lone surrogates (bytes that are not UTF-8), for which TOML has no place."""
    return _LONE_SURROGATE.sub("\ufffd", str(value))
