"""What is asked of all rows of a table of probes at once is what is asked of each."""

import hashlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.probes import conform
from transforms.base.errors import SealError
from transforms.base.keyed import digest, packed
from transforms.planting.forms import form_of
from transforms.planting.tables import checks
from transforms.planting.tables.spelled import texts_as_value
from transforms.planting.tables.unit import Unit
from transforms.planting.tables.units import units_of

ENDS = st.sampled_from(["A", "a", "\u00e9", "1", ".", "!", "?", "\u3002", "\u4e2d", "\u0416", "\uff61", '"', ")"])
TEXTS = st.tuples(ENDS, st.text("abc .", max_size=3), ENDS).map("".join)


def unit(number: int, texts: list[list[str]]) -> list[dict[str, object]]:
    """Rows of a unit: for each candidate a text and its variants, made unique by a number in the middle."""
    rows = []
    for at, own in enumerate(texts):
        named = [f"{one[0]}{number} {at} {place}{one[1:]}" for place, one in enumerate(own)]
        rows.append(
            {"id": f"{number}-{at}", "kind": "k", "unit": f"u{number}", "candidate": at, "stratum": "s", "dose": 1,
             "text": named[0], "variants": named[1:]}
        )  # fmt: skip
    return rows


UNITS = st.lists(st.lists(st.lists(TEXTS, min_size=3, max_size=3), min_size=2, max_size=2), min_size=1, max_size=4)


@given(UNITS)
def test_forms_sizes_and_lists_are_those_of_the_texts(texts: list[list[list[str]]]) -> None:
    rows = [row for number, one in enumerate(texts) for row in unit(number, one)]
    for found in units_of(conform([("p", pa.Table.from_pylist(rows))])):
        assert found.form == form_of(found.texts())
        assert found.longest == max(len(text.encode()) for text in found.texts())
        own = [row for row in rows if row["unit"] == found.id]
        assert [list(one.copies) for one in found.candidates] == [[row["text"], *row["variants"]] for row in own]
        assert all(("variants", "texts", texts_as_value(one.copies[1:])) in one.columns for one in found.candidates)


@given(UNITS, st.integers(0, 5000))
def test_a_leaf_is_the_hash_of_the_canonical_bytes(texts: list[list[list[str]]], more: int) -> None:
    """Also where long texts are hashed by themselves."""
    rows = unit(0, texts[0])
    rows[0]["text"] = f"A{'b' * more}."
    found = units_of(conform([("p", pa.Table.from_pylist(rows))]))[0]
    seed = digest("seed")
    hashed = digest("trapline/v1/leaf", b"salt", found.canonical(), hashlib.sha256(seed).digest())
    assert found.leaf(b"salt", seed) == hashed


CHANGES = st.sampled_from(
    [("kind", "l"), ("stratum", "t"), ("dose", 2), ("unit", "u0"), ("unit", "new"), ("candidate", 0), ("candidate", 7),
     ("planted_as", "document"), ("variants", ["x"]), ("variants", None), ("text", "other")]
)  # fmt: skip


@given(st.integers(0, 5), st.lists(st.tuples(st.integers(0, 5), CHANGES), max_size=2))
def test_units_that_look_alike_are_those_of_which_none_is_refused(
    last: int, changes: list[tuple[int, tuple[str, object]]]
) -> None:
    rows = [row for number in range(3) for row in unit(number, [["Aa.", "Bb."], ["Cc.", "Dd."]])]
    for at, (name, value) in changes:
        rows[at][name] = value
    probes = conform([("p", pa.Table.from_pylist(rows[: last + 1]))])
    found = checks.Rows.of(probes)
    where = [str(row) for row in range(probes.num_rows)]
    with pytest.MonkeyPatch.context() as patch:
        alike = checks._alike(probes, found)
        patch.setattr(checks, "_alike", lambda *_: False)
        if alike:
            checks.refuse_bad_units(probes, found, where)
        else:
            with pytest.raises(SealError):
                checks.refuse_bad_units(probes, found, where)


def test_a_unit_made_by_hand_looks_at_its_texts() -> None:
    from transforms.planting.tables.unit import Candidate

    one = Unit("u", "k", "s", 1, (Candidate("a", "Short."), Candidate("b", "Longer \u00e9.")))
    assert (one.form, one.longest) == (form_of(one.texts()), len("Longer \u00e9.".encode()))


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=4))
def test_long_values_are_bound_as_short_ones_are(lengths: list[int]) -> None:
    """Each field stands behind its length, however long it is."""
    from transforms.planting.tables.unit import Candidate

    values = [("note", "text", "\u00e9" * length) for length in lengths]
    one = Unit("u", "k", "s", 1, tuple(Candidate(f"c{at}", "Text.", (value,)) for at, value in enumerate(values)))
    wanted = packed("trapline/v1/unit", "u", "k", "s", 1, len(values))
    for at, value in enumerate(values):
        wanted += packed(f"c{at}", "Text.", 1, *value)
    assert one.canonical() == wanted
    assert one.leaf(b"salt", b"seed") == digest("trapline/v1/leaf", b"salt", wanted, hashlib.sha256(b"seed").digest())
