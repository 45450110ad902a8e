"""Families of texts under a seal: their order is bound, copies get them in turn, and what cannot be sealed."""

import dataclasses
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.described import VERSION_KEY, SchemaMismatchError
from schemas.probes import PROBES, conform
from transforms.base.errors import SealError
from transforms.planting.tables.spelled import texts_as_value, texts_from
from transforms.planting.tables.unit import Candidate, Unit
from transforms.planting.tables.units import units_of


def rows(**first: Any) -> list[dict[str, Any]]:
    found = [
        {
            "id": f"i{at}", "kind": "trap", "unit": "u", "candidate": at, "stratum": "s", "dose": 5,
            "text": f"text {at}",
            "variants": [f"variant {at} {number}" for number in range(2)], "fresh": [f"fresh {at}"],
        }
        for at in range(3)
    ]  # fmt: skip
    found[0] |= first
    return found


def read(records: list[dict[str, Any]]) -> Unit:
    (unit,) = units_of(conform([("p", pa.Table.from_pylist(records))]))
    return unit


def test_copies_get_the_texts_in_turn() -> None:
    one = read(rows()).candidates[1]
    assert one.copies == ("text 1", "variant 1 0", "variant 1 1")
    assert one.fresh == ("fresh 1",)
    assert [one.copies[one.number_of(copy)] for copy in range(5)] == [*one.copies, *one.copies[:2]]
    assert read(rows()).planted_bytes(1) == sum(len(one.copies[copy % 3]) for copy in range(5))
    assert read(rows()).varies


def test_without_variants_nothing_changes() -> None:
    plain = [{name: row[name] for name in PROBES.names if name in row} for row in rows()]
    table = conform([("p", pa.Table.from_pylist(plain))])
    assert table.schema.equals(PROBES, check_metadata=True)
    (unit,) = units_of(table)
    assert not unit.varies
    assert unit.candidates[0].copies == ("text 0",)
    empty = conform([("p", pa.Table.from_pylist([row | {"variants": None, "fresh": []} for row in rows()]))])
    assert units_of(empty)[0].canonical() == unit.canonical()


def test_a_file_of_families_has_a_version_of_its_own() -> None:
    table = conform([("p", pa.Table.from_pylist(rows()))])
    assert table.schema.metadata[VERSION_KEY] == b"2"
    assert conform([("p", table)]).equals(table)


@pytest.mark.parametrize("column", ["variants", "fresh"])
def test_every_text_and_their_order_is_bound(column: str) -> None:
    sealed = read(rows())
    for changed in (["other", "variant 0 1"], ["variant 0 1", "variant 0 0"]) if column == "variants" else (["other"],):
        assert read(rows(**{column: changed})).canonical() != sealed.canonical()
    labels = [label for label, _ in sealed.fields()]
    assert f"{column} of candidate 0" in labels
    assert not any("variant 0" in label for label in labels)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variants": ["a", "variant 2 1"]}, "row 2: variants: a text is the same as one of row 0"),
        ({"variants": ["text 2", "b"]}, "row 0: variants: a text is the same as one of row 2"),
        ({"fresh": ["variant 0 1"]}, "row 0: fresh: a text is the same as one of row 0"),
        ({"variants": ["a", " "]}, "row 0: variants: a text is empty"),
        ({"variants": ["a", "b\n"]}, "row 0: variants begins or ends with white space"),
        ({"variants": ["a"]}, "row 1: has 2 variants, row 0 of its unit 1"),
        ({"fresh": None}, "row 1: has 1 fresh, row 0 of its unit 0"),
    ],
)
def test_families_that_cannot_be_sealed(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SealError, match=message):
        read(rows(**change))


def test_lists_of_other_things_are_refused() -> None:
    for bad, message in (([1, 2], "expected lists of text"), (["a", None], "has a null within a list")):
        with pytest.raises(SchemaMismatchError, match=f"column 'variants' {message}|column 'variants' is .*{message}"):
            conform([("p", pa.Table.from_pylist([row | {"variants": bad} for row in rows()]))])


TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4).map(tuple)


@given(TEXTS, TEXTS)
def test_lists_are_spelt_in_one_way(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert texts_as_value(one) == json.dumps(list(one), ensure_ascii=False, separators=(",", ":"))
    assert texts_from(texts_as_value(one)) == one
    assert (texts_as_value(one) == texts_as_value(other)) == (one == other)


@given(st.lists(st.text('ab\n"\\\x1f\u00e9', min_size=1), min_size=2, max_size=2))
def test_texts_are_sealed_as_they_are_spelt(variants: list[str]) -> None:
    texts = [f"<{number}{text}>" for number, text in enumerate(variants)]
    sealed = read(rows(variants=texts))
    assert ("variants", "texts", texts_as_value(texts)) in sealed.candidates[0].columns
    assert sealed.candidates[0].copies[1:] == tuple(texts)


def test_texts_that_a_null_hides_are_no_texts() -> None:
    plain = [row | {"id": f"p{at}", "unit": "p", "text": f"plain {at}"} for at, row in enumerate(rows())]
    texts = [f'"{row["id"]}" {number}' for row in [*plain, *rows()] for number in range(2)]
    probes = conform([("p", pa.Table.from_pylist([*plain, *rows()]).drop_columns(["variants", "fresh"]))])
    hidden = pa.ListArray.from_arrays(
        pa.array(range(0, 13, 2), pa.int32()),
        pa.array(texts, pa.large_string()),
        mask=pa.array([True] * 3 + [False] * 3),
    )
    first, second = units_of(probes.append_column("variants", hidden))
    assert [one.copies for one in first.candidates] == [("plain 0",), ("plain 1",), ("plain 2",)]
    assert all(("variants", "texts", texts_as_value(one.copies[1:])) in one.columns for one in second.candidates)


@pytest.mark.parametrize("value", ["", "{}", '["a", "b"]', "[1]", '["\\u0061"]', "[null]", '"a"'])
def test_another_spelling_is_no_list(value: str) -> None:
    with pytest.raises(ValueError, match="is not a list of texts"):
        texts_from(value)
    assert Candidate("i", "text", (("variants", "text", value),)).copies == ("text",)


@given(st.integers(1, 40), st.integers(0, 9))
def test_planted_bytes_are_those_of_all_copies(dose: int, variants: int) -> None:
    texts = tuple("x" * (at + 1) for at in range(variants))
    one = Candidate("i", "text", (("variants", "texts", texts_as_value(texts)),) if texts else ())
    unit = Unit("u", "k", "s", dose, (dataclasses.replace(one, id="j"), one))
    assert unit.planted_bytes(1) == sum(len(one.copies[one.number_of(copy)]) for copy in range(dose))
