import dataclasses
import random
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.described import SchemaMismatchError
from schemas.probes import PROBES, conform
from tests.planting.sealing import independent
from transforms.base.errors import SealError
from transforms.planting.tables.unit import Candidate, Unit
from transforms.planting.tables.units import units_of

SECRET = "xyzzy"


def rows(units: int = 3, m: int = 2) -> list[dict[str, Any]]:
    return [
        {
            "id": f"{SECRET}-{unit}-{at}",
            "kind": "trap",
            "unit": f"{SECRET}-{unit}",
            "candidate": at,
            "stratum": f"{SECRET}-stratum",
            "dose": 10,
            "text": f"{SECRET} text {unit} {at}",
        }
        for unit in range(units)
        for at in range(m + 1)
    ]


def read(records: list[dict[str, Any]]) -> list[Unit]:
    table = pa.Table.from_pylist(records, schema=None)
    return units_of(conform([("probes.parquet", table)]))


def test_units_keep_their_candidates_in_order_whatever_the_order_of_rows() -> None:
    shuffled = rows()
    random.Random(1).shuffle(shuffled)
    found = {unit.id: unit for unit in read(shuffled)}
    assert found == {unit.id: unit for unit in read(rows())}
    assert [one.text for one in found[f"{SECRET}-1"].candidates] == [f"{SECRET} text 1 {at}" for at in range(3)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({4: {"id": f"{SECRET}-0-0"}}, "row 4: the same id as in row 0"),
        ({4: {"text": f"{SECRET} text 1 0"}}, "row 4: the same text as in row 3"),
        ({8: {"text": f"{SECRET} text 0 0"}}, "row 8: the same text as in row 0"),
        ({4: {"text": ""}}, "row 4: text is empty"),
        ({4: {"text": " \n\u3000"}}, "row 4: text is empty"),
        ({4: {"text": f" {SECRET}"}}, "row 4: text begins or ends with white space"),
        ({4: {"text": f"{SECRET}\r"}}, "row 4: text begins or ends with white space"),
        ({4: {"text": f"{SECRET}\u3000"}}, "row 4: text begins or ends with white space"),
        ({4: {"text": f"\u0301{SECRET}"}}, "row 4: text begins with a character that belongs to the one before it"),
        ({4: {"text": f"\u200d{SECRET}"}}, "row 4: text begins with a character that belongs to the one before it"),
        ({4: {"text": f"{SECRET}\u200d"}}, "row 4: text ends in a zero-width joiner"),
        ({4: {"id": ""}}, "row 4: id is empty"),
        ({4: {"stratum": f"{SECRET}-other"}}, "row 4: another stratum than its unit has in row 3"),
        ({4: {"dose": 11}}, "row 4: another dose than its unit has in row 3"),
        ({4: {"kind": "puzzle"}}, "row 4: another kind than its unit has in row 3"),
        ({3: {"dose": 0}, 4: {"dose": 0}, 5: {"dose": 0}}, "row 3: dose 0"),
        ({4: {"candidate": 2}}, "row 3: the 3 candidates of its unit are numbered 0, 2, 2; number them 0 to 2"),
        ({5: {"candidate": 3}}, "numbered 0, 1, 3"),
        ({3: {"candidate": -1}}, "numbered -1, 1, 2"),
    ],
)
def test_unusable_probes_are_refused_without_showing_them(change: dict[int, dict[str, Any]], message: str) -> None:
    records = [{**row, **change.get(at, {})} for at, row in enumerate(rows())]
    with pytest.raises(SealError) as error:
        read(records)
    assert message in str(error.value)
    assert SECRET not in str(error.value)


def test_a_document_of_its_own_may_end_as_it_likes() -> None:
    records = [{**row, "text": f"\u0301{row['text']}\n", "planted_as": "document"} for row in rows(1)]
    (unit,) = read(records)
    assert unit.as_document


def test_units_must_have_equally_many_candidates_and_two_at_least() -> None:
    with pytest.raises(SealError, match=r"row 6: its unit has 2 candidates, the first unit 3") as error:
        read(rows()[:-1])
    assert SECRET not in str(error.value)
    with pytest.raises(SealError, match="one of which is drawn"):
        read([row for row in rows() if row["candidate"] == 0])
    with pytest.raises(SealError, match="no row"):
        units_of(PROBES.empty_table())


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        ("dose", pa.array(["10"] * 9), "column 'dose' is string, expected int32"),
        ("dose", pa.array([2**40] * 9), "column 'dose' (int64) does not fit into int32"),
        ("dose", pa.array([1.0] * 9), "column 'dose' is double, expected int32"),
        ("text", pa.array([b"x"] * 9), "column 'text' is binary"),
        ("stratum", pa.array(["a"] * 8 + [None]), "row 8: 'stratum' is null"),
        ("answer", pa.array([["a"]] * 9), "column 'answer' is list"),
        ("text", None, "no column 'text'"),
    ],
)
def test_columns_that_do_not_fit_are_named(column: str, values: pa.Array | None, message: str) -> None:
    table = pa.Table.from_pylist(rows())
    if column in table.column_names:
        table = table.drop_columns([column])
    if values is not None:
        table = table.append_column(column, values)
    with pytest.raises(SchemaMismatchError) as error:
        conform([("p.parquet", table)])
    assert str(error.value).startswith("p.parquet: ")
    assert message in str(error.value)
    assert SECRET not in str(error.value)


def test_text_that_is_not_utf8_is_refused() -> None:
    table = pa.Table.from_pylist(rows())
    broken = pa.Array.from_buffers(pa.string(), 9, pa.array([b"\xff"] * 9).buffers())
    table = table.set_column(table.column_names.index("text"), "text", broken)
    with pytest.raises(SchemaMismatchError, match="'text' holds text that is not UTF-8"):
        conform([("p.parquet", table)])


def test_files_with_other_columns_go_together_and_nulls_are_left_out() -> None:
    one = pa.Table.from_pylist([{**row, "answer": "yes", "steps": 7} for row in rows(1)])
    two = pa.Table.from_pylist([{**row, "perplexity": 2.5, "hard": True} for row in rows(2)[3:]])
    table = conform([("one", one), ("two", two)])
    assert table.column_names == [*PROBES.names, "answer", "hard", "steps"]
    first, second = units_of(table)
    assert first.candidates[0].columns == (("answer", "text", "yes"), ("steps", "integer", "7"))
    assert second.candidates[2].columns == (("hard", "boolean", "true"), ("perplexity", "float64", "4004000000000000"))
    other = pa.Table.from_pylist([{**row, "answer": 1} for row in rows(2)[3:]])
    with pytest.raises(SchemaMismatchError, match="two: column 'answer' is int64, in one it is large_string"):
        conform([("one", one), ("two", other)])


def test_the_same_values_in_other_arrow_types_are_the_same_unit() -> None:
    table = pa.Table.from_pylist([{**row, "n": 1, "x": 0.5, "s": "a"} for row in rows()])
    other = pa.table(
        {
            **{name: table[name] for name in table.column_names},
            "id": table["id"].cast(pa.large_string()),
            "stratum": table["stratum"].dictionary_encode(),
            "dose": table["dose"].cast(pa.uint8()),
            "n": table["n"].cast(pa.int16()),
            "x": table["x"].cast(pa.float32()),
            "s": table["s"].dictionary_encode(),
        }
    )
    assert list(units_of(conform([("a", table)]))) == list(units_of(conform([("b", other)])))


TEXT = st.text(min_size=1, max_size=6)
CANDIDATE = st.builds(
    Candidate, TEXT, TEXT, st.lists(st.tuples(TEXT, TEXT, st.text(max_size=4)), max_size=2).map(tuple)
)
UNIT = st.builds(Unit, TEXT, TEXT, TEXT, st.integers(1, 9), st.lists(CANDIDATE, min_size=1, max_size=3).map(tuple))


@given(UNIT, UNIT)
def test_different_units_have_different_bytes(one: Unit, other: Unit) -> None:
    assert (one.canonical() == other.canonical()) == (one == other)


@given(UNIT)
def test_the_bytes_are_those_written_down(unit: Unit) -> None:
    assert unit.canonical() == independent.unit_bytes(dataclasses.asdict(unit))
    wanted = independent.leaf_bytes(dataclasses.asdict(unit), b"s" * 32, b"t" * 32)
    assert unit.leaf(b"s" * 32, b"t" * 32) == wanted


def test_text_is_taken_as_it_is_without_normalisation() -> None:
    composed, decomposed = (Candidate("id", text) for text in ("\u00e9", "e\u0301"))
    one, other = (Unit("u", "k", "s", 1, (candidate,)) for candidate in (composed, decomposed))
    assert one.canonical() != other.canonical()


def test_every_field_has_a_digest_and_a_name_that_does_not_show_it() -> None:
    (unit,) = read([{**row, "answer": "42"} for row in rows(1)])
    labels = [label for label, _ in unit.fields()]
    assert len(labels) == len(set(labels)) == len(unit.field_digests()) == 4 + 3 * 3
    assert not any(SECRET in label for label in labels)
    changed = dataclasses.replace(unit, dose=11)
    differing = [
        label
        for label, one, other in zip(labels, unit.field_digests(), changed.field_digests(), strict=True)
        if one != other
    ]
    assert differing == ["dose"]


def test_a_unit_shows_nothing_of_itself() -> None:
    (unit,) = read(rows(1))
    assert SECRET not in repr(unit)
    assert SECRET not in repr(unit.candidates)
