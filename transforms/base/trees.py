"""Read a JSON tree (manifest, metrics) part by part; what is absent or of another type reads as empty or None."""

import math
from collections.abc import Mapping, Sequence

Tree = Mapping[str, object]


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
