"""From a JSON tree to what people read: its parts, and how numbers and codes are written in cards, reports and logs."""

import math
from collections.abc import Mapping, Sequence

Tree = Mapping[str, object]
"""A manifest or metrics read from JSON. What is absent or of another type reads as empty or None."""

_SIZES = ("B", "kB", "MB", "GB", "TB", "PB")
_REASONS = {
    "exact": "exact duplicate",
    "near": "near-duplicate",
    "null_text": "null text",
    "invalid_utf8": "invalid UTF-8",
    "broken_json": "broken JSON line",
    "missing_text": "no text field",
}


def count(value: float) -> str:
    """57631 -> '57,631'."""
    return f"{round(value):,}"


def counted(value: int, noun: str) -> str:
    """A count with its noun, in the plural unless it is one: '1 shard', '12 shards'."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def significant(value: float, digits: int = 3) -> str:
    """A number to so many significant digits, with thousands separators and no exponent: '0.042', '43.1', '1,207'."""
    if not math.isfinite(value):
        return "—"
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits}g}")
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(rounded))))
    return f"{value:,.{decimals}f}"


def size(value: float) -> str:
    """Bytes in decimal units (1 MB is 10**6 bytes, as in MB/s): 530123456 -> '530 MB'."""
    power = 0
    while power + 1 < len(_SIZES) and float(f"{value / 1000**power:.3g}") >= 1000:
        power += 1
    return f"{count(value)} B" if power == 0 else f"{significant(value / 1000**power)} {_SIZES[power]}"


def duration(seconds: float) -> str:
    """Seconds as '0.42 s', '12.3 s', '3 min 05 s' or '2 h 07 min'."""
    if seconds < 99.95:
        return f"{significant(seconds) if seconds >= 1 else f'{seconds:.2f}'} s"
    if round(seconds) < 3600:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min"


def share(part: float, total: float) -> str:
    """A part of a total in per cent; never '0 %' for something or '100 %' for less than all."""
    if total <= 0:
        return "—"
    percent = 100 * part / total
    if 0 < percent < 0.05:
        return "< 0.1 %"
    if 99.95 <= percent < 100:
        return "> 99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def reason(code: str) -> str:
    """What the code of a removal or a quarantine means."""
    return _REASONS.get(code, code.replace("_", " "))


def branch(tree: Tree, *keys: str) -> Tree:
    """The mapping under `keys`; empty where there is none."""
    node: object = tree
    for key in keys:
        node = node.get(key) if isinstance(node, Mapping) else None
    return node if isinstance(node, Mapping) else {}


def number(tree: Tree, key: str) -> int | float | None:
    """A finite number; None for anything else. A bool is not a number."""
    value = tree.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return value


def whole(tree: Tree, key: str) -> int | None:
    """A number as an integer."""
    value = number(tree, key)
    return None if value is None else int(value)


def text(tree: Tree, key: str) -> str | None:
    """A string that is not empty."""
    value = tree.get(key)
    return value if isinstance(value, str) and value else None


def items(tree: Tree, key: str) -> list[object]:
    """The elements of a list; empty where there is none."""
    value = tree.get(key)
    return list(value) if isinstance(value, Sequence) and not isinstance(value, str | bytes) else []


def branches(tree: Tree, key: str) -> list[Tree]:
    """The mappings of a list of mappings."""
    return [item for item in items(tree, key) if isinstance(item, Mapping)]


def numbers(tree: Tree) -> dict[str, int | float]:
    """All entries of a flat mapping that are numbers, in its order."""
    found = ((str(key), number(tree, key)) for key in tree)
    return {key: value for key, value in found if value is not None}
