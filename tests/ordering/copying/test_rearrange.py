"""Rows in another order are those that Arrow takes, however they are cut into tables, and memory is used again."""

import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.ordering.copying import rearrange
from transforms.ordering.copying.rearrange import Arranged, Scratch, together

TEXTS = st.lists(st.text(max_size=9), max_size=12)


def table(texts: list[str]) -> pa.Table:
    return pa.table(
        {
            "text": pa.array(texts, pa.string()),
            "large": pa.array(texts, pa.large_string()),
            "bytes": pa.array([text.encode() for text in texts], pa.binary()),
            "some": pa.array([text or None for text in texts], pa.string()),
            "kind": pa.array([text[:1] for text in texts], pa.string()).dictionary_encode(),
            "list": pa.array([list(text) for text in texts], pa.list_(pa.string())),
            "n": pa.array(range(len(texts)), pa.int64()),
        }
    )


def cut(whole: pa.Table, at: list[int]) -> tuple[pa.Table, ...]:
    edges = [0, *sorted(min(one, whole.num_rows) for one in at), whole.num_rows]
    return tuple(whole.slice(lo, hi - lo) for lo, hi in itertools.pairwise(edges))


@settings(deadline=None)
@given(TEXTS, TEXTS, st.lists(st.integers(0, 12), max_size=3), st.data())
def test_rows_are_those_that_arrow_takes(
    first: list[str], second: list[str], cuts: list[int], data: st.DataObject
) -> None:
    scratch, parts, wanted = Scratch(), [], []
    for texts in (first, second):
        places = st.lists(st.integers(0, len(texts) - 1), max_size=20) if texts else st.just([])
        order = np.array(data.draw(places), np.int64)  # rows may be left out, or stand there several times
        part = Arranged(cut(table(texts), cuts), order)
        wanted.append(table(texts).to_pylist())
        wanted[-1] = [wanted[-1][row] for row in order.tolist()]
        found = part.table(scratch)
        found.validate(full=True)
        assert found.to_pylist() == wanted[-1]
        assert found.slice(1, 3).to_pylist() == part.slice(1, 3).table(scratch).to_pylist()
        parts.append(part)
    found = together(parts, scratch)
    assert found.to_pylist() == wanted[0] + wanted[1]
    assert all(column.num_chunks <= 1 for column in found.columns)


def test_memory_is_taken_once_and_again_only_for_more() -> None:
    scratch = Scratch()
    first = scratch.bytes(0, 100)
    assert np.shares_memory(first, scratch.bytes(0, 90))
    assert not np.shares_memory(first, scratch.bytes(1, 90))
    assert len(scratch.bytes(0, 1000)) == 1000


def test_texts_that_outgrow_32_bits_are_left_to_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rearrange, "_LARGEST", 3)
    found = Arranged((pa.table({"t": ["ab", "cd"]}),), np.array([1, 0])).table(Scratch())
    assert found["t"].to_pylist() == ["cd", "ab"]
