"""How alike the documents of a unit are to a deduplicator: they share their scaffolding."""

import re
from typing import Any

import pyarrow as pa

_WORD = re.compile(r"\w+")
_SHINGLE = 5
_MOST_PAIRS = 200


def sibling_similarity(probes: pa.Table) -> dict[str, Any]:
    """Jaccard similarity of sets of 5-word shingles, of the first two siblings of some units.

    Args:
        probes: `schemas.probes`, units in one piece.

    Returns:
        pairs, mean and maximum.
    """
    units = probes["unit"].to_pylist()
    firsts = [row for row in range(len(units) - 1) if row == 0 or units[row] != units[row - 1]]
    step = max(1, len(firsts) // _MOST_PAIRS)
    found = []
    for row in firsts[::step]:
        one, other = (_shingles(probes["text"][at].as_py()) for at in (row, row + 1))
        found.append(len(one & other) / len(one | other))
    return {"pairs": len(found), "mean": sum(found) / len(found), "maximum": max(found)}


def _shingles(text: str) -> set[tuple[str, ...]]:
    words = _WORD.findall(text.lower())
    return {tuple(words[at : at + _SHINGLE]) for at in range(max(1, len(words) - _SHINGLE + 1))}
