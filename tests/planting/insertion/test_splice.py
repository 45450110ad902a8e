"""Insertion into texts, and its undoing."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.base.texts import Texts
from transforms.planting.insertion.splice import characters_before, cut, insert

PIECES = st.tuples(st.integers(0, 5), st.integers(0, 1000), st.text(min_size=1))


def as_arrays(texts: list[str], pieces: list[tuple[int, int, str]]) -> list[tuple[int, int, bytes]]:
    """Insertions at borders of characters, in order: (row, byte offset, piece)."""
    chosen = []
    for row, at, piece in pieces:
        text = texts[row % len(texts)]
        chosen.append((row % len(texts), len(text[: at % (len(text) + 1)].encode()), piece.encode()))
    return sorted(chosen, key=lambda one: one[:2])


@given(st.lists(st.text(), min_size=1, max_size=6), st.lists(PIECES, max_size=12), st.booleans(), st.integers(0, 2))
def test_insertion_and_its_undoing(
    texts: list[str], pieces: list[tuple[int, int, str]], large: bool, skip: int
) -> None:
    kind = pa.large_string() if large else pa.string()
    array = pa.array(["before"] * skip + texts, kind).slice(skip)
    chosen = as_arrays(texts, pieces)
    rows, positions = (np.array([one[at] for one in chosen], np.int64) for at in (0, 1))
    edited, landed = insert(
        Texts.of(array), rows, positions, pa.array([piece.decode() for _, _, piece in chosen], pa.large_string())
    )
    expected = [text.encode() for text in texts]
    shift = [0] * len(texts)
    for (row, at, piece), where in zip(chosen, landed.tolist(), strict=True):
        expected[row] = expected[row][: at + shift[row]] + piece + expected[row][at + shift[row] :]
        assert where == at + shift[row]
        shift[row] += len(piece)
    assert edited.array().type == kind
    assert [one.encode() for one in edited.array().to_pylist()] == expected
    before = characters_before(edited, rows, landed)
    for row, at, count in zip(rows.tolist(), landed.tolist(), before.tolist(), strict=True):
        assert count == len(expected[row][:at].decode())
    lengths = np.array([len(piece) for _, _, piece in chosen], np.int64)
    assert cut(edited, rows, landed, lengths).array().to_pylist() == texts
