import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.base.texts import Texts, buffers_of, offsets_of, text_sizes

KINDS = (pa.string(), pa.large_string(), pa.binary(), pa.large_binary())


@settings(deadline=None)
@given(st.lists(st.text(max_size=9)), st.integers(0, 3), st.sampled_from(KINDS))
def test_buffers_hold_each_text_of_any_type_and_slice(texts: list[str], first: int, kind: pa.DataType) -> None:
    raw = [text.encode() for text in texts]
    data, offsets = buffers_of(pa.array(raw, pa.binary()).cast(kind)[first:])
    cuts = itertools.pairwise(offsets.tolist())
    assert [data[begin:end].tobytes() for begin, end in cuts] == raw[first:]
    assert not data.flags.writeable
    assert not offsets.flags.writeable


@pytest.mark.parametrize("kind", KINDS[:2])
def test_texts_become_the_array_that_they_were(kind: pa.DataType) -> None:
    array = pa.array(["a", "ä", "", "漢字"], kind)[1:]
    texts = Texts.of(array)
    assert texts.array().equals(array)
    assert texts.one(2) == "漢字".encode()


def test_a_null_has_no_bytes() -> None:
    assert text_sizes(pa.array(["ab", None, "ü"])).tolist() == [2, 0, 2]
    assert text_sizes(pa.array([], pa.string())).tolist() == []


def test_offsets_are_sums_of_lengths() -> None:
    assert offsets_of([2, 0, 3]).tolist() == [0, 2, 2, 5]
    assert offsets_of(np.array([], np.int64)).tolist() == [0]
