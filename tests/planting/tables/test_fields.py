"""Fields of many rows are written as `packed` writes each, and units as columns are the units one by one."""

import itertools
import math
import struct
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.probes import conform
from transforms.base.keyed import packed
from transforms.base.texts import buffers_of
from transforms.planting.sealing.key import Key
from transforms.planting.sealing.seal import leaf_of, leaves_of
from transforms.planting.tables import fields
from transforms.planting.tables.fields_kernel import ends_of
from transforms.planting.tables.spelled import scalars, texts_as_value
from transforms.planting.tables.units import Columns, Drawn, columns_of, drawn_of, texts_of, units_of

KEY = Key(bytes(range(32)))
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=90)
BEGINS = "Aa\u4e2d1"
ESCAPED = st.text(st.sampled_from('ab\u00e9\u4e2d\U0001f600"\\/\n\r\t\b\f\0\x01\x1f\x7f'), max_size=12)


@given(
    st.lists(
        st.tuples(TEXT, st.none() | TEXT, st.none() | st.lists(TEXT | ESCAPED, max_size=3), st.integers(0, 2**63 - 1)),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
    st.integers(1, 300),
)
def test_rows_are_packed_as_each_field_is(rows: list[tuple[Any, ...]], chance: Any, chunk: int) -> None:
    names, notes, lists, numbers = ([row[at] for row in rows] for at in range(4))
    further: list[tuple[bytes, fields.Field]] = [
        (packed("note", "text"), fields.Values.of(pa.array(notes, pa.large_string()))),
        (packed("more", "texts"), fields.Lists.of(pa.array(lists, pa.list_(pa.large_string())))),
    ]
    every = [
        fields.Values.of(pa.array(names, pa.string())),
        fields.Values.integers(np.array(numbers, np.int64)),
        *fields.columns(further),
    ]
    order = list(range(len(rows)))
    chance.shuffle(order)
    borders = sorted([0, len(rows), *(chance.randrange(len(rows) + 1) for _ in range(2))])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fields, "_CHUNK_BYTES", chunk)
        found = [bytes(one) for one in fields.rows_packed(every, np.array(order, np.int64), np.array(borders))]

    def row_of(at: int) -> bytes:
        values = [("note", "text", notes[at])] if notes[at] is not None else []
        values += [("more", "texts", texts_as_value(lists[at]))] if lists[at] else []
        return packed(names[at], numbers[at], len(values)) + b"".join(packed(*value) for value in values)

    wanted = [b"".join(map(row_of, order[lo:hi])) for lo, hi in itertools.pairwise(borders)]
    assert found == wanted


@given(st.lists(st.none() | st.binary(min_size=3, max_size=3), max_size=5))
def test_bytes_of_one_length_and_nulls_as_empty(values: list[bytes | None]) -> None:
    one = fields.Values.of(pa.array(values, pa.binary(3)), nulls_as_empty=True)
    every, borders = np.arange(len(values)), np.arange(len(values) + 1)
    assert [bytes(row) for row in fields.rows_packed([one], every, borders)] == [packed(own or b"") for own in values]


@given(st.lists(TEXT, max_size=9), st.integers(0, 3))
def test_both_ends_of_texts(texts: list[str], skipped: int) -> None:
    array = pa.array(texts, pa.large_string()).slice(skipped)
    firsts, lasts = np.empty(len(array), np.int64), np.empty(len(array), np.int64)
    ends_of(*buffers_of(array), firsts, lasts)
    own = texts[skipped:]
    assert firsts.tolist() == [ord(text[0]) if text else 0 for text in own]
    assert lasts.tolist() == [ord(text[-1]) if text else 0 for text in own]


@given(
    st.lists(st.none() | st.floats(allow_nan=True), min_size=1), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))
)
def test_numbers_are_spelt_one_by_one(floats: list[float | None], integers: list[int | None]) -> None:
    kind, found = scalars(pa.chunked_array([pa.array(floats, pa.float64())]))
    assert kind == "float64"
    for value, spelt in zip(floats, found.to_pylist(), strict=True):
        assert spelt == (None if value is None else struct.pack(">d", value).hex()) or math.isnan(value or 0.0)
    kind, found = scalars(pa.chunked_array([pa.array(integers, pa.int64())]))
    assert (kind, found.to_pylist()) == ("integer", [None if one is None else str(one) for one in integers])
    kind, found = scalars(pa.chunked_array([pa.array([True, None, False])]))
    assert (kind, found.to_pylist()) == ("boolean", ["true", None, "false"])


@st.composite
def probes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of units of two or three candidates in any order, some with variants, fresh texts and further columns."""
    size, units = draw(st.integers(2, 3)), draw(st.integers(1, 4))
    rows = []
    for unit in range(units):
        variants, fresh = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        as_document = draw(st.sampled_from([None, "insertion", "document"]))
        for at in range(size):
            end = draw(st.sampled_from(['".', "\u3002", "\\", "x"]))
            own = f"{draw(st.sampled_from(BEGINS))}{unit} {at}"
            texts = [f"{own} {number}{draw(st.sampled_from(['', chr(10), chr(34)]))}{end}" for number in range(5)]
            rows.append(
                {"id": f"{unit}-{at}", "kind": f"k{unit % 2}", "unit": f"u{unit}", "candidate": at, "dose": 1 + unit,
                 "stratum": f"s{unit % 3}", "text": texts[0], "variants": texts[1 : 1 + variants] or None,
                 "fresh": texts[3 : 3 + fresh], "planted_as": as_document,
                 "perplexity": draw(st.none() | st.floats(0, 9)), "note": draw(st.none() | ESCAPED)}
            )  # fmt: skip
    return draw(st.permutations(rows))


def _plain(found: Columns | Drawn) -> dict[str, Any]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else list(value) for name, value in vars(found).items()
    }


@given(probes(), st.randoms(use_true_random=False))
def test_units_as_columns_are_the_units_one_by_one(rows: list[dict[str, Any]], chance: Any) -> None:
    units = units_of(conform([("p", pa.Table.from_pylist(rows))]))
    assert leaves_of(KEY, units) == [leaf_of(KEY, unit) for unit in units]
    assert b"".join(map(bytes, (part for parts in units.canonical() for part in parts))) == b"".join(
        unit.canonical() for unit in units
    )
    by_hand = list(units)
    assert _plain(columns_of(units)) == _plain(columns_of(by_hand))
    arms = [chance.randrange(len(unit.candidates)) for unit in by_hand]
    found, wanted = drawn_of(units, arms), drawn_of(by_hand, arms)
    assert (found.ids.to_pylist(), found.texts.to_pylist()) == (wanted.ids.to_pylist(), wanted.texts.to_pylist())
    assert found.begins.tolist() == wanted.begins.tolist()
    assert sorted(text for one in texts_of(units) for text in one.to_pylist()) == sorted(
        text for one in texts_of(by_hand) for text in one.to_pylist()
    )
    leaf, copy = np.array([0, len(units) - 1, 0], np.int32), np.array([0, 1, 5], np.int32)
    for number, (unit, which) in enumerate(zip(leaf.tolist(), copy.tolist(), strict=True)):
        one = by_hand[unit].candidates[arms[unit]]
        assert found.numbers(leaf, copy)[number] == one.number_of(which)
        text = one.copies[one.number_of(which)]
        assert found.texts[int(found.rows(leaf, copy)[number])].as_py() == text
        assert found.sizes(leaf, copy)[number] == len(text.encode())
    doses = [sum(found.sizes(np.full(unit.dose, at), np.arange(unit.dose))) for at, unit in enumerate(by_hand)]
    assert doses == [unit.planted_bytes(arm) for unit, arm in zip(by_hand, arms, strict=True)]


@given(st.lists(st.tuples(st.text(max_size=5), st.integers(0, 6)), max_size=5))
def test_numbers_of_many_identities_are_those_of_each(pairs: list[tuple[str, int]]) -> None:
    found = KEY.numbers_of("domain", [name for name, _ in pairs], np.array([count for _, count in pairs], np.int64))
    assert found.tolist() == [one for name, count in pairs for one in KEY.numbers("domain", name, count=count)]
